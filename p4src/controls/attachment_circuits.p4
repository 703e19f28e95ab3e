//   frame from a customer port
//        |
//   attachment_circuit (port, VLAN) --hit--> ac, bridge domain        the tag ends here: VLAN-based service
//        | miss                                                       (RFC 7432 §6.1), VLAN-aware bundle (§6.3)
//   attachment_port (port) ----------hit--> ac, bridge domain         the tag is the customer's: VLAN bundle
//        | miss                                                       (§6.2), port-based service (§6.2.1)
//      drop
//
// Says which service a frame belongs to. Changes nothing in the frame: the tag is taken off in egress.

control AttachmentCircuits(inout metadata_t meta) {
    direct_counter(CounterType.packets_and_bytes) attachment_circuit_counter;
    direct_counter(CounterType.packets_and_bytes) attachment_port_counter;

    @id(0x01000101)
    action attach(bit<16> ac, bit<16> bridge_domain, bit<8> split_horizon_group) {
        meta.step = Step.BRIDGE;
        meta.attachment = ac;
        meta.source = ac;
        meta.bridge_domain = bridge_domain;
        meta.split_horizon_group = split_horizon_group;
        meta.pop_vlan = true;
    }

    @id(0x01000102)
    action shut() {
        meta.drop_reason = DropReason.PORT_SHUT;
    }

    @id(0x01000201)
    action attach_bundle(bit<16> ac, bit<16> bridge_domain, bit<8> split_horizon_group) {
        meta.step = Step.BRIDGE;
        meta.attachment = ac;
        meta.source = ac;
        meta.bridge_domain = bridge_domain;
        meta.split_horizon_group = split_horizon_group;
    }

    @id(0x01000202)
    action no_attachment_circuit() {
        meta.drop_reason = DropReason.NO_ATTACHMENT_CIRCUIT;
    }

    @id(0x02000001)
    table attachment_circuit {
        key = {
            meta.ingress_port : exact @name("port");
            meta.vlan_id      : exact @name("vlan_id");
        }
        actions = {
            attach;
            shut;
            no_attachment_circuit;
        }
        const default_action = no_attachment_circuit();
        counters = attachment_circuit_counter;
        size = 4096;
    }

    @id(0x02000002)
    table attachment_port {
        key = {
            meta.ingress_port : exact @name("port");
        }
        actions = {
            attach_bundle;
            no_attachment_circuit;
        }
        const default_action = no_attachment_circuit();
        counters = attachment_port_counter;
        size = 512;
    }

    apply {
        if (!attachment_circuit.apply().hit) {
            meta.drop_reason = DropReason.NONE;
            attachment_port.apply();
        }
    }
}
