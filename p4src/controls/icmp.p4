//   packet to route
//        |
//   TTL 0 or 1, or ICMP? --no--> (route)
//        | yes
//   own_address (VRF, destination) --hit, echo request --> echo reply, to the source
//        |                          --hit, other ICMP -----> drop (a piece of a request, too)
//        | miss, TTL 0 or 1
//   router_address (VRF, bridge domain) --hit--> time exceeded from that address, to the source
//        | miss
//      drop
//
// What a router must say (RFC 1812 §4.3.2, §4.3.3.4, §4.3.3.6), so that ping and traceroute work. Only packets that
// may concern it pay for the look-up. An answer is a packet like any other from here on: it is routed back in the
// same VRF.

#ifndef CONTROLS_ICMP_P4
#define CONTROLS_ICMP_P4

#include "time_exceeded_ipv4.p4"

control Icmp(inout headers_t hdr, inout metadata_t meta) {
    TimeExceededIpv4() error_message;
    direct_counter(CounterType.packets_and_bytes) own_address_counter;
    direct_counter(CounterType.packets_and_bytes) router_address_counter;
    bit<32> router;

    @id(0x01000D01)
    action own() {
        meta.originated = true;
    }

    @id(0x01000D02)
    action not_own() {
        meta.originated = false;
    }

    @id(0x0200000D)
    table own_address {
        key = {
            meta.vrf              : exact @name("vrf");
            meta.ipv4_destination : exact @name("address");
        }
        actions = {
            own;
            not_own;
        }
        const default_action = not_own();
        counters = own_address_counter;
        size = 8192;
    }

    // RFC 792. Both checksums change by what type and TTL change (RFC 1624 equation 3).
    @hidden
    action echo_reply() {
        bit<17> sum = (bit<17>)(~hdr.icmp.checksum) + 17w0xF7FF;
        hdr.icmp.checksum = ~(sum[15:0] + (bit<16>)sum[16:16]);
        hdr.icmp.message_type = 0;
        sum = (bit<17>)(~hdr.ipv4.checksum) + (bit<17>)(~(hdr.ipv4.ttl ++ 8w0));
        sum = (bit<17>)sum[15:0] + (bit<17>)sum[16:16] + 17w0x4000;
        hdr.ipv4.checksum = ~(sum[15:0] + (bit<16>)sum[16:16]);
        hdr.ipv4.ttl = 64;
        hdr.ipv4.dst_addr = hdr.ipv4.src_addr;
        hdr.ipv4.src_addr = meta.ipv4_destination;
        meta.ipv4_destination = hdr.ipv4.dst_addr;
    }

    @id(0x01000E01)
    action time_exceeded(bit<32> address) {
        router = address;
    }

    @id(0x01000E02)
    action silent() {
        meta.step = Step.DROP;
        meta.drop_reason = DropReason.TTL_EXCEEDED;
    }

    @id(0x0200000E)
    table router_address {
        key = {
            meta.vrf           : exact @name("vrf");
            meta.bridge_domain : exact @name("bridge_domain");
        }
        actions = {
            time_exceeded;
            silent;
        }
        const default_action = silent();
        counters = router_address_counter;
        size = 4096;
    }

    apply {
        router = 0;
        // Else the link's padding was read in place of the 64 bits behind the header.
        bool whole = hdr.ipv4.total_length >= 28;
        if (meta.protocol == (bit<8>)IpProtocol.ICMP || meta.ip_ttl <= 1) {
            own_address.apply();
            if (meta.originated) {
                meta.originated = false;
                if (whole && hdr.icmp.isValid() && hdr.icmp.message_type == 8 && hdr.ipv4.flags[0:0] == 0) {
                    echo_reply();
                    meta.originated = true;
                } else if (meta.protocol == (bit<8>)IpProtocol.ICMP) {
                    meta.step = Step.DROP;
                    meta.drop_reason = DropReason.LOCAL;
                } else {
                    meta.step = Step.PUNT;
                    meta.punt_reason = PuntReason.LOCAL;
                }
            } else if (meta.ip_ttl <= 1) {
                // Never about an ICMP error (RFC 1812 §4.3.2.7), nor where 64 bits to quote were not read.
                if (whole && !hdr.ipv4_options.isValid()
                        && (hdr.ports.isValid() || hdr.icmp.isValid() && hdr.icmp.message_type == 8)) {
                    router_address.apply();
                    if (meta.step == Step.ROUTE) {
                        error_message.apply(hdr, meta, router);
                        meta.ipv4_destination = hdr.ipv4.src_addr;
                        meta.originated = true;
                    }
                } else {
                    silent();
                }
            }
        }
    }
}

#endif
