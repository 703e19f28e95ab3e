// Headers and stacks: validity, push and pop, whole headers assigned and compared, fields beyond their validity.
#include <core.p4>
#include <v1model.p4>

header request_t {
    bit<8> op;
    bit<8> argument;
    bit<96> padding;
}

header item_t {
    bit<8> value;
}

header pair_t {
    bit<8> left;
    bit<8> right;
}

header answer_t {
    bit<8> value;
    bit<8> second;
}

header_union either_t {
    item_t small;
    pair_t large;
}

struct inner_t {
    pair_t first;
    pair_t second;
}

struct headers_t {
    answer_t answer;
    request_t request;
    item_t[4] items;
    inner_t pairs;
    pair_t spare;
    either_t either;
    either_t other;
}

struct metadata_t {
    bit<8> count;
    pair_t kept;
}

parser ParserImpl(packet_in packet, out headers_t hdr, inout metadata_t meta, inout standard_metadata_t std) {
    state start {
        packet.extract(hdr.request);
        transition select(hdr.request.op) {
            0x40 &&& 0x40: pairs;
            0x80: small;
            0x81 &&& 0xfd: large;
            default: item;
        }
    }
    state item {
        transition select(packet.lookahead<bit<8>>()) {
            0: accept;
            default: next_item;
        }
    }
    state next_item {
        packet.extract(hdr.items.next);
        meta.count = meta.count + 1;
        transition select(meta.count) {
            4: accept;
            default: item;
        }
    }
    state small {
        packet.extract(hdr.either.small);
        transition accept;
    }
    state large {
        packet.extract(hdr.either.large);
        transition accept;
    }
    state pairs {
        packet.extract(hdr.pairs.first);
        packet.extract(hdr.pairs.second);
        transition accept;
    }
}

control VerifyImpl(inout headers_t hdr, inout metadata_t meta) {
    apply {}
}

control IngressImpl(inout headers_t hdr, inout metadata_t meta, inout standard_metadata_t std) {
    action swap(inout pair_t a, inout pair_t b) {
        pair_t copy = a;
        a = b;
        b = copy;
    }
    apply {
        std.egress_spec = 4;
        hdr.answer.setValid();
        hdr.answer.value = 0xee;
        hdr.answer.second = 0;
        switch (hdr.request.op) {
            1: { hdr.items.push_front(1); }
            2: {
                hdr.items.push_front(1);
                hdr.items[0].setValid();
                hdr.items[0].value = 0xf0;
            }
            3: { hdr.items.pop_front(1); }
            4: {
                hdr.items.push_front(2);
                hdr.items[0] = { 0xf1 };
                hdr.items[1] = hdr.items[3];
            }
            5: { hdr.items.pop_front(4); }
            6: { hdr.items.pop_front(2); hdr.items.push_front(1); hdr.items[0].setValid(); hdr.items[0].value = 0xf2; }
            7: { hdr.items[1].setInvalid(); }
            8: {
                item_t first = hdr.items[0];
                hdr.items[0] = hdr.items[1];
                hdr.items[1] = first;
            }
            9: {
                hdr.items[3].setValid();
                hdr.items[3].value = hdr.request.argument;
            }
            10: {
                hdr.answer.value = 0;
                if (hdr.items[0].isValid()) { hdr.answer.value = hdr.answer.value + 1; }
                if (hdr.items[1].isValid()) { hdr.answer.value = hdr.answer.value + 2; }
                if (hdr.items[2].isValid()) { hdr.answer.value = hdr.answer.value + 4; }
                if (hdr.items[3].isValid()) { hdr.answer.value = hdr.answer.value + 8; }
            }
            0x41: { swap(hdr.pairs.first, hdr.pairs.second); }
            0x42: {
                hdr.spare = hdr.pairs.first;
                hdr.spare.right = 0x77;
                hdr.pairs.first.setInvalid();
            }
            0x43: {
                // An assignment copies validity.
                hdr.pairs.first = hdr.spare;
            }
            0x44: {
                // A write to an invalid header is not seen.
                hdr.pairs.first.setInvalid();
                hdr.pairs.first.left = 0x99;
            }
            0x45: {
                hdr.answer.value = (bit<8>)(bit<1>)(hdr.pairs.first == hdr.pairs.second);
                hdr.pairs.second.left = hdr.pairs.first.left;
                hdr.pairs.second.right = hdr.pairs.first.right;
                hdr.answer.second = (bit<8>)(bit<1>)(hdr.pairs.first == hdr.pairs.second);
            }
            0x46: {
                hdr.answer.value = (bit<8>)(bit<1>)(hdr.pairs.first == hdr.spare);
                hdr.pairs.first.setInvalid();
                hdr.answer.second = (bit<8>)(bit<1>)(hdr.pairs.first == hdr.spare);
            }
            0x47: {
                inner_t whole = hdr.pairs;
                whole.first.left = 0x11;
                hdr.pairs = whole;
                meta.kept = whole.second;
                hdr.pairs.first.right = meta.kept.left;
            }
            0x48: {
                hdr.pairs = { { 1, 2 }, { right = 3, left = 4 } };
                hdr.spare = { left = 5, right = 6 };
            }
            0x49: {
                // setValid() of a valid header changes nothing.
                hdr.pairs.first.setValid();
                // A header made valid again is all new: write what is read.
                hdr.pairs.second.setInvalid();
                hdr.pairs.second.setValid();
                hdr.pairs.second.left = 0x21;
                hdr.pairs.second.right = 0x22;
            }
            0x80:
            0x81: { hdr.other = hdr.either; }
            0x83: {
                hdr.other.small.setValid();
                hdr.other.small.value = 0xff;
                hdr.other = hdr.either;
                hdr.either.large.setInvalid();
                hdr.answer.value = (bit<8>)(bit<1>)hdr.other.small.isValid();
            }
            default: {}
        }
        hdr.request.op = (bit<8>)std.packet_length;
    }
}

control EgressImpl(inout headers_t hdr, inout metadata_t meta, inout standard_metadata_t std) {
    apply {
        hdr.request.argument = (bit<8>)std.packet_length;
    }
}

control ComputeImpl(inout headers_t hdr, inout metadata_t meta) {
    apply {}
}

control DeparserImpl(packet_out packet, in headers_t hdr) {
    apply {
        packet.emit(hdr);
    }
}

V1Switch(ParserImpl(), VerifyImpl(), IngressImpl(), EgressImpl(), ComputeImpl(), DeparserImpl()) main;
