//   answer to a frame from a circuit ----> back out of that circuit (the asker's MAC may not be learned yet)
//   answer to a frame from the core -----> (bridge) to where the asker's MAC is
//
// An answer made here is this PE's own frame: it came from no circuit, no segment and no split horizon group.

#ifndef CONTROLS_TURN_ROUND_P4
#define CONTROLS_TURN_ROUND_P4

control TurnRound(inout metadata_t meta, inout standard_metadata_t standard_metadata) {
    apply {
        if (meta.attachment != 0 && meta.split_horizon_group != SplitHorizonGroup.CORE) {
            meta.egress_ac = meta.attachment;
            standard_metadata.egress_spec = meta.ingress_port;
            meta.step = Step.SEND;
        }
        meta.source = 0;
        meta.split_horizon_group = SplitHorizonGroup.NONE;
        meta.from_segment = 0;
        meta.bum = Bum.NONE;
    }
}

#endif
