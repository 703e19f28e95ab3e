//   flood (bridge domain, kind, from the core?)
//        +-- replicate ---------> a multicast group
//        +-- discard_flooded ---> drop: unknown unicast is off here
//        +-- miss --------------> the multicast group whose number is that of the bridge domain
//
// Ingress replication (RFC 7432 §11.2, §12.1): the group makes a copy per attachment circuit and per PE, in egress
// each gets its own labels, and those that must not be are pruned. An entry is needed only where a kind of traffic
// has a group of its own, such as one without the core for what came from the core.

control Flooding(inout metadata_t meta, inout standard_metadata_t standard_metadata) {
    direct_counter(CounterType.packets_and_bytes) flood_counter;

    @id(0x01000B01)
    action replicate(bit<16> group) {
        standard_metadata.mcast_grp = group;
        meta.step = Step.SEND;
    }

    @id(0x01000B02)
    action discard_flooded() {
        meta.step = Step.DROP;
        meta.drop_reason = DropReason.UNKNOWN_UNICAST;
    }

    @id(0x01000B03)
    action replicate_bridge_domain() {
        standard_metadata.mcast_grp = meta.bridge_domain;
        meta.step = Step.SEND;
    }

    @id(0x0200000B)
    table flood {
        key = {
            meta.bridge_domain       : exact @name("bridge_domain");
            meta.bum                 : exact @name("kind");
            meta.split_horizon_group : exact @name("split_horizon_group");
        }
        actions = {
            replicate;
            discard_flooded;
            replicate_bridge_domain;
        }
        const default_action = replicate_bridge_domain();
        counters = flood_counter;
        size = 16384;
    }

    apply {
        flood.apply();
    }
}
