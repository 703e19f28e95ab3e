// Copies of packets and second passes, asked for by the packet, which on its way out tells what became of it.
#include <core.p4>
#include <v1model.p4>

header request_t {
    bit<8> ingress_op;
    bit<8> egress_op;
    bit<16> argument;
    bit<16> tag;
}

header report_t {
    bit<8> instance_type;
    bit<8> passes;
    bit<16> rid;
    bit<16> kept;
    bit<16> lost;
    bit<16> ingress_port;
    bit<16> egress_port;
    bit<16> packet_length;
}

header extra_t {
    bit<32> value;
}

struct headers_t {
    extra_t extra;
    request_t request;
    report_t report;
}

struct metadata_t {
    @field_list(1)
    bit<16> kept;
    bit<16> lost;
}

parser ParserImpl(packet_in packet, out headers_t hdr, inout metadata_t meta, inout standard_metadata_t std) {
    state start {
        packet.extract(hdr.request);
        packet.extract(hdr.report);
        transition accept;
    }
}

control VerifyImpl(inout headers_t hdr, inout metadata_t meta) {
    apply {}
}

control IngressImpl(inout headers_t hdr, inout metadata_t meta, inout standard_metadata_t std) {
    bit<32> clone_session;
    apply {
        clone_session = (bit<32>)hdr.request.argument;
        hdr.report.kept = meta.kept;
        hdr.report.lost = meta.lost;
        hdr.report.instance_type = (bit<8>)std.instance_type;
        hdr.report.ingress_port = (bit<16>)std.ingress_port;
        hdr.report.packet_length = (bit<16>)std.packet_length;
        meta.lost = 0x1055;
        meta.kept = 0x0bad;
        std.egress_spec = 2;
        switch (hdr.request.ingress_op) {
            1: { clone(CloneType.I2E, clone_session); }
            2: { clone_preserving_field_list(CloneType.I2E, clone_session, 1); }
            3: {
                clone_preserving_field_list(CloneType.I2E, clone_session, 1);
                clone(CloneType.I2E, clone_session + 1);
            }
            4: {
                clone_preserving_field_list(CloneType.I2E, clone_session, 1);
                mark_to_drop(std);
            }
            5: { std.mcast_grp = hdr.request.argument; }
            6: {
                mark_to_drop(std);
                std.mcast_grp = hdr.request.argument;
            }
            7: {
                std.mcast_grp = hdr.request.argument;
                mark_to_drop(std);
            }
            8: {
                if (std.instance_type == 0) {
                    resubmit_preserving_field_list(1);
                }
            }
            9: { mark_to_drop(std); }
            10: {
                mark_to_drop(std);
                std.egress_spec = 3;
            }
            11: {
                // A resubmitted packet is not multicast, nor dropped.
                if (std.instance_type == 0) {
                    std.mcast_grp = hdr.request.argument;
                    mark_to_drop(std);
                    resubmit_preserving_field_list(2);
                }
            }
            12: {
                clone_preserving_field_list(CloneType.I2E, clone_session, 1);
                std.mcast_grp = 9;
            }
            13: {
                if (std.instance_type == 0) {
                    clone_preserving_field_list(CloneType.I2E, clone_session, 1);
                    resubmit_preserving_field_list(1);
                }
            }
            14: { std.egress_spec = 511; }
            15: {
                hdr.extra.setValid();
                hdr.extra.value = 0x0e0e0e0e;
                clone(CloneType.I2E, clone_session);
            }
            default: {}
        }
        meta.kept = 0x4e77;
        hdr.request.tag = 0x0001;
    }
}

control EgressImpl(inout headers_t hdr, inout metadata_t meta, inout standard_metadata_t std) {
    bit<32> clone_session;
    apply {
        clone_session = (bit<32>)hdr.request.argument;
        hdr.report.passes = hdr.report.passes + 1;
        if (hdr.request.egress_op != 9 && hdr.request.egress_op != 12) {
            hdr.report.instance_type = (bit<8>)std.instance_type;
            hdr.report.rid = std.egress_rid;
            hdr.report.kept = meta.kept;
            hdr.report.lost = meta.lost;
            hdr.report.ingress_port = (bit<16>)std.ingress_port;
            hdr.report.egress_port = (bit<16>)std.egress_port;
            hdr.report.packet_length = (bit<16>)std.packet_length;
        }
        if (std.instance_type == 2) {
            hdr.request.tag = hdr.request.tag | 0xe000;
        } else {
            switch (hdr.request.egress_op) {
                1: { clone(CloneType.E2E, clone_session); }
                2: {
                    clone_preserving_field_list(CloneType.E2E, clone_session, 1);
                    meta.kept = 0x0e0e;
                }
                3: {
                    clone(CloneType.E2E, clone_session);
                    mark_to_drop(std);
                }
                4: {
                    if (hdr.report.passes < 3) {
                        recirculate_preserving_field_list(1);
                        meta.kept = 0x0e0e;
                    }
                }
                5: { mark_to_drop(std); }
                6: { truncate(14); }
                7: {
                    recirculate_preserving_field_list(1);
                    mark_to_drop(std);
                }
                8: {
                    hdr.extra.setValid();
                    hdr.extra.value = 0xabcdabcd;
                    clone(CloneType.E2E, clone_session);
                }
                9: {
                    if (std.instance_type == 0 && hdr.report.passes < 2) {
                        recirculate_preserving_field_list(2);
                    }
                }
                10: {
                    clone_preserving_field_list(CloneType.E2E, clone_session, 1);
                    clone(CloneType.E2E, clone_session + 1);
                }
                11: {
                    if (std.egress_port == 3) {
                        mark_to_drop(std);
                    }
                }
                default: {}
            }
            hdr.request.tag = hdr.request.tag | 0x0e00;
        }
    }
}

control ComputeImpl(inout headers_t hdr, inout metadata_t meta) {
    apply {}
}

control DeparserImpl(packet_out packet, in headers_t hdr) {
    apply {
        packet.emit(hdr.extra);
        packet.emit(hdr.request);
        packet.emit(hdr.report);
    }
}

V1Switch(ParserImpl(), VerifyImpl(), IngressImpl(), EgressImpl(), ComputeImpl(), DeparserImpl()) main;
