// What programs do now and then: run-time indices, conditions with tables in them, actions with control flow, loops.
#include <core.p4>
#include <v1model.p4>

header request_t {
    bit<8> op;
    bit<8> a;
    bit<8> b;
    bit<8> c;
    bit<32> w;
    bit<64> padding;
}

header cell_t {
    bit<8> value;
}

header text_t {
    bit<8> length;
    varbit<64> data;
}

struct point_t {
    bit<8> x;
    int<8> y;
}

struct line_t {
    point_t from;
    point_t to;
    bool drawn;
}

struct headers_t {
    request_t request;
    cell_t[4] cells;
    text_t text;
    text_t copy;
}

struct metadata_t {
    line_t line;
    request_t saved;
    bit<2> index;
    error problem;
}

@name("renamed_type")
type bit<8> index_t;

parser ParserImpl(packet_in packet, out headers_t hdr, inout metadata_t meta, inout standard_metadata_t std) {
    bit<8> left = 4;
    state start {
        packet.extract(hdr.request);
        transition cells;
    }
    state cells {
        packet.extract(hdr.cells.next);
        left = left - 1;
        transition select(left, hdr.request.op) {
            (0, 0x30 &&& 0xf0): text;
            (0, _): accept;
            default: cells;
        }
    }
    state text {
        packet.extract(hdr.text, (bit<32>)packet.lookahead<bit<8>>() * 8);
        transition accept;
    }
}

control VerifyImpl(inout headers_t hdr, inout metadata_t meta) {
    apply {}
}

control IngressImpl(inout headers_t hdr, inout metadata_t meta, inout standard_metadata_t std) {
    register<bit<32>>(16) memory;
    bit<8> shared = 0;

    action classify(bit<8> limit, bit<8> step) {
        if (hdr.request.a < limit) {
            if (hdr.request.b == 0) {
                hdr.request.c = 1;
            } else {
                hdr.request.c = 2;
            }
        } else if (hdr.request.a == limit) {
            hdr.request.c = 3;
            return;
        } else {
            hdr.request.c = hdr.request.a > 200 ? 8w9 : 8w4;
            if (hdr.request.a == 255) {
                exit;
            }
        }
        hdr.request.c = hdr.request.c + step;
    }
    action set_shared(bit<8> value) {
        shared = value;
    }
    action update(bit<4> place) {
        @atomic {
            bit<32> old;
            memory.read(old, (bit<32>)place);
            memory.write((bit<32>)place, old + hdr.request.w);
            hdr.request.w = old;
        }
    }
    table classes {
        key = {
            hdr.request.op: exact;
        }
        actions = {
            classify;
            NoAction;
        }
        const entries = {
            1: classify(100, 16);
        }
    }
    table shares {
        key = {
            hdr.request.op: exact;
        }
        actions = {
            set_shared;
            update;
        }
        const default_action = set_shared(0x11);
        const entries = {
            3: set_shared(0x33);
            99: update(5);
        }
    }
    table prioritized {
        key = {
            hdr.request.a: ternary;
        }
        actions = {
            set_shared;
        }
        largest_priority_wins = false;
        entries = {
            const priority = 10: 0x10 &&& 0xf0: set_shared(1);
            const priority = 5: 0x01 &&& 0x0f: set_shared(2);
            const priority = 20: _: set_shared(3);
        }
        const default_action = set_shared(4);
    }

    apply {
        std.egress_spec = 1;
        if (hdr.request.op == 1) {
            classes.apply();
            hdr.request.b = 0xbb;
        } else if (hdr.request.op == 2 || hdr.request.op == 3) {
            if (!shares.apply().hit && hdr.request.a == 7) {
                hdr.request.b = 0x77;
            } else if (shared == 0x33) {
                hdr.request.b = 0x88;
            }
            hdr.request.c = shared;
        } else if (hdr.request.op == 4) {
            update(3);
            update(3);
        } else if (hdr.request.op == 5) {
            // Elements of a stack at an index known at run time.
            meta.index = hdr.request.a[1:0];
            hdr.request.b = hdr.cells[meta.index].value;
            hdr.cells[hdr.request.c[1:0]].value = 0xee;
        } else if (hdr.request.op == 6) {
            for (bit<8> i in 1..4) {
                if (i == 3) {
                    continue;
                }
                hdr.request.c = hdr.request.c + i;
            }
            for (bit<8> i = 0; i < 4; i = i + 1) {
                if (hdr.request.a == i) {
                    break;
                }
                hdr.request.b = hdr.request.b + 1;
            }
        } else if (hdr.request.op == 7) {
            line_t line = { from = { x = 1, y = -1 }, to = { 3, 4 }, drawn = true };
            meta.line = line;
            line.from.x = 9;
            meta.line.to = line.from;
            hdr.request.a = meta.line.to.x + meta.line.from.x;
            hdr.request.b = (bit<8>)meta.line.to.y;
            hdr.request.c = meta.line == line ? 8w1 : 8w2;
        } else if (hdr.request.op == 8) {
            meta.saved = hdr.request;
            hdr.request.a = 0;
            hdr.request.b = meta.saved.isValid() ? meta.saved.a : 8w0xff;
            meta.saved.setInvalid();
            hdr.request.c = meta.saved.isValid() ? 8w1 : 8w2;
        } else if (hdr.request.op == 9) {
            hdr.request.a = (bit<8>)(8w5 |-| 8w9) + (8w255 >> 1);
            hdr.request.b = (bit<8>)((int<8>)-100 |-| 100);
            hdr.request.c = 7 / 2 + 9 % 4;
            hdr.request.w = 32w0xdeadbeef[23:8] ++ (bit<16>)16s0x7fff;
        } else if (hdr.request.op == 10) {
            prioritized.apply();
            hdr.request.c = shared;
        } else if (hdr.request.op == 11) {
            index_t i = (index_t)hdr.request.a;
            hdr.request.b = (bit<8>)i + 1;
            hdr.request.w[7:0] = hdr.request.w[31:24];
            hdr.request.w[31:24] = hdr.request.a;
            log_msg("a is {} and b is {}", {hdr.request.a, hdr.request.b});
            assert(hdr.request.op == 11);
            assume(hdr.request.isValid());
        } else if (hdr.request.op == 12) {
            meta.problem = error.PacketTooShort;
            if (meta.problem == error.PacketTooShort && std.parser_error != meta.problem) {
                hdr.request.a = 0xaa;
            }
            hdr.request.b = hdr.request.b == 0 ? (hdr.request.c == 0 ? 8w1 : 8w2) : 8w3;
        } else if (hdr.request.op == 13) {
            hdr.request.a += 5;
            hdr.request.b -= 1;
            hdr.request.c <<= 2;
            hdr.request.w |= 0x80000001;
        } else if (hdr.request.op == 14) {
            hdr.request.a = (bit<8>)hdr.cells[0].minSizeInBytes() + (bit<8>)hdr.request.minSizeInBits();
            hdr.request.b = (bit<8>)(bit<1>)(hdr.cells[1] == hdr.cells[2]);
        } else if (hdr.request.op == 0x31) {
            hdr.copy = hdr.text;
            hdr.text.setInvalid();
        } else if (hdr.request.op == 0x32) {
            hdr.copy.setValid();
            hdr.copy.length = 0xcc;
            hdr.copy.data = hdr.text.data;
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
        packet.emit(hdr.cells);
        packet.emit(hdr.text);
        packet.emit(hdr.copy);
    }
}

V1Switch(ParserImpl(), VerifyImpl(), IngressImpl(), EgressImpl(), ComputeImpl(), DeparserImpl()) main;
