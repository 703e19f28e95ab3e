// What happens to a packet between pipelines, chosen by its first byte.
#include <core.p4>
#include <v1model.p4>

header op_t {
    bit<8> op;
    bit<8> round;
    bit<16> note;
}

header trail_t {
    bit<8> instance_type;
    bit<8> rid;
    bit<16> length;
    bit<16> kept;
    bit<16> lost;
    bit<16> ingress_port;
}

struct headers_t {
    op_t op;
    trail_t trail;
}

struct metadata_t {
    @field_list(1)
    bit<16> kept;
    bit<16> lost;
}

struct learned_t {
    bit<8> op;
    bit<8> round;
    bit<16> note;
}

// 0: just forward
const bit<8> CLONE_I2E = 1;
const bit<8> CLONE_E2E = 2;
const bit<8> RESUBMIT = 3;
const bit<8> RECIRCULATE = 4;
const bit<8> MULTICAST = 5;
const bit<8> DROP = 6;
const bit<8> DROP_THEN_MULTICAST = 7;
const bit<8> MULTICAST_THEN_DROP = 8;
const bit<8> TRUNCATE = 9;
const bit<8> EXIT = 10;
const bit<8> RESUBMIT_FOR_EVER = 11;
const bit<8> TWO_CLONES = 12;
const bit<8> DIGEST_AND_DROP = 13;
const bit<8> DROP_IN_EGRESS = 14;
const bit<8> NO_PORT = 15;
const bit<8> FAIL = 16;
const bit<8> CLONE_AND_DROP = 17;

parser ParserImpl(packet_in packet, out headers_t hdr, inout metadata_t meta, inout standard_metadata_t std) {
    state start {
        packet.extract(hdr.op);
        transition accept;
    }
}

control VerifyImpl(inout headers_t hdr, inout metadata_t meta) { apply { } }

control IngressImpl(inout headers_t hdr, inout metadata_t meta, inout standard_metadata_t std) {
    action set_port() { std.egress_spec = 2; }
    table route {
        actions = { set_port; }
        const default_action = set_port();
    }
    apply {
        if (hdr.op.op != NO_PORT) {
            route.apply();
        }
        bool first = std.instance_type == 0;
        if (first) {
            meta.kept = hdr.op.note;
            meta.lost = hdr.op.note;
        }
        hdr.op.round = hdr.op.round + 1;
        if (hdr.op.op == CLONE_I2E) {
            clone_preserving_field_list(CloneType.I2E, 5, 1);
            meta.kept = meta.kept + 1;
        } else if (hdr.op.op == RESUBMIT && first) {
            resubmit_preserving_field_list(1);
        } else if (hdr.op.op == RESUBMIT_FOR_EVER) {
            resubmit_preserving_field_list(1);
        } else if (hdr.op.op == MULTICAST) {
            std.mcast_grp = 4;
        } else if (hdr.op.op == DROP) {
            mark_to_drop(std);
        } else if (hdr.op.op == DROP_THEN_MULTICAST) {
            mark_to_drop(std);
            std.mcast_grp = 4;
        } else if (hdr.op.op == MULTICAST_THEN_DROP) {
            std.mcast_grp = 4;
            mark_to_drop(std);
        } else if (hdr.op.op == TRUNCATE) {
            truncate(6);
        } else if (hdr.op.op == EXIT) {
            hdr.op.note = 1;
            exit;
        } else if (hdr.op.op == TWO_CLONES) {
            clone(CloneType.I2E, 5);
            clone(CloneType.I2E, 6);
        } else if (hdr.op.op == DIGEST_AND_DROP) {
            digest<learned_t>(1, { hdr.op.op, hdr.op.round, hdr.op.note });
            mark_to_drop(std);
        } else if (hdr.op.op == FAIL) {
            assert(hdr.op.round == 99);
        } else if (hdr.op.op == CLONE_AND_DROP) {
            clone(CloneType.I2E, 5);
            mark_to_drop(std);
        }
        if (hdr.op.op == EXIT) {
            hdr.op.note = 2;
        }
    }
}

control EgressImpl(inout headers_t hdr, inout metadata_t meta, inout standard_metadata_t std) {
    apply {
        hdr.trail.setValid();
        hdr.trail.instance_type = (bit<8>) std.instance_type;
        hdr.trail.rid = (bit<8>) std.egress_rid;
        hdr.trail.length = (bit<16>) std.packet_length;
        hdr.trail.kept = meta.kept;
        hdr.trail.lost = meta.lost;
        hdr.trail.ingress_port = (bit<16>) std.ingress_port;
        if (hdr.op.op == CLONE_E2E && std.instance_type == 0) {
            clone_preserving_field_list(CloneType.E2E, 5, 1);
        } else if (hdr.op.op == RECIRCULATE && std.instance_type == 0 && hdr.op.round < 3) {
            recirculate_preserving_field_list(1);
        } else if (hdr.op.op == DROP_IN_EGRESS) {
            mark_to_drop(std);
        }
    }
}

control ComputeImpl(inout headers_t hdr, inout metadata_t meta) { apply { } }

control DeparserImpl(packet_out packet, in headers_t hdr) {
    apply {
        packet.emit(hdr.op);
        packet.emit(hdr.trail);
    }
}

V1Switch(ParserImpl(), VerifyImpl(), IngressImpl(), EgressImpl(), ComputeImpl(), DeparserImpl()) main;
