//   to the circuit or pseudo-wire it came from ---------------> pruned
//   from one member of a split horizon group to another -------> pruned (RFC 4762 §4.4, RFC 7432 §12.1)
//   flooded, and this PE is not the designated forwarder ------> pruned (RFC 7432 §8.5)
//   flooded from a segment that the circuit belongs to ---------> pruned (ESI label, RFC 7432 §8.3)
//
// What bridging must not do, for known unicast and for flooded copies alike. A routed packet came from the router.

control SplitHorizon(inout metadata_t meta) {
    direct_counter(CounterType.packets_and_bytes) esi_split_horizon_counter;

    @id(0x01002301)
    action same_segment() {
        meta.drop_reason = DropReason.ESI_SPLIT_HORIZON;
    }

    @id(0x01002302)
    action other_segment() {
        meta.drop_reason = DropReason.NONE;
    }

    @id(0x02000023)
    table esi_split_horizon {
        key = {
            meta.egress_ac    : exact @name("ac");
            meta.from_segment : exact @name("segment");
        }
        actions = {
            same_segment;
            other_segment;
        }
        const default_action = other_segment();
        counters = esi_split_horizon_counter;
        size = 4096;
    }

    apply {
        if (meta.nhlfe != 0) {
            meta.egress_group = SplitHorizonGroup.CORE;
        }
        if (meta.source != 0 && meta.egress_ac == meta.source) {
            meta.drop_reason = DropReason.SOURCE_PRUNED;
        } else if (meta.egress_group != 0 && meta.egress_group == meta.split_horizon_group) {
            meta.drop_reason = DropReason.SPLIT_HORIZON;
        } else if (meta.blocked == 1 && meta.bum != 0) {
            meta.drop_reason = DropReason.NOT_DF;
        } else if (meta.from_segment != 0 && meta.egress_ac != 0) {
            esi_split_horizon.apply();
        }
    }
}
