//   copy of a flooded frame: towards its own bridge port? ------> pruned
//                            on a port that its flow does not take of a LAG (flood_lag)? ------> pruned
//   frame
//     |
//   egress_vlan (port, VLAN) --+-- send_untagged   access port, or the untagged VLAN of a trunk
//     | miss                   +-- send_tagged
//   drop
//
// IEEE 802.1Q egress rules. The instance number of a flooded copy is the bridge port that it is for. A LAG has a
// copy for each of its ports, of which the one survives that the flow takes.

control VlanEgress(inout headers_t hdr, inout metadata_t meta, in standard_metadata_t standard_metadata) {
    action_selector(HashAlgorithm.identity, 32w256, 32w16) flood_lag_selector;
    direct_counter(CounterType.packets_and_bytes) flood_lag_counter;
    direct_counter(CounterType.packets_and_bytes) egress_vlan_counter;

    @id(0x01001B01)
    action flood_member(bit<9> port) {
        meta.lag_port = port;
    }

    @id(0x0200001B)
    table flood_lag {
        key = {
            standard_metadata.egress_rid : exact @name("bridge_port");
            meta.flow_hash               : selector;
        }
        actions = {
            flood_member;
            @defaultonly NoAction;
        }
        const default_action = NoAction();
        implementation = flood_lag_selector;
        counters = flood_lag_counter;
        size = 256;
    }

    // The tag that came with the frame goes, its priority goes on.
    @hidden
    action remove_vlan() {
        hdr.egress_vlan.pcp = hdr.vlan.pcp;
        hdr.egress_vlan.dei = hdr.vlan.dei;
        hdr.ethernet.ether_type = hdr.vlan.ether_type;
        hdr.vlan.setInvalid();
    }

    @hidden
    action put_vlan() {
        hdr.egress_vlan.vid = meta.bridge_domain[11:0];
        hdr.egress_vlan.ether_type = hdr.ethernet.ether_type;
        hdr.ethernet.ether_type = EtherType.VLAN;
    }

    @id(0x01001C01)
    action send_tagged() {
        hdr.egress_vlan.setValid();
        hdr.egress_vlan.pcp = 0;
        hdr.egress_vlan.dei = 0;
    }

    @id(0x01001C02)
    action send_untagged() { }

    @id(0x01001C03)
    action not_member() {
        meta.drop_reason = DropReason.NO_EGRESS;
    }

    @id(0x0200001C)
    table egress_vlan {
        key = {
            standard_metadata.egress_port : exact @name("port");
            meta.bridge_domain            : exact @name("vlan");
        }
        actions = {
            send_tagged;
            send_untagged;
            not_member;
        }
        const default_action = not_member();
        counters = egress_vlan_counter;
        size = 4096;
    }

    apply {
        if (standard_metadata.instance_type == InstanceType.REPLICATION) {
            if (standard_metadata.egress_rid == meta.attachment) {
                meta.drop_reason = DropReason.SOURCE_PRUNED;
            } else if (flood_lag.apply().hit) {
                if (meta.lag_port != standard_metadata.egress_port) {
                    meta.drop_reason = DropReason.SOURCE_PRUNED;
                }
            }
        }
        if (meta.drop_reason == DropReason.NONE) {
            egress_vlan.apply();
        }
        if (meta.drop_reason == DropReason.NONE) {
            if (hdr.vlan.isValid()) {
                remove_vlan();
            }
            if (hdr.egress_vlan.isValid()) {
                put_vlan();
            }
        }
    }
}
