//   (label_expiry, if its TTL ends here)
//        |
//   incoming_label (top label) --selector over the flow--+-- swap -----> port, label, NHLFE
//        | miss                                          +-- pop ------> port, NHLFE
//      drop                                              +-- replicate > multicast group, a label per copy (branches)
//
// Incoming label map (RFC 3031 §3.11). Pop is for the last router before the end of the path (penultimate-hop
// popping, RFC 3031 §3.16). Of the paths of equal cost one is chosen by the entropy label where there is one
// (RFC 6790 §4.3), else by the customer's flow, and each router chooses in its own way.

#include "flow_hash.p4"
#include "label_expiry.p4"
#include "path_choice.p4"

control LabelSwitching(inout headers_t hdr, inout metadata_t meta, inout standard_metadata_t standard_metadata) {
    FlowHash() flow_hash;
    PathChoice() path_choice;
    LabelExpiry() label_expiry;
    action_selector(HashAlgorithm.identity, 32w1024, 32w16) incoming_label_selector;
    direct_counter(CounterType.packets_and_bytes) incoming_label_counter;

    @id(0x01001701)
    action swap(bit<9> port, bit<20> label, bit<16> nhlfe_id) {
        standard_metadata.egress_spec = port;
        meta.label = label;
        meta.nhlfe = nhlfe_id;
        meta.step = Step.SEND;
    }

    @id(0x01001702)
    action pop(bit<9> port, bit<16> nhlfe_id) {
        standard_metadata.egress_spec = port;
        meta.pop = true;
        meta.nhlfe = nhlfe_id;
        meta.step = Step.SEND;
    }

    @id(0x01001703)
    action replicate(bit<16> tree) {
        standard_metadata.mcast_grp = tree;
        meta.tree = tree;
        meta.step = Step.SEND;
    }

    // A table with a selector has no default action in bmv2 (p4c's back end says so of each), and a group without a
    // live member runs none: either way the step stays as it was.
    @id(0x02000017)
    table incoming_label {
        key = {
            hdr.top.label : exact @name("label");
            meta.choice   : selector;
        }
        actions = {
            swap;
            pop;
            replicate;
            @defaultonly NoAction;
        }
        const default_action = NoAction();
        implementation = incoming_label_selector;
        counters = incoming_label_counter;
        size = 4096;
    }

    apply {
        if (hdr.top.ttl <= 1) {
            label_expiry.apply(hdr, meta);
        }
        if (meta.drop_reason == DropReason.NONE) {
            if (meta.entropy != 0) {
                meta.flow_hash = meta.entropy[15:0];
            } else {
                flow_hash.apply(hdr, meta);
            }
            // A number that no other router has: of the MAC of the port that the packet came in by.
            path_choice.apply(meta, hdr.link.dst_addr[31:16] ^ (hdr.link.dst_addr[7:0] ++ hdr.link.dst_addr[15:8]));
            if (!incoming_label.apply().hit) {
                meta.drop_reason = DropReason.UNKNOWN_LABEL;
            } else if (meta.step == Step.DROP) {
                meta.drop_reason = DropReason.NO_PATH;
            }
        }
    }
}
