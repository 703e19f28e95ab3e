//   to the circuit or pseudo-wire it came from ---------------> pruned
//   from one member of a split horizon group to another -------> pruned (RFC 4762 §4.4, RFC 7432 §12.1)
//   flooded, and this PE is not the designated forwarder ------> pruned (RFC 7432 §8.5)
//
// What bridging must not do, for known unicast and for flooded copies alike. A routed packet came from the router.

control SplitHorizon(inout metadata_t meta) {
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
        }
    }
}
