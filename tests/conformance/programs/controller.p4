// What goes to the controller and comes from it: packets with headers, digests, idle timeouts.
#include <core.p4>
#include <v1model.p4>

@controller_header("packet_in")
header packet_in_t {
    bit<9> ingress_port;
    bit<7> reason;
    bit<16> length;
}

@controller_header("packet_out")
header packet_out_t {
    bit<9> egress_port;
    bit<1> through_pipeline;
    bit<6> padding;
}

header ethernet_t {
    bit<48> dst;
    bit<48> src;
    bit<16> type;
}

struct headers_t {
    packet_in_t packet_in;
    packet_out_t packet_out;
    ethernet_t ethernet;
}

struct learned_t {
    bit<48> mac;
    bit<9> port;
}

struct odd_t {
    bit<1> flag;
    bit<7> seven;
    bit<33> wide;
}

struct metadata_t {
    bool flagged;
}

parser ParserImpl(packet_in packet, out headers_t hdr, inout metadata_t meta, inout standard_metadata_t std) {
    state start {
        transition select(std.ingress_port) {
            510: from_controller;
            default: ethernet;
        }
    }
    state from_controller {
        packet.extract(hdr.packet_out);
        transition ethernet;
    }
    state ethernet {
        packet.extract(hdr.ethernet);
        transition accept;
    }
}

control VerifyImpl(inout headers_t hdr, inout metadata_t meta) {
    apply {}
}

control IngressImpl(inout headers_t hdr, inout metadata_t meta, inout standard_metadata_t std) {
    action forward(bit<9> port) {
        std.egress_spec = port;
    }
    action punt(bit<7> reason) {
        std.egress_spec = 510;
        hdr.packet_in.setValid();
        hdr.packet_in.reason = reason;
    }
    action drop() {
        mark_to_drop(std);
    }
    action known() {}
    action learn() {
        digest<learned_t>(1, {hdr.ethernet.src, std.ingress_port});
    }

    table sources {
        key = {
            hdr.ethernet.src: exact;
        }
        actions = {
            known;
            learn;
        }
        default_action = learn;
        support_timeout = true;
    }
    table destinations {
        key = {
            hdr.ethernet.dst: exact;
        }
        actions = {
            forward;
            punt;
            drop;
        }
        default_action = drop;
    }

    apply {
        if (hdr.packet_out.isValid() && hdr.packet_out.through_pipeline == 0) {
            std.egress_spec = hdr.packet_out.egress_port;
            hdr.packet_out.setInvalid();
            exit;
        }
        hdr.packet_out.setInvalid();
        if (hdr.ethernet.type == 0x1111) {
            sources.apply();
        } else if (hdr.ethernet.type == 0x2222) {
            digest<odd_t>(1, {hdr.ethernet.src[0:0], hdr.ethernet.src[7:1], hdr.ethernet.src[40:8]});
        }
        destinations.apply();
    }
}

control EgressImpl(inout headers_t hdr, inout metadata_t meta, inout standard_metadata_t std) {
    apply {
        if (hdr.packet_in.isValid()) {
            hdr.packet_in.ingress_port = std.ingress_port;
            hdr.packet_in.length = (bit<16>)std.packet_length;
        }
    }
}

control ComputeImpl(inout headers_t hdr, inout metadata_t meta) {
    apply {}
}

control DeparserImpl(packet_out packet, in headers_t hdr) {
    apply {
        packet.emit(hdr.packet_in);
        packet.emit(hdr.packet_out);
        packet.emit(hdr.ethernet);
    }
}

V1Switch(ParserImpl(), VerifyImpl(), IngressImpl(), EgressImpl(), ComputeImpl(), DeparserImpl()) main;
