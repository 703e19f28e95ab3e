//   egress_circuit (ac) --+-- send_tagged ------> its tag is put on (VLAN translation, RFC 7432 §6.1)
//        | miss           +-- send_untagged ----> none
//      drop               +-- shut_egress ------> nothing leaves
//                         +-- send_transparent -> the customer's tags as they are (VLAN bundle, RFC 7432 §6.2)
//
// How frames leave on an attachment circuit, and what may not: `blocked` stops flooded frames, the port is not the
// designated forwarder (RFC 7432 §8.5).

control EgressCircuits(inout headers_t hdr, inout metadata_t meta) {
    direct_counter(CounterType.packets_and_bytes) egress_circuit_counter;

    @id(0x01001501)
    action send_tagged(bit<12> vlan_id, bit<8> split_horizon_group, bit<1> blocked) {
        hdr.egress_vlan.setValid();
        hdr.egress_vlan.vid = vlan_id;
        meta.egress_group = split_horizon_group;
        meta.blocked = blocked;
    }

    @id(0x01001502)
    action send_untagged(bit<8> split_horizon_group, bit<1> blocked) {
        meta.egress_group = split_horizon_group;
        meta.blocked = blocked;
    }

    @id(0x01001503)
    action send_transparent(bit<8> split_horizon_group, bit<1> blocked) {
        meta.pop_vlan = false;
        meta.egress_group = split_horizon_group;
        meta.blocked = blocked;
    }

    @id(0x01001505)
    action shut_egress() {
        meta.drop_reason = DropReason.PORT_SHUT;
    }

    @id(0x01001504)
    action no_circuit() {
        meta.drop_reason = DropReason.NO_EGRESS;
    }

    @id(0x02000015)
    table egress_circuit {
        key = {
            meta.egress_ac : exact @name("ac");
        }
        actions = {
            send_tagged;
            send_untagged;
            send_transparent;
            shut_egress;
            no_circuit;
        }
        const default_action = no_circuit();
        counters = egress_circuit_counter;
        size = 65536;
    }

    apply {
        egress_circuit.apply();
    }
}
