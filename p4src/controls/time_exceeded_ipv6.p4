//   IPv6 header, 64 bits, ...  ->  IPv6 header (made here), ICMPv6 time exceeded, IPv6 header, 64 bits
//
// For IPv6 what `time_exceeded_ipv4` is for IPv4 (RFC 4443 §3.3).

#ifndef CONTROLS_TIME_EXCEEDED_IPV6_P4
#define CONTROLS_TIME_EXCEEDED_IPV6_P4

control TimeExceededIpv6(inout headers_t hdr, inout metadata_t meta, in bit<128> router_address) {
    apply {
        hdr.icmp_ipv6.setValid();
        hdr.icmp_ipv6.version = 6;
        hdr.icmp_ipv6.traffic_class = 0xC0;
        hdr.icmp_ipv6.flow_label = 0;
        hdr.icmp_ipv6.payload_length = 56;
        hdr.icmp_ipv6.next_header = IpProtocol.ICMPV6;
        hdr.icmp_ipv6.hop_limit = 64;
        hdr.icmp_ipv6.src_addr = router_address;
        hdr.icmp_ipv6.dst_addr = hdr.ipv6.src_addr;
        hdr.icmp_error.setValid();
        hdr.icmp_error.message_type = 3;
        hdr.icmp_error.code = 0;
        hdr.icmp_error.checksum = 0;
        hdr.icmp_error.rest = 0;
        meta.made_length = 96;
    }
}

#endif
