//   IPv4 header, 64 bits, ...  ->  IPv4 header (made here), ICMP time exceeded, IPv4 header, 64 bits
//
// The quotation is the header of the packet that died and 64 bits of its data (RFC 792); checksums are computed as it
// leaves. It goes to the source of that packet.

#ifndef CONTROLS_TIME_EXCEEDED_IPV4_P4
#define CONTROLS_TIME_EXCEEDED_IPV4_P4

control TimeExceededIpv4(inout headers_t hdr, inout metadata_t meta, in bit<32> router_address) {
    apply {
        hdr.icmp_ipv4.setValid();
        hdr.icmp_ipv4.version = 4;
        hdr.icmp_ipv4.ihl = 5;
        hdr.icmp_ipv4.tos = 0xC0;
        hdr.icmp_ipv4.total_length = 56;
        hdr.icmp_ipv4.identification = 0;
        hdr.icmp_ipv4.flags = 0;
        hdr.icmp_ipv4.fragment_offset = 0;
        hdr.icmp_ipv4.ttl = 64;
        hdr.icmp_ipv4.protocol = IpProtocol.ICMP;
        hdr.icmp_ipv4.checksum = 0;
        hdr.icmp_ipv4.src_addr = router_address;
        hdr.icmp_ipv4.dst_addr = hdr.ipv4.src_addr;
        hdr.icmp_error.setValid();
        hdr.icmp_error.message_type = 11;
        hdr.icmp_error.code = 0;
        hdr.icmp_error.checksum = 0;
        hdr.icmp_error.rest = 0;
        meta.made_length = 56;
    }
}

#endif
