// Types whose controller values differ from the device's.
#include <core.p4>
#include <v1model.p4>

@p4runtime_translation("test/port", 32)
type bit<9> port_id_t;
@p4runtime_translation("test/vrf", string)
type bit<10> vrf_id_t;

header ethernet_t {
    bit<48> dst;
    bit<48> src;
    bit<16> type;
}

@controller_header("packet_in")
header packet_in_t {
    port_id_t port;
    bit<7> pad;
}

struct headers_t {
    packet_in_t packet_in;
    ethernet_t ethernet;
}

struct metadata_t {
    port_id_t ingress;
    vrf_id_t vrf;
}

parser ParserImpl(packet_in packet, out headers_t hdr, inout metadata_t meta, inout standard_metadata_t std) {
    state start {
        packet.extract(hdr.ethernet);
        transition accept;
    }
}

control VerifyImpl(inout headers_t hdr, inout metadata_t meta) { apply { } }

control IngressImpl(inout headers_t hdr, inout metadata_t meta, inout standard_metadata_t std) {
    action set_vrf(vrf_id_t vrf) { meta.vrf = vrf; }
    action forward(port_id_t port) { std.egress_spec = (bit<9>) port; }
    action to_cpu() {
        std.egress_spec = 510;
        hdr.packet_in.setValid();
        hdr.packet_in.port = meta.ingress;
    }
    table vrf {
        key = { meta.ingress: exact @name("port"); }
        actions = { set_vrf; }
        default_action = set_vrf((vrf_id_t) 0);
    }
    table routes {
        key = { meta.vrf: exact @name("vrf"); }
        actions = { forward; to_cpu; }
        default_action = to_cpu();
    }
    apply {
        meta.ingress = (port_id_t) std.ingress_port;
        vrf.apply();
        routes.apply();
    }
}

control EgressImpl(inout headers_t hdr, inout metadata_t meta, inout standard_metadata_t std) { apply { } }

control ComputeImpl(inout headers_t hdr, inout metadata_t meta) { apply { } }

control DeparserImpl(packet_out packet, in headers_t hdr) {
    apply {
        packet.emit(hdr.packet_in);
        packet.emit(hdr.ethernet);
    }
}

V1Switch(ParserImpl(), VerifyImpl(), IngressImpl(), EgressImpl(), ComputeImpl(), DeparserImpl()) main;
