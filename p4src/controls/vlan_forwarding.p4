//   destination_mac (VLAN, MAC) --+-- forward_port -> port
//                                 +-- forward_lag --> lag (selector over the flow) -> port
//                                 +-- discard_mac
//   miss, or group address -------> the multicast group whose number is the VLAN
//   01-80-C2-00-00-00 to -0F -----> drop: for this bridge, of which nothing listens (IEEE 802.1Q, 8.6.3, Table 8-1)
//
// A frame whose destination is where it came from is filtered (IEEE 802.1Q, 8.8).

#include "flow_hash.p4"

control VlanForwarding(in headers_t hdr, inout metadata_t meta, inout standard_metadata_t standard_metadata) {
    FlowHash() flow_hash;
    action_selector(HashAlgorithm.identity, 32w256, 32w16) lag_selector;
    direct_counter(CounterType.packets_and_bytes) destination_mac_counter;
    direct_counter(CounterType.packets_and_bytes) lag_counter;
    bit<16> destination;

    @id(0x01001901)
    action forward_port(bit<16> bridge_port, bit<9> port) {
        destination = bridge_port;
        standard_metadata.egress_spec = port;
        meta.step = Step.SEND;
    }

    @id(0x01001902)
    action forward_lag(bit<16> bridge_port) {
        destination = bridge_port;
        meta.lag = bridge_port;
    }

    @id(0x01001903)
    action discard_mac() {
        meta.step = Step.DROP;
        meta.drop_reason = DropReason.MAC_DISCARD;
    }

    @id(0x01001904)
    action flood_vlan() {
        standard_metadata.mcast_grp = meta.bridge_domain;
        meta.step = Step.SEND;
    }

    @id(0x02000019)
    table destination_mac {
        key = {
            meta.bridge_domain    : exact @name("vlan");
            hdr.ethernet.dst_addr : exact @name("mac");
        }
        actions = {
            forward_port;
            forward_lag;
            discard_mac;
            flood_vlan;
        }
        const default_action = flood_vlan();
        counters = destination_mac_counter;
        size = 65536;
    }

    @id(0x01001A01)
    action lag_member(bit<9> port) {
        standard_metadata.egress_spec = port;
        meta.step = Step.SEND;
    }

    // A table with a selector has no default action in bmv2 (p4c's back end says so of each), and a group without a
    // live member runs none: either way the step stays as it was.
    @id(0x0200001A)
    table lag {
        key = {
            meta.lag       : exact @name("bridge_port");
            meta.flow_hash : selector;
        }
        actions = {
            lag_member;
            @defaultonly NoAction;
        }
        const default_action = NoAction();
        implementation = lag_selector;
        counters = lag_counter;
        size = 256;
    }

    apply {
        destination = 0;
        flow_hash.apply(hdr, meta);
        if (hdr.ethernet.dst_addr[47:4] == 0x0180C200000) {
            discard_mac();
        } else if (hdr.ethernet.dst_addr[40:40] == 1) {
            flood_vlan();
        } else {
            destination_mac.apply();
            if (destination != 0 && destination == meta.attachment) {
                meta.step = Step.DROP;
                meta.drop_reason = DropReason.SOURCE_PRUNED;
            } else if (meta.lag != 0) {
                lag.apply();
                if (meta.step != Step.SEND) {
                    meta.step = Step.DROP;
                    meta.drop_reason = DropReason.NO_PATH;
                }
            }
        }
    }
}
