//   packet to route
//        |
//   TTL 0 or 1, or ICMP? --no--> (route)
//        | yes
//   own_address (VRF, destination) --hit, echo request --> echo reply, to the source
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

control Icmp(inout headers_t hdr, inout metadata_t meta) {
    direct_counter(CounterType.packets_and_bytes) own_address_counter;
    direct_counter(CounterType.packets_and_bytes) router_address_counter;

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

    // In front of the packet that died: its header and 64 bits of its data are the quotation (RFC 792).
    @id(0x01000E01)
    action time_exceeded(bit<32> address) {
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
        hdr.icmp_ipv4.src_addr = address;
        hdr.icmp_ipv4.dst_addr = hdr.ipv4.src_addr;
        hdr.icmp_error.setValid();
        hdr.icmp_error.message_type = 11;
        hdr.icmp_error.code = 0;
        hdr.icmp_error.checksum = 0;
        hdr.icmp_error.rest = 0;
        meta.ipv4_destination = hdr.ipv4.src_addr;
        meta.originated = true;
        meta.made_length = 56;
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
        if (meta.protocol == (bit<8>)IpProtocol.ICMP || meta.ip_ttl <= 1) {
            own_address.apply();
            if (meta.originated) {
                meta.originated = false;
                if (hdr.icmp.isValid() && hdr.icmp.message_type == 8) {
                    echo_reply();
                    meta.originated = true;
                }
            } else if (meta.ip_ttl <= 1) {
                // Never about an ICMP error (RFC 1812 §4.3.2.7), nor where 64 bits to quote were not read.
                if (hdr.ports.isValid() || hdr.icmp.isValid() && hdr.icmp.message_type == 8) {
                    router_address.apply();
                } else {
                    silent();
                }
            }
        }
    }
}

#endif
