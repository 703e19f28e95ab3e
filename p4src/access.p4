// The access switch: guests and hypervisors on access and trunk ports, towards one PE or, by a LAG, two.

#include <core.p4>
#include <v1model.p4>

#include "common/access_state.p4"
#include "common/access_parser.p4"

#include "controls/controller_copies.p4"
#include "controls/egress_verdict.p4"
#include "controls/ingress_verdict.p4"
#include "controls/mac_learning.p4"
#include "controls/vlan_admission.p4"
#include "controls/vlan_egress.p4"
#include "controls/vlan_forwarding.p4"
#include "controls/watch_list.p4"

control AccessIngress(inout headers_t hdr, inout metadata_t meta, inout standard_metadata_t standard_metadata) {
    VlanAdmission() vlan_admission;
    WatchList() watch_list;
    MacLearning() mac_learning;
    VlanForwarding() vlan_forwarding;
    IngressVerdict() verdict;

    apply {
        watch_list.apply(hdr, meta);
        if (standard_metadata.parser_error != error.NoError) {
            meta.drop_reason = DropReason.MALFORMED;
        } else if (hdr.packet_out.isValid() && hdr.packet_out.operation == PacketOutOperation.TRANSMIT) {
            standard_metadata.egress_spec = meta.ingress_port;
            meta.step = Step.SEND;
        } else if (hdr.packet_out.isValid() && hdr.packet_out.operation == PacketOutOperation.BRIDGE) {
            meta.bridge_domain = hdr.packet_out.bridge_domain;
            meta.step = Step.BRIDGE;
        } else if (hdr.packet_out.isValid() && hdr.packet_out.operation != PacketOutOperation.RECEIVE) {
            meta.drop_reason = DropReason.MALFORMED;
        } else {
            vlan_admission.apply(meta);
        }
        if (meta.step == Step.BRIDGE && meta.attachment != 0) {
            mac_learning.apply(hdr, meta);
        }
        if (meta.step == Step.BRIDGE) {
            vlan_forwarding.apply(hdr, meta, standard_metadata);
        }
        verdict.apply(meta, standard_metadata);
    }
}

control AccessEgress(inout headers_t hdr, inout metadata_t meta, inout standard_metadata_t standard_metadata) {
    ControllerCopies() controller_copies;
    VlanEgress() vlan_egress;
    EgressVerdict() verdict;

    apply {
        if (standard_metadata.egress_port == CPU_PORT) {
            controller_copies.apply(hdr, meta, standard_metadata);
        } else {
            if (hdr.ethernet.isValid()) {
                vlan_egress.apply(hdr, meta, standard_metadata);
            }
            verdict.apply(meta, standard_metadata);
        }
    }
}

V1Switch(AccessParser(), AccessVerifyChecksum(), AccessIngress(), AccessEgress(), AccessComputeChecksum(),
         AccessDeparser()) main;
