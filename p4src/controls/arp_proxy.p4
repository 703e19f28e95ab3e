//   ARP, RARP ---> copy to the controller (of what EVPN peers send, only what is for a gateway)
//        |
//   request, not gratuitous
//        |
//   neighbor_ipv4 (bridge domain, target) --+-- reply ---------> answered: broadcast, from another circuit than the
//        | miss                             |                    owner's
//        |                                  +-- gateway_reply -> answered, on circuit and core alike
//   (bridge)
//
// Proxy ARP (RFC 9161 §3.3): the owner's MAC as source and as sender; broadcasts only, a unicast probe must reach
// the owner. What is not answered is flooded, gratuitous announcements included: they tell the other sites of a
// move (RFC 9161 §3.6); so are probes for a duplicate address (sender 0, RFC 5227 §2.1.1), although RFC 9161 §3.3 would
// answer them: a machine that has just moved here must not hear of itself, and the owner can speak for itself. A
// gateway's own address is answered here whoever asks.

#include "turn_round.p4"

control ArpProxy(inout headers_t hdr,
                 inout metadata_t meta,
                 inout standard_metadata_t standard_metadata) {
    TurnRound() turn_round;
    direct_counter(CounterType.packets_and_bytes) neighbor_ipv4_counter;
    bool answer;
    bit<48> mac;

    @id(0x01000C01)
    action reply(bit<48> owner_mac, bit<16> owner_attachment) {
        answer = hdr.ethernet.dst_addr[40:40] == 1
            && hdr.arp.sender_ip != 0
            && meta.split_horizon_group != SplitHorizonGroup.CORE
            && meta.attachment != 0
            && meta.attachment != owner_attachment;
        mac = owner_mac;
    }

    @id(0x01000C02)
    action gateway_reply(bit<48> gateway_mac) {
        answer = true;
        mac = gateway_mac;
        meta.punt_reason = PuntReason.ARP;
    }

    @id(0x01000C03)
    action unknown_neighbor() {
        answer = false;
    }

    @id(0x0200000C)
    table neighbor_ipv4 {
        key = {
            meta.bridge_domain : exact @name("bridge_domain");
            hdr.arp.target_ip  : exact @name("address");
        }
        actions = {
            reply;
            gateway_reply;
            unknown_neighbor;
        }
        const default_action = unknown_neighbor();
        counters = neighbor_ipv4_counter;
        size = 65536;
    }

    @hidden
    action make_reply() {
        bit<32> asked = hdr.arp.target_ip;
        hdr.arp.operation = 2;
        hdr.arp.target_mac = hdr.arp.sender_mac;
        hdr.arp.target_ip = hdr.arp.sender_ip;
        hdr.arp.sender_mac = mac;
        hdr.arp.sender_ip = asked;
        hdr.ethernet.dst_addr = hdr.ethernet.src_addr;
        hdr.ethernet.src_addr = mac;
    }

    apply {
        if (meta.attachment != 0) {
            if (hdr.arp.operation > 2) {
                meta.punt_reason = PuntReason.RARP;
            } else {
                meta.punt_reason = PuntReason.ARP;
            }
        }
        // Ethernet and IPv4 only (RFC 826): of other addresses the fields would be read from the wrong bytes. RARP has
        // operations of its own, and means nothing with these (RFC 903).
        bool is_arp = hdr.ethernet.ether_type == EtherType.ARP
            || hdr.vlan.isValid() && hdr.vlan.ether_type == EtherType.ARP
            || hdr.inner_vlan.isValid() && hdr.inner_vlan.ether_type == EtherType.ARP;
        if (is_arp && hdr.arp.operation == 1
                && hdr.arp.hardware_type == 1 && hdr.arp.protocol_type == 0x0800
                && hdr.arp.hardware_length == 6 && hdr.arp.protocol_length == 4
                && hdr.arp.sender_ip != hdr.arp.target_ip) {
            answer = false;
            mac = 0;
            neighbor_ipv4.apply();
            if (answer) {
                make_reply();
                turn_round.apply(meta, standard_metadata);
            }
        }
    }
}
