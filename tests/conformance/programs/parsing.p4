// Parsers: select in all its forms, value sets, lookahead, advance, varbit, verify, sub-parsers, errors.
#include <core.p4>
#include <v1model.p4>

error {
    BadVersion,
    BadLength
}

header kind_t {
    bit<8> kind;
    bit<8> version;
}

header mark_t {
    bit<16> value;
}

header length_t {
    bit<8> length;
}

header options_t {
    bit<4> words;
    bit<4> rest;
    varbit<120> data;
}

header item_t {
    bit<7> value;
    bit<1> last;
}

header report_t {
    bit<16> state;
    bit<8> parser_error;
    bit<8> extra;
    bit<8> valid;
    bit<96> padding;
}

struct headers_t {
    report_t report;
    kind_t kind;
    mark_t mark;
    mark_t second;
    length_t len;
    options_t options;
    item_t[3] items;
}

struct pair_t {
    bit<8> version;
    @match(ternary)
    bit<16> mark;
}

struct metadata_t {
    bit<16> state;
    bit<8> extra;
}

parser MarkParser(packet_in packet, out mark_t mark, inout metadata_t meta) {
    state start {
        packet.extract(mark);
        meta.extra = meta.extra + 1;
        transition select(mark.value) {
            0xdead: reject;
            0: zero;
            default: accept;
        }
    }
    state zero {
        meta.extra = meta.extra + 0x10;
        transition accept;
    }
}

parser ParserImpl(packet_in packet, out headers_t hdr, inout metadata_t meta, inout standard_metadata_t std) {
    value_set<bit<16>>(4) exact_marks;
    value_set<pair_t>(4) pairs;
    MarkParser() marks;

    state start {
        packet.extract(hdr.kind);
        meta.state = 1;
        meta.extra = 0;
        transition select(hdr.kind.kind, hdr.kind.version) {
            (1, 0): plain;
            (1, 0x10 &&& 0xf0): masked;
            (1, 0x20..0x2f): ranged;
            (1, _): any_version;
            (2, _): ahead;
            (3, _): skip;
            (4, _): check_version;
            (5, _): options;
            (6, _): items;
            (7, _): sets;
            (8, _): sub_parsers;
            (9, _): bit_ahead;
            (10, 0): reject;
            (11, _): order;
            (12, 1): never_mind;
            (13, _): counted;
            (14, _): half_a_byte;
        }
    }
    state plain {
        meta.state = 2;
        transition accept;
    }
    state masked {
        meta.state = 3;
        transition accept;
    }
    state ranged {
        meta.state = 4;
        transition accept;
    }
    state any_version {
        meta.state = 5;
        transition accept;
    }
    state ahead {
        meta.state = packet.lookahead<bit<16>>();
        meta.extra = packet.lookahead<mark_t>().value[7:0];
        packet.extract(hdr.mark);
        transition accept;
    }
    state skip {
        packet.advance(((bit<32>)hdr.kind.version) << 3);
        packet.extract(hdr.mark);
        meta.state = 6;
        transition accept;
    }
    state check_version {
        verify(hdr.kind.version == 4, error.BadVersion);
        meta.state = 7;
        packet.extract(hdr.mark);
        verify(hdr.mark.value < 0x100, error.BadLength);
        meta.state = 8;
        transition accept;
    }
    state options {
        packet.extract(hdr.options, (bit<32>)(packet.lookahead<bit<4>>()) * 8);
        meta.state = 9;
        transition accept;
    }
    state items {
        packet.extract(hdr.items.next);
        meta.state = 10;
        meta.extra = meta.extra + (bit<8>)hdr.items.last.value;
        transition select(hdr.items.last.last) {
            0: items;
            1: accept;
        }
    }
    state sets {
        packet.extract(hdr.mark);
        transition select(hdr.mark.value) {
            exact_marks: in_set;
            default: maybe_pair;
        }
    }
    state in_set {
        meta.state = 11;
        transition accept;
    }
    state maybe_pair {
        transition select(hdr.kind.version, hdr.mark.value) {
            pairs: in_pairs;
            (5, 5): five;
            default: accept;
        }
    }
    state in_pairs {
        meta.state = 12;
        transition accept;
    }
    state five {
        meta.state = 13;
        transition accept;
    }
    state sub_parsers {
        meta.state = 14;
        marks.apply(packet, hdr.mark, meta);
        meta.state = 15;
        marks.apply(packet, hdr.second, meta);
        meta.state = 16;
        transition accept;
    }
    state bit_ahead {
        meta.state = (bit<16>)packet.lookahead<bit<9>>();
        transition select(packet.lookahead<bit<12>>()[11:8]) {
            0xa: ten;
            default: accept;
        }
    }
    state ten {
        meta.extra = 10;
        transition accept;
    }
    state half_a_byte {
        meta.state = 20;
        packet.advance(4);
        meta.state = 21;
        transition accept;
    }
    state order {
        // The first alternative that fits counts.
        transition select(hdr.kind.version) {
            0x80 &&& 0x80: high_bit;
            0xff: all_ones;
            0..9: digit;
            5: five;
            default: accept;
        }
    }
    state high_bit {
        meta.state = 17;
        transition accept;
    }
    state all_ones {
        meta.state = 18;
        transition accept;
    }
    state digit {
        meta.state = 19;
        transition accept;
    }
    state never_mind {
        transition accept;
    }
    state counted {
        packet.extract(hdr.len);
        meta.extra = (bit<8>)hdr.len.length + (bit<8>)(bit<1>)hdr.len.isValid() + (bit<8>)(bit<1>)hdr.mark.isValid();
        transition select(hdr.len.length > 3, hdr.len.length[0:0]) {
            (true, 1): high_bit;
            (false, 1): digit;
            (_, 0): five;
        }
    }
}

