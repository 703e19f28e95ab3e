// The provider edge: bridge domains and IP-VRFs between attachment circuits and an MPLS core (RFC 7432, RFC 9135).

#include <core.p4>
#include <v1model.p4>

#include "common/pe_state.p4"
#include "common/pe_parser.p4"
#include "common/pe_checksums.p4"

#include "controls/arp_proxy.p4"
#include "controls/attachment_circuits.p4"
#include "controls/bridging.p4"
#include "controls/controller_copies.p4"
#include "controls/controller_packets.p4"
#include "controls/core_interfaces.p4"
#include "controls/egress_circuits.p4"
#include "controls/egress_verdict.p4"
#include "controls/flooding.p4"
#include "controls/imposition.p4"
#include "controls/ingress_verdict.p4"
#include "controls/label_disposition.p4"
#include "controls/mac_learning.p4"
#include "controls/nd_proxy.p4"
#include "controls/next_hops.p4"
#include "controls/nhlfe.p4"
#include "controls/replication.p4"
#include "controls/rewrite.p4"
#include "controls/routing.p4"
#include "controls/split_horizon.p4"
#include "controls/storm_control.p4"
#include "controls/trim.p4"
#include "controls/vrrp_copies.p4"
#include "controls/watch_list.p4"

control PeIngress(inout headers_t hdr, inout metadata_t meta, inout standard_metadata_t standard_metadata) {
    ControllerPackets() controller_packets;
    CoreInterfaces() core_interfaces;
    LabelDisposition() label_disposition;
    AttachmentCircuits() attachment_circuits;
    WatchList() watch_list;
    MacLearning() mac_learning;
    ArpProxy() arp_proxy;
    NdProxy() nd_proxy;
    VrrpCopies() vrrp_copies;
    Bridging() bridging;
    Routing() routing;
    NextHops() next_hops;
    StormControl() storm_control;
    Flooding() flooding;
    IngressVerdict() verdict;

    apply {
        watch_list.apply(hdr, meta);
        if (standard_metadata.parser_error != error.NoError) {
            meta.drop_reason = DropReason.MALFORMED;
        } else if (hdr.link.isValid()) {
            core_interfaces.apply(hdr, meta);
            if (meta.drop_reason == DropReason.NONE) {
                label_disposition.apply(hdr, meta);
            }
        } else if (hdr.packet_out.isValid() && hdr.packet_out.operation != PacketOutOperation.RECEIVE) {
            controller_packets.apply(hdr, meta, standard_metadata);
        } else {
            attachment_circuits.apply(meta);
        }
        if (meta.step == Step.BRIDGE && meta.attachment != 0) {
            mac_learning.apply(hdr, meta);
        }
        if (meta.step == Step.BRIDGE && hdr.arp.isValid()) {
            arp_proxy.apply(hdr, meta, standard_metadata);
        } else if (meta.step == Step.BRIDGE && hdr.nd.isValid()) {
            nd_proxy.apply(hdr, meta, standard_metadata);
        } else if (meta.step == Step.BRIDGE && meta.attachment != 0) {
            vrrp_copies.apply(hdr, meta);
        }
        if (meta.step == Step.BRIDGE) {
            bridging.apply(hdr, meta);
        }
        if (meta.step == Step.ROUTE) {
            routing.apply(hdr, meta, standard_metadata);
        }
        if (meta.step == Step.NEXT_HOP) {
            next_hops.apply(hdr, meta, standard_metadata);
        }
        if (meta.step == Step.FLOOD && meta.attachment != 0) {
            storm_control.apply(meta);
        }
        if (meta.step == Step.FLOOD) {
            flooding.apply(meta, standard_metadata);
        }
        verdict.apply(meta, standard_metadata);
    }
}

control PeEgress(inout headers_t hdr, inout metadata_t meta, inout standard_metadata_t standard_metadata) {
    ControllerCopies() controller_copies;
    Replication() replication;
    EgressCircuits() egress_circuits;
    SplitHorizon() split_horizon;
    Rewrite() rewrite;
    Imposition() imposition;
    Nhlfe() nhlfe;
    Trim() trim;
    EgressVerdict() verdict;

    apply {
        if (standard_metadata.egress_port == CPU_PORT) {
            controller_copies.apply(hdr, meta, standard_metadata);
            if (standard_metadata.instance_type == InstanceType.EGRESS_CLONE && meta.made_length != 0) {
                trim.apply(hdr, meta);
            }
        } else {
            if (standard_metadata.instance_type == InstanceType.REPLICATION) {
                replication.apply(meta, standard_metadata);
            }
            if (meta.egress_ac != 0) {
                egress_circuits.apply(hdr, meta);
            }
            if (meta.drop_reason == DropReason.NONE) {
                split_horizon.apply(meta);
            }
            if (meta.drop_reason == DropReason.NONE) {
                rewrite.apply(hdr, meta);
                if (meta.nhlfe != 0) {
                    imposition.apply(hdr, meta, standard_metadata);
                    nhlfe.apply(hdr, meta);
                }
                if (meta.made_length != 0) {
                    trim.apply(hdr, meta);
                }
            }
            verdict.apply(meta, standard_metadata);
        }
    }
}

V1Switch(PeParser(), PeVerifyChecksum(), PeIngress(), PeEgress(), PeComputeChecksum(), PeDeparser()) main;
