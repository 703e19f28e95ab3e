//   neighbour solicitation, advertisement ---> copy to the controller (of what EVPN peers send, only what
//        |                                                is for a gateway)
//        |
//   solicitation
//        |
//   neighbor_ipv6 (bridge domain, target) --+-- reply_nd ---------> answered: multicast, with a source address,
//        | miss                             |                       from another circuit than the owner's
//        |                                  +-- gateway_reply_nd -> answered, on circuit and core alike
//   (bridge)
//
// Proxy ND (RFC 9161 §3.3) with the router and override flags that came with the route (RFC 9047 §3). Duplicate
// address detection (source ::, RFC 4862 §5.4) is flooded: a machine that has just moved here must not hear of
// itself. Only the gateway defends its own address, to all nodes (RFC 4861 §7.2.4).

#include "turn_round.p4"

control NdProxy(inout headers_t hdr, inout metadata_t meta, inout standard_metadata_t standard_metadata) {
    TurnRound() turn_round;
    direct_counter(CounterType.packets_and_bytes) neighbor_ipv6_counter;
    bool answer;
    bit<48> mac;
    bit<1> is_router;
    bit<1> overrides;

    @id(0x01001D01)
    action reply_nd(bit<48> owner_mac, bit<16> owner_attachment, bit<1> router_flag, bit<1> override_flag) {
        answer = hdr.ethernet.dst_addr[40:40] == 1
            && hdr.ipv6.src_addr != 0
            && meta.split_horizon_group != SplitHorizonGroup.CORE
            && meta.attachment != 0
            && meta.attachment != owner_attachment;
        mac = owner_mac;
        is_router = router_flag;
        overrides = override_flag;
    }

    @id(0x01001D02)
    action gateway_reply_nd(bit<48> gateway_mac) {
        answer = true;
        mac = gateway_mac;
        is_router = 1;
        overrides = 1;
        meta.punt_reason = PuntReason.ND;
    }

    @id(0x01001D03)
    action unknown_neighbor_nd() {
        answer = false;
    }

    @id(0x0200001D)
    table neighbor_ipv6 {
        key = {
            meta.bridge_domain : exact @name("bridge_domain");
            hdr.nd.target      : exact @name("address");
        }
        actions = {
            reply_nd;
            gateway_reply_nd;
            unknown_neighbor_nd;
        }
        const default_action = unknown_neighbor_nd();
        counters = neighbor_ipv6_counter;
        size = 65536;
    }

    // RFC 4861 §4.4. The option that the solicitation came with is cut off in egress.
    @hidden
    action make_advertisement(in bit<1> solicited) {
        hdr.icmp.message_type = 136;
        hdr.icmp.checksum = 0;
        hdr.icmp.rest = is_router ++ solicited ++ overrides ++ 29w0;
        hdr.nd_answer.setValid();
        hdr.nd_answer.option_type = 2;
        hdr.nd_answer.length = 1;
        hdr.nd_answer.mac = mac;
        hdr.ipv6.src_addr = hdr.nd.target;
        hdr.ipv6.payload_length = 32;
        hdr.ipv6.hop_limit = 255;
        hdr.ethernet.src_addr = mac;
        meta.made_length = 72;
    }

    apply {
        if (meta.attachment != 0) {
            meta.punt_reason = PuntReason.ND;
        }
        // RFC 4861 §7.1.1. A hop limit below 255 has crossed a router: a forgery. The shortest solicitation is 24 bytes
        // long, and without a source it goes to a solicited-node address.
        if (hdr.icmp.message_type == 135 && hdr.icmp.code == 0 && hdr.ipv6.hop_limit == 255
                && standard_metadata.checksum_error == 0 && hdr.ipv6.payload_length >= 24
                && (hdr.ipv6.src_addr != 0 || hdr.ipv6.dst_addr[127:24] == 0xFF0200000000000000000001FF)) {
            answer = false;
            mac = 0;
            is_router = 0;
            overrides = 0;
            neighbor_ipv6.apply();
            if (answer) {
                if (hdr.ipv6.src_addr == 0) {
                    hdr.ipv6.dst_addr = 0xFF020000000000000000000000000001;
                    hdr.ethernet.dst_addr = 0x333300000001;
                    make_advertisement(0);
                } else {
                    hdr.ipv6.dst_addr = hdr.ipv6.src_addr;
                    hdr.ethernet.dst_addr = hdr.ethernet.src_addr;
                    make_advertisement(1);
                }
                turn_round.apply(meta, standard_metadata);
            }
        }
    }
}
