//   IPv6 packet to route
//        |
//   hop limit 0 or 1, or ICMPv6? --no--> (route)
//        | yes
//   own_address_ipv6 (VRF, destination) --hit, echo request --> echo reply, to the source
//        |                               --hit, other ICMPv6 ---> drop
//        | miss, hop limit 0 or 1
//   router_address_ipv6 (VRF, bridge domain) --hit--> time exceeded from that address, to the source
//        | miss
//      drop
//
// RFC 4443 §3.3, §4.2: for IPv6 what `icmp` is for IPv4.

#ifndef CONTROLS_ICMPV6_P4
#define CONTROLS_ICMPV6_P4

#include "time_exceeded_ipv6.p4"

control Icmpv6(inout headers_t hdr, inout metadata_t meta) {
    TimeExceededIpv6() error_message;
    direct_counter(CounterType.packets_and_bytes) own_address_ipv6_counter;
    direct_counter(CounterType.packets_and_bytes) router_address_ipv6_counter;
    bit<128> router;

    @id(0x01001E01)
    action own_ipv6() {
        meta.originated = true;
    }

    @id(0x01001E02)
    action not_own_ipv6() {
        meta.originated = false;
    }

    @id(0x0200001E)
    table own_address_ipv6 {
        key = {
            meta.vrf              : exact @name("vrf");
            meta.ipv6_destination : exact @name("address");
        }
        actions = {
            own_ipv6;
            not_own_ipv6;
        }
        const default_action = not_own_ipv6();
        counters = own_address_ipv6_counter;
        size = 8192;
    }

    // The checksum changes by what the type changes (RFC 1624 equation 3); swapped addresses leave it alone.
    @hidden
    action echo_reply() {
        bit<17> sum = (bit<17>)(~hdr.icmp.checksum) + 17w0x0100;
        hdr.icmp.checksum = ~(sum[15:0] + (bit<16>)sum[16:16]);
        hdr.icmp.message_type = 129;
        hdr.ipv6.dst_addr = hdr.ipv6.src_addr;
        hdr.ipv6.src_addr = meta.ipv6_destination;
        hdr.ipv6.hop_limit = 64;
        meta.ipv6_destination = hdr.ipv6.dst_addr;
    }

    @id(0x01001F01)
    action time_exceeded_ipv6(bit<128> address) {
        router = address;
    }

    @id(0x01001F02)
    action silent_ipv6() {
        meta.step = Step.DROP;
        meta.drop_reason = DropReason.TTL_EXCEEDED;
    }

    @id(0x0200001F)
    table router_address_ipv6 {
        key = {
            meta.vrf           : exact @name("vrf");
            meta.bridge_domain : exact @name("bridge_domain");
        }
        actions = {
            time_exceeded_ipv6;
            silent_ipv6;
        }
        const default_action = silent_ipv6();
        counters = router_address_ipv6_counter;
        size = 4096;
    }

    apply {
        router = 0;
        bool whole = hdr.ipv6.payload_length >= 8;   // else it was padding that was read
        if (meta.protocol == (bit<8>)IpProtocol.ICMPV6 || meta.ip_ttl <= 1) {
            own_address_ipv6.apply();
            if (meta.originated) {
                meta.originated = false;
                if (whole && hdr.icmp.isValid() && hdr.icmp.message_type == 128) {
                    echo_reply();
                    meta.originated = true;
                } else if (meta.protocol == (bit<8>)IpProtocol.ICMPV6) {
                    meta.step = Step.DROP;
                    meta.drop_reason = DropReason.LOCAL;
                } else {
                    meta.step = Step.PUNT;
                    meta.punt_reason = PuntReason.LOCAL;
                }
            } else if (meta.ip_ttl <= 1) {
                // Never about an ICMPv6 error (RFC 4443 §2.4), nor where 64 bits to quote were not read.
                if (whole && (hdr.ports.isValid() || hdr.icmp.isValid() && hdr.icmp.message_type == 128)) {
                    router_address_ipv6.apply();
                    if (meta.step == Step.ROUTE) {
                        error_message.apply(hdr, meta, router);
                        meta.ipv6_destination = hdr.ipv6.src_addr;
                        meta.originated = true;
                    }
                } else {
                    silent_ipv6();
                }
            }
        }
    }
}

#endif
