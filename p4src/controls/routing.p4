//   packet of an IP-VRF: to a gateway's MAC in a bridge domain, or beneath an IP-VRF's label
//        |
//     (martians)
//        |
//     (icmp)
//        |
//   ip_vrf_ipv4 (VRF, longest prefix) --+-- route_to ------> next hop: a neighbour, or another PE
//   ip_vrf_ipv6                         +-- glean ---------> controller: connected, neighbour unknown
//                                       +-- receive -------> controller: an address of this router
//                                       +-- discard_route -> drop
//                                       +-- miss ----------> drop
//
// Host routes and prefixes in one table per family; what VMTO adds is entries (RFC 9135 §5, RFC 9136 §4.4). The
// TTL is decremented where headers are rewritten, in egress.

#include "icmp.p4"
#include "icmpv6.p4"
#include "martians.p4"

control Routing(inout headers_t hdr,
                inout metadata_t meta,
                in standard_metadata_t standard_metadata) {
    Icmp() icmp;
    Icmpv6() icmpv6;
    Martians() martians;
    bool incomplete;
    direct_counter(CounterType.packets_and_bytes) ip_vrf_ipv4_counter;
    direct_counter(CounterType.packets_and_bytes) ip_vrf_ipv6_counter;

    @id(0x01000F01)
    action route_to(bit<24> next_hop) {
        meta.step = Step.NEXT_HOP;
        meta.next_hop = next_hop;
        meta.routed = true;
        meta.source = 0;
        meta.split_horizon_group = SplitHorizonGroup.NONE;
        meta.from_segment = 0;
        meta.bum = Bum.NONE;
    }

    @id(0x01000F02)
    action glean(bit<16> bridge_domain) {
        meta.step = Step.PUNT;
        meta.punt_reason = PuntReason.GLEAN;
        meta.bridge_domain = bridge_domain;
    }

    @id(0x01000F03)
    action receive() {
        meta.step = Step.PUNT;
        meta.punt_reason = PuntReason.LOCAL;
    }

    @id(0x01000F04)
    action discard_route() {
        meta.step = Step.DROP;
        meta.drop_reason = DropReason.ROUTE_DISCARD;
    }

    @id(0x01000F05)
    action no_route() {
        meta.step = Step.DROP;
        meta.drop_reason = DropReason.NO_ROUTE;
    }

    @id(0x0200000F)
    table ip_vrf_ipv4 {
        key = {
            meta.vrf              : exact @name("vrf");
            meta.ipv4_destination : lpm @name("prefix");
        }
        actions = {
            route_to;
            glean;
            receive;
            discard_route;
            no_route;
        }
        const default_action = no_route();
        counters = ip_vrf_ipv4_counter;
        size = 131072;
    }

    @id(0x02000010)
    table ip_vrf_ipv6 {
        key = {
            meta.vrf              : exact @name("vrf");
            meta.ipv6_destination : lpm @name("prefix");
        }
        actions = {
            route_to;
            glean;
            receive;
            discard_route;
            no_route;
        }
        const default_action = no_route();
        counters = ip_vrf_ipv6_counter;
        size = 65536;
    }

    // Whether the frame ends before a packet of this length does. What a link adds behind a short one may follow it.
    @hidden
    action cut_short(in bit<32> length) {
        bit<32> room = standard_metadata.packet_length - (bit<32>)meta.stack_length;
        room = hdr.packet_out.isValid() ? room - 10 : room;
        room = hdr.link.isValid() ? room - 14 : room;
        room = hdr.control_word.isValid() ? room - 4 : room;
        room = hdr.ethernet.isValid() ? room - 14 : room;
        room = hdr.vlan.isValid() ? room - 4 : room;
        room = hdr.inner_vlan.isValid() ? room - 4 : room;
        incomplete = room < length;
    }

    // Uniform model: what routers counted down in the label counts (RFC 3443 §3.1).
    @hidden
    action inherit_ttl() {
        meta.ip_ttl = (meta.uniform_pop && meta.label_ttl < meta.ip_ttl) ? meta.label_ttl : meta.ip_ttl;
    }

    apply {
        if (hdr.ipv4.isValid()) {
            cut_short((bit<32>)hdr.ipv4.total_length);
            if (standard_metadata.checksum_error == 1) {
                meta.step = Step.DROP;
                meta.drop_reason = DropReason.BAD_CHECKSUM;
            } else if (hdr.ipv4.version != 4 || hdr.ipv4.total_length < (bit<16>)hdr.ipv4.ihl * 4 || incomplete) {
                meta.step = Step.DROP;   // RFC 1812 §5.2.2
                meta.drop_reason = DropReason.MALFORMED;
            } else {
                martians.apply(hdr, meta);
                meta.ipv4_destination = hdr.ipv4.dst_addr;
                meta.ip_ttl = hdr.ipv4.ttl;
                inherit_ttl();
                if (meta.step == Step.ROUTE) {
                    icmp.apply(hdr, meta);
                }
                if (meta.step == Step.ROUTE) {
                    ip_vrf_ipv4.apply();
                }
            }
        } else if (hdr.nd.isValid()) {
            meta.step = Step.CONSUMED;   // never routed; the controller has its copy
            meta.punt_reason = PuntReason.ND;
        } else if (hdr.ipv6.isValid()) {
            cut_short((bit<32>)hdr.ipv6.payload_length + 40);
            if (hdr.ipv6.version != 6 || incomplete) {
                meta.step = Step.DROP;
                meta.drop_reason = DropReason.MALFORMED;
            } else {
                martians.apply(hdr, meta);
                meta.ipv6_destination = hdr.ipv6.dst_addr;
                meta.ip_ttl = hdr.ipv6.hop_limit;
                inherit_ttl();
                if (meta.step == Step.ROUTE) {
                    icmpv6.apply(hdr, meta);
                }
                if (meta.step == Step.ROUTE) {
                    ip_vrf_ipv6.apply();
                }
            }
        } else if (hdr.arp.isValid()) {
            meta.step = Step.CONSUMED;   // likewise
            meta.punt_reason = PuntReason.ARP;
        } else {
            meta.step = Step.DROP;
            meta.drop_reason = DropReason.NOT_ROUTABLE;
        }
    }
}
