//   step DROP --+-- watched ------> copy to the controller as it came in, with the drop reason
//               +-- not watched --> counted and gone
//   step PUNT ---------------------> to the controller
//   punt_reason set, else ---------> copy to the controller; the packet goes its way
//
// The end of ingress: every packet has been given a verdict, and every drop is counted under its reason.

control IngressVerdict(inout metadata_t meta, inout standard_metadata_t standard_metadata) {
    counter(32w32, CounterType.packets_and_bytes) ingress_drops;

    apply {
        if (meta.step == Step.DROP) {
            ingress_drops.count((bit<32>)(bit<8>)meta.drop_reason);
            meta.punt_reason = PuntReason.NONE;
            if (meta.watch != 0 && meta.drop_reason != DropReason.SOURCE_PRUNED) {
                meta.punt_reason = PuntReason.DROPPED;
            }
        }
        if (meta.step == Step.DROP || meta.step == Step.CONSUMED) {
            mark_to_drop(standard_metadata);
        }
        if (meta.step == Step.PUNT) {
            standard_metadata.egress_spec = CPU_PORT;
        } else if (meta.punt_reason != PuntReason.NONE) {
            meta.ingress_timestamp = standard_metadata.ingress_global_timestamp;
            clone_preserving_field_list(CloneType.I2E, (bit<32>)CloneSession.PUNT, 1);
        }
    }
}
