//   frame
//     |
//   port_vlan (port, VLAN) --hit--> VLAN, bridge port      access port: untagged -> its VLAN
//     | miss                                               trunk port: each VLAN that it carries
//   drop
//
// IEEE 802.1Q ingress rules. A bridge port is a port, or the ports of one LAG together: what is learned on one of
// them is learned on all.

control VlanAdmission(inout metadata_t meta) {
    direct_counter(CounterType.packets_and_bytes) port_vlan_counter;

    @id(0x01001801)
    action admit(bit<16> vlan, bit<16> bridge_port) {
        meta.step = Step.BRIDGE;
        meta.bridge_domain = vlan;
        meta.attachment = bridge_port;
    }

    @id(0x01001802)
    action no_vlan() {
        meta.drop_reason = DropReason.NO_ATTACHMENT_CIRCUIT;
    }

    @id(0x02000018)
    table port_vlan {
        key = {
            meta.ingress_port : exact @name("port");
            meta.vlan_id      : exact @name("vlan_id");
        }
        actions = {
            admit;
            no_vlan;
        }
        const default_action = no_vlan();
        counters = port_vlan_counter;
        size = 4096;
    }

    apply {
        port_vlan.apply();
    }
}
