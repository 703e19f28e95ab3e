// A packet filter: one table of masks and one of ranges, for lookups in small and large tables.
#include <core.p4>
#include <v1model.p4>

header packet_t {
    bit<8>  kind;
    bit<8>  protocol;
    bit<16> port;
    bit<32> src;
    bit<32> dst;
}

struct headers_t {
    packet_t packet;
}

struct metadata_t {}

parser Parse(packet_in packet, out headers_t hdr, inout metadata_t meta, inout standard_metadata_t standard) {
    state start {
        packet.extract(hdr.packet);
        transition accept;
    }
}

control Verify(inout headers_t hdr, inout metadata_t meta) {
    apply {}
}

control Ingress(inout headers_t hdr, inout metadata_t meta, inout standard_metadata_t standard) {
    action forward(bit<9> port) {
        standard.egress_spec = port;
    }
    table masks {
        key = {
            hdr.packet.src: ternary;
            hdr.packet.dst: ternary;
            hdr.packet.port: ternary;
            hdr.packet.protocol: ternary;
        }
        actions = { forward; NoAction; }
        size = 131072;
    }
    table ranges {
        key = { hdr.packet.dst: range; }
        actions = { forward; NoAction; }
        size = 131072;
    }
    apply {
        if (hdr.packet.kind == 0) {
            masks.apply();
        } else {
            ranges.apply();
        }
    }
}

control Egress(inout headers_t hdr, inout metadata_t meta, inout standard_metadata_t standard) {
    apply {}
}

control Update(inout headers_t hdr, inout metadata_t meta) {
    apply {}
}

control Deparse(packet_out packet, in headers_t hdr) {
    apply {
        packet.emit(hdr.packet);
    }
}

V1Switch(Parse(), Verify(), Ingress(), Egress(), Update(), Deparse()) main;
