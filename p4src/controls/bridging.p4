//   mac_vrf (bridge domain, destination MAC)
//        +-- forward -------> next hop: an attachment circuit, a PE, a segment
//        +-- route ---------> IP-VRF: the MAC of a gateway, own, anycast or of another PE (RFC 7432 §10.1)
//        +-- discard_destination
//        +-- miss ----------> flood as unknown unicast
//   group address ----------> flood as broadcast or multicast
//
// A gateway's MAC is a MAC of the bridge domain like any other; only what follows differs. One look-up tells.

control Bridging(in headers_t hdr, inout metadata_t meta) {
    direct_counter(CounterType.packets_and_bytes) mac_vrf_counter;

    @id(0x01000A01)
    action forward(bit<24> next_hop) {
        meta.step = Step.NEXT_HOP;
        meta.next_hop = next_hop;
    }

    @id(0x01000A02)
    action route(bit<16> vrf) {
        meta.step = Step.ROUTE;
        meta.vrf = vrf;
    }

    @id(0x01000A03)
    action discard_destination() {
        meta.step = Step.DROP;
        meta.drop_reason = DropReason.MAC_DISCARD;
    }

    @id(0x01000A04)
    action unknown_destination() {
        meta.step = Step.FLOOD;
        meta.bum = Bum.UNKNOWN_UNICAST;
    }

    @id(0x0200000A)
    table mac_vrf {
        key = {
            meta.bridge_domain    : exact @name("bridge_domain");
            hdr.ethernet.dst_addr : exact @name("mac");
        }
        actions = {
            forward;
            route;
            discard_destination;
            unknown_destination;
        }
        const default_action = unknown_destination();
        counters = mac_vrf_counter;
        size = 262144;
    }

    apply {
        if (hdr.ethernet.dst_addr == 0xFFFFFFFFFFFF) {
            meta.step = Step.FLOOD;
            meta.bum = Bum.BROADCAST;
        } else if (hdr.ethernet.dst_addr[40:40] == 1) {
            meta.step = Step.FLOOD;
            meta.bum = Bum.MULTICAST;
        } else {
            mac_vrf.apply();
        }
    }
}
