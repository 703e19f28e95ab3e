// What a packet knows of time, queues and its own length; egress_spec as it is at first; priorities.
#include <core.p4>
#include <v1model.p4>

header report_t {
    bit<48> ingress_time;
    bit<48> egress_time;
    bit<32> enqueue_time;
    bit<32> queued;
    bit<32> enqueue_depth;
    bit<32> dequeue_depth;
    bit<32> ingress_length;
    bit<32> egress_length;
    bit<16> ingress_spec;
    bit<16> egress_spec;
    bit<16> egress_port;
    bit<8> priority;
    bit<8> instance_type;
}

header request_t {
    bit<8> op;
    bit<104> padding;
}

struct headers_t {
    report_t report;
    request_t request;
}

struct metadata_t {}

parser ParserImpl(packet_in packet, out headers_t hdr, inout metadata_t meta, inout standard_metadata_t std) {
    state start {
        packet.extract(hdr.request);
        transition accept;
    }
}

control VerifyImpl(inout headers_t hdr, inout metadata_t meta) {
    apply {}
}

control IngressImpl(inout headers_t hdr, inout metadata_t meta, inout standard_metadata_t std) {
    apply {
        hdr.report.setValid();
        hdr.report.ingress_time = std.ingress_global_timestamp;
        hdr.report.ingress_length = std.packet_length;
        hdr.report.ingress_spec = (bit<16>)std.egress_spec;
        if (hdr.request.op == 1) {
            std.egress_spec = 3;
        } else if (hdr.request.op == 3) {
            std.egress_spec = 3;
            std.priority = 1;
            clone(CloneType.I2E, 9);
        } else if (hdr.request.op == 4) {
            std.mcast_grp = 7;
            std.priority = 7;
        }
    }
}

control EgressImpl(inout headers_t hdr, inout metadata_t meta, inout standard_metadata_t std) {
    apply {
        hdr.report.egress_time = std.egress_global_timestamp;
        hdr.report.enqueue_time = std.enq_timestamp;
        hdr.report.queued = std.deq_timedelta;
        hdr.report.enqueue_depth = (bit<32>)std.enq_qdepth;
        hdr.report.dequeue_depth = (bit<32>)std.deq_qdepth;
        hdr.report.egress_length = std.packet_length;
        hdr.report.egress_spec = (bit<16>)std.egress_spec;
        hdr.report.egress_port = (bit<16>)std.egress_port;
        hdr.report.priority = (bit<8>)std.priority;
        hdr.report.instance_type = (bit<8>)std.instance_type;
        if (hdr.request.op == 2) {
            // Too late: the port was chosen in ingress.
            std.egress_spec = 4;
            std.egress_port = 5;
        }
    }
}

control ComputeImpl(inout headers_t hdr, inout metadata_t meta) {
    apply {}
}

control DeparserImpl(packet_out packet, in headers_t hdr) {
    apply {
        packet.emit(hdr.report);
        packet.emit(hdr.request);
    }
}

V1Switch(ParserImpl(), VerifyImpl(), IngressImpl(), EgressImpl(), ComputeImpl(), DeparserImpl()) main;