control VerifyImpl(inout headers_t hdr, inout metadata_t meta) {
    apply {}
}

control IngressImpl(inout headers_t hdr, inout metadata_t meta, inout standard_metadata_t std) {
    apply {
        std.egress_spec = 2;
        hdr.report.setValid();
        hdr.report.padding = 0;
        hdr.report.state = meta.state;
        hdr.report.extra = meta.extra;
        hdr.report.valid = 0;
        if (hdr.kind.isValid()) {
            hdr.report.valid = hdr.report.valid + 1;
        }
        if (hdr.mark.isValid()) {
            hdr.report.valid = hdr.report.valid + 2;
        }
        if (hdr.second.isValid()) {
            hdr.report.valid = hdr.report.valid + 4;
        }
        if (hdr.options.isValid()) {
            hdr.report.valid = hdr.report.valid + 8;
        }
        if (hdr.items[0].isValid()) {
            hdr.report.valid = hdr.report.valid + 16;
        }
        if (hdr.items[2].isValid()) {
            hdr.report.valid = hdr.report.valid + 32;
        }
        if (std.parser_error == error.NoError) {
            hdr.report.parser_error = 0;
        } else if (std.parser_error == error.PacketTooShort) {
            hdr.report.parser_error = 1;
        } else if (std.parser_error == error.NoMatch) {
            hdr.report.parser_error = 2;
        } else if (std.parser_error == error.StackOutOfBounds) {
            hdr.report.parser_error = 3;
        } else if (std.parser_error == error.HeaderTooShort) {
            hdr.report.parser_error = 4;
        } else if (std.parser_error == error.ParserInvalidArgument) {
            hdr.report.parser_error = 5;
        } else if (std.parser_error == error.BadVersion) {
            hdr.report.parser_error = 0x80;
        } else if (std.parser_error == error.BadLength) {
            hdr.report.parser_error = 0x81;
        } else {
            hdr.report.parser_error = 0xff;
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
        packet.emit(hdr.report);
        packet.emit(hdr.kind);
        packet.emit(hdr.mark);
        packet.emit(hdr.second);
        packet.emit(hdr.len);
        packet.emit(hdr.options);
        packet.emit(hdr.items);
    }
}

V1Switch(ParserImpl(), VerifyImpl(), IngressImpl(), EgressImpl(), ComputeImpl(), DeparserImpl()) main;
