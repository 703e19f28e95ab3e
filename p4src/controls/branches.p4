//   copy of a packet on a replication tree
//        |
//   branch (tree, egress_rid) --+-- swap_branch -> label, NHLFE
//        | miss                 +-- pop_branch --> NHLFE
//      drop
//
// Point-to-multipoint and multipoint-to-multipoint label-switched paths (RFC 4875, RFC 6388): the multicast group says
// out of which ports, the branch with which label. Never back out of the port that it came in on (RFC 6388 §3).

control Branches(inout metadata_t meta, in standard_metadata_t standard_metadata) {
    direct_counter(CounterType.packets_and_bytes) branch_counter;

    @id(0x01002801)
    action swap_branch(bit<20> label, bit<16> nhlfe_id) {
        meta.label = label;
        meta.nhlfe = nhlfe_id;
    }

    @id(0x01002802)
    action pop_branch(bit<16> nhlfe_id) {
        meta.pop = true;
        meta.nhlfe = nhlfe_id;
    }

    @id(0x01002803)
    action no_branch() {
        meta.drop_reason = DropReason.NO_REPLICA;
    }

    @id(0x02000028)
    table branch {
        key = {
            meta.tree                    : exact @name("tree");
            standard_metadata.egress_rid : exact @name("egress_rid");
        }
        actions = {
            swap_branch;
            pop_branch;
            no_branch;
        }
        const default_action = no_branch();
        counters = branch_counter;
        size = 4096;
    }

    apply {
        if (standard_metadata.egress_port == meta.ingress_port) {
            meta.drop_reason = DropReason.SOURCE_PRUNED;
        } else {
            branch.apply();
        }
    }
}
