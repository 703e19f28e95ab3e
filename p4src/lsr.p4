// The P router: switches labels and knows nothing of the services beneath them (RFC 3031).

#include <core.p4>
#include <v1model.p4>

#include "common/lsr_state.p4"
#include "common/lsr_parser.p4"

#include "controls/branches.p4"
#include "controls/controller_copies.p4"
#include "controls/core_interfaces.p4"
#include "controls/egress_verdict.p4"
#include "controls/ingress_verdict.p4"
#include "controls/label_rewrite.p4"
#include "controls/label_switching.p4"
#include "controls/label_trim.p4"
#include "controls/watch_list.p4"

control LsrIngress(inout headers_t hdr, inout metadata_t meta, inout standard_metadata_t standard_metadata) {
    CoreInterfaces() core_interfaces;
    LabelSwitching() label_switching;
    WatchList() watch_list;
    IngressVerdict() verdict;

    apply {
        watch_list.apply(hdr, meta);
        if (hdr.packet_out.isValid() && hdr.packet_out.operation == PacketOutOperation.TRANSMIT) {
            standard_metadata.egress_spec = meta.ingress_port;
            meta.step = Step.SEND;
        } else if (!hdr.link.isValid()) {
            meta.drop_reason = DropReason.MALFORMED;
        } else if (hdr.link.ether_type != EtherType.MPLS) {
            meta.drop_reason = DropReason.NOT_FOR_US;
        } else if (!meta.stack_read) {
            meta.drop_reason = DropReason.MALFORMED;
        } else {
            core_interfaces.apply(hdr, meta);
            if (meta.drop_reason == DropReason.NONE) {
                label_switching.apply(hdr, meta, standard_metadata);
            }
        }
        verdict.apply(meta, standard_metadata);
    }
}

control LsrEgress(inout headers_t hdr, inout metadata_t meta, inout standard_metadata_t standard_metadata) {
    ControllerCopies() controller_copies;
    Branches() branches;
    LabelRewrite() label_rewrite;
    LabelTrim() label_trim;
    EgressVerdict() verdict;

    apply {
        if (standard_metadata.egress_port == CPU_PORT) {
            controller_copies.apply(hdr, meta, standard_metadata);
            if (standard_metadata.instance_type == InstanceType.EGRESS_CLONE && meta.made_length != 0) {
                label_trim.apply(hdr, meta);
            }
        } else {
            if (meta.tree != 0) {
                branches.apply(meta, standard_metadata);
            }
            if (hdr.top.isValid() && meta.drop_reason == DropReason.NONE) {
                label_rewrite.apply(hdr, meta);
            }
            if (meta.made_length != 0) {
                label_trim.apply(hdr, meta);
            }
            verdict.apply(meta, standard_metadata);
        }
    }
}

V1Switch(LsrParser(), LsrVerifyChecksum(), LsrIngress(), LsrEgress(), LsrComputeChecksum(), LsrDeparser()) main;
