// Action profiles and selectors. The selector hashes with identity, so that the bucket is the key modulo buckets.
#include <core.p4>
#include <v1model.p4>

header flow_t {
    bit<16> kind;
    bit<16> flow;
    bit<16> choice;
    bit<64> padding;
}

struct headers_t {
    flow_t flow;
}

struct metadata_t {}

parser ParserImpl(packet_in packet, out headers_t hdr, inout metadata_t meta, inout standard_metadata_t std) {
    state start {
        packet.extract(hdr.flow);
        transition accept;
    }
}

control VerifyImpl(inout headers_t hdr, inout metadata_t meta) {
    apply {}
}

control IngressImpl(inout headers_t hdr, inout metadata_t meta, inout standard_metadata_t std) {
    action_selector(HashAlgorithm.identity, 32w64, 32w16) ecmp_selector;
    action_profile(32w16) shared_profile;
    direct_counter(CounterType.packets) ecmp_counter;

    action to_port(bit<9> port, bit<16> choice) {
        std.egress_spec = port;
        hdr.flow.choice = choice;
    }
    action drop() {
        mark_to_drop(std);
    }

    table ecmp {
        key = {
            hdr.flow.kind: exact;
            hdr.flow.flow: selector;
        }
        actions = {
            to_port;
            drop;
            NoAction;
        }
        implementation = ecmp_selector;
        counters = ecmp_counter;
    }
    table direct_members {
        key = {
            hdr.flow.kind: exact;
        }
        actions = {
            to_port;
            drop;
            NoAction;
        }
        implementation = shared_profile;
    }

    apply {
        std.egress_spec = 7;
        if (hdr.flow.kind < 0x100) {
            if (!ecmp.apply().hit) {
                hdr.flow.padding = 0xffffffffffffffff;
            }
        } else {
            direct_members.apply();
        }
    }
}

control EgressImpl(inout headers_t hdr, inout metadata_t meta, inout standard_metadata_t std) {
    apply {}
}

control ComputeImpl(inout headers_t hdr, inout metadata_t meta) {
    apply {}
}

control DeparserImpl(packet_out packet, in headers_t hdr) {
    apply {
        packet.emit(hdr.flow);
    }
}

V1Switch(ParserImpl(), VerifyImpl(), IngressImpl(), EgressImpl(), ComputeImpl(), DeparserImpl()) main;
