// Tables: every match kind, priorities, const entries, default actions, keys that are expressions or invalid.
#include <core.p4>
#include <v1model.p4>

header request_t {
    bit<8> table_number;
    bit<8> a;
    bit<16> b;
    bit<32> c;
    int<8> d;
    bit<8> extra_follows;
    bit<4> flags;
    bit<4> low;
    bit<128> wide;
    bit<16> result;
}

header extra_t {
    bit<16> value;
}

struct headers_t {
    request_t request;
    extra_t extra;
}

struct metadata_t {
    bit<12> vlan;
}

parser ParserImpl(packet_in packet, out headers_t hdr, inout metadata_t meta, inout standard_metadata_t std) {
    state start {
        packet.extract(hdr.request);
        meta.vlan = hdr.request.b[11:0];
        transition select(hdr.request.extra_follows) {
            1: extra;
            default: accept;
        }
    }
    state extra {
        packet.extract(hdr.extra);
        transition accept;
    }
}

control VerifyImpl(inout headers_t hdr, inout metadata_t meta) {
    apply {}
}

control IngressImpl(inout headers_t hdr, inout metadata_t meta, inout standard_metadata_t std) {
    action answer(bit<16> value) {
        hdr.request.result = value;
    }
    action fixed() {
        hdr.request.result = 0xf1f1;
    }
    action other(bit<8> high, bit<8> low) {
        hdr.request.result = high ++ low;
    }

    table exact_one {
        key = {
            hdr.request.a: exact;
        }
        actions = {
            answer;
            other;
            NoAction;
        }
        size = 4;
    }
    table exact_many {
        key = {
            hdr.request.a: exact;
            meta.vlan: exact;
            hdr.request.wide: exact @name("wide");
            hdr.request.d: exact;
        }
        actions = {
            answer;
            fixed;
        }
        default_action = fixed;
    }
    table prefixes {
        key = {
            hdr.request.c: lpm @name("address");
        }
        actions = {
            answer;
            NoAction;
        }
        const default_action = answer(0xdede);
    }
    table prefixes_in_context {
        key = {
            hdr.request.a: exact;
            hdr.request.wide: lpm;
        }
        actions = {
            answer;
        }
        default_action = answer(0);
    }
    table masks {
        key = {
            hdr.request.b: ternary;
            hdr.request.c: ternary;
            hdr.request.low: exact;
        }
        actions = {
            answer;
        }
        default_action = answer(0xffff);
    }
    table ranges {
        key = {
            hdr.request.b: range;
            hdr.request.c: lpm;
            hdr.request.a: ternary;
        }
        actions = {
            answer;
        }
    }
    table optionals {
        key = {
            hdr.request.a: optional;
            hdr.request.b: optional;
        }
        actions = {
            answer;
        }
    }
    table constant_exact {
        key = {
            hdr.request.a: exact;
            hdr.extra.isValid(): exact;
        }
        actions = {
            answer;
            fixed;
            @defaultonly NoAction;
        }
        const entries = {
            (1, true): answer(0x1001);
            (1, false): answer(0x1000);
            (0x10, true): fixed();
        }
    }
    table constant_ternary {
        key = {
            hdr.request.a: ternary;
            hdr.request.b: range;
        }
        actions = {
            answer;
            fixed;
        }
        const default_action = fixed;
        const entries = {
            (0x01, 10..20): answer(1);
            (0x0f &&& 0x0f, 15..30): answer(2);
            (_, 15): answer(3);
            (0xf0 &&& 0xf0, _): answer(4);
        }
    }
    table constant_lpm {
        key = {
            hdr.request.c: lpm;
        }
        actions = {
            answer;
        }
        const default_action = answer(0);
        const entries = {
            0x0a000000 &&& 0xff000000: answer(8);
            0x0a0b0000 &&& 0xffff0000: answer(16);
            0x0a0b0c0d: answer(32);
            _: answer(99);
        }
    }
    table expressions {
        key = {
            hdr.request.a + 1: exact @name("a_plus_1");
            hdr.request.c[15:8]: exact @name("middle");
            (hdr.request.b & 0xf0) >> 4: ternary @name("nibble");
            hdr.extra.value: exact @name("extra");
        }
        actions = {
            answer;
        }
    }
    table keyless {
        actions = {
            answer;
            fixed;
            NoAction;
        }
        default_action = answer(0xabcd);
    }
    table first_of_two {
        key = {
            hdr.request.a: exact;
        }
        actions = {
            fixed;
            NoAction;
        }
        default_action = NoAction;
    }

    apply {
        std.egress_spec = 6;
        switch (hdr.request.table_number) {
            1: { exact_one.apply(); }
            2: { exact_many.apply(); }
            3: { prefixes.apply(); }
            4: { prefixes_in_context.apply(); }
            5: { masks.apply(); }
            6: { ranges.apply(); }
            7: { optionals.apply(); }
            8: { constant_exact.apply(); }
            9: { constant_ternary.apply(); }
            10: { constant_lpm.apply(); }
            11: { expressions.apply(); }
            12: { keyless.apply(); }
            13: {
                if (first_of_two.apply().hit) {
                    hdr.request.wide = 1;
                } else {
                    hdr.request.wide = 2;
                }
            }
            default: {}
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
        packet.emit(hdr.request);
        packet.emit(hdr.extra);
    }
}

V1Switch(ParserImpl(), VerifyImpl(), IngressImpl(), EgressImpl(), ComputeImpl(), DeparserImpl()) main;
