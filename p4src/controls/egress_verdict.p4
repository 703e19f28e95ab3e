//   end of egress, any packet but the controller's:
//        dropped here ---> counted under its reason
//        watched --------> a clone of it, with all labels that it leaves with, comes round as a postcard
//
// Postcards: every switch tells of each watched packet where it came in, where and when it went, and how it looked
// then. Copies of a multicast are reported one by one. A copy pruned because it would go back to where it came
// from is no event: it is counted, not reported.

control EgressVerdict(inout metadata_t meta, inout standard_metadata_t standard_metadata) {
    counter(32w32, CounterType.packets_and_bytes) egress_drops;

    apply {
        if (meta.drop_reason != DropReason.NONE) {
            egress_drops.count((bit<32>)(bit<8>)meta.drop_reason);
            mark_to_drop(standard_metadata);
        }
        if (meta.watch != 0 && meta.drop_reason != DropReason.SOURCE_PRUNED) {
            meta.egress_port = standard_metadata.egress_port;
            meta.ingress_timestamp = standard_metadata.ingress_global_timestamp;
            meta.egress_timestamp = standard_metadata.egress_global_timestamp;
            clone_preserving_field_list(CloneType.E2E, (bit<32>)CloneSession.POSTCARD, 1);
        }
    }
}
