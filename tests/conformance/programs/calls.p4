// Calls: directions, copy-in and copy-out, order of side effects, exit and return, switch, nested controls.
#include <core.p4>
#include <v1model.p4>

header request_t {
    bit<8> op;
    bit<8> a;
    bit<8> b;
    bit<8> c;
    bit<8> trace;
    bit<72> padding;
}

struct headers_t {
    request_t request;
}

struct metadata_t {
    bit<8> left_by_ingress;
}

struct box_t {
    bit<8> x;
    bit<8> y;
}

enum Colour {
    red,
    green,
    blue
}

enum bit<8> Level {
    low = 1,
    high = 200
}

const bit<8> BASE = 8w40 + 2;

bit<8> double_of(in bit<8> x) {
    return x + x;
}

bit<8> maximum(in bit<8> x, in bit<8> y) {
    if (x > y) {
        return x;
    }
    return y;
}

// Changes its argument and returns what it was.
bit<8> take(inout bit<8> x) {
    bit<8> was = x;
    x = x + 1;
    return was;
}

void both(inout bit<8> x, inout bit<8> y) {
    x = x + 1;
    y = y + 16;
}

void give(out bit<8> x, in bit<8> y) {
    x = y |+| 200;
}

control Inner(inout bit<8> value, in bit<8> step)(bit<8> limit) {
    bit<8> here = 3;
    apply {
        value = value + step + here;
        if (value > limit) {
            value = limit;
            return;
        }
        here = 100;
        value = value + 1;
    }
}

control Middle(inout request_t request) {
    Inner(50) small;
    Inner(200) large;
    apply {
        small.apply(request.a, 1);
        large.apply(request.b, request.a);
        if (request.c == 0xee) {
            exit;
        }
        request.c = request.a + request.b;
    }
}

void set_if_two(in bit<8> x, out bit<8> y) {
    if (x == 2) {
        y = 5;
    }
}

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
    Middle() middle;

    action mark(bit<8> bits) {
        hdr.request.trace = hdr.request.trace | bits;
    }
    action stop_here() {
        mark(1);
        exit;
    }
    action early(in bit<8> x) {
        mark(2);
        if (x > 10) {
            mark(4);
            return;
        }
        mark(8);
    }
    action set_both(out bit<8> x, inout bit<8> y, in bit<8> z) {
        x = z;
        y = y + z;
    }
    action set_if_one(in bit<8> x, out bit<8> y) {
        if (x == 1) {
            y = 7;
        }
    }
    action copy_out_order(inout bit<8> x, inout bit<8> y) {
        x = 1;
        y = 2;
    }
    action alias_in(in bit<8> x, inout bit<8> y) {
        y = y + 1;
        y = y + x;
    }
    action with_param(bit<8> value) {
        hdr.request.c = value;
    }
    action without_param() {
        hdr.request.c = 0x5a;
    }

    table chosen {
        key = {
            hdr.request.a: exact;
        }
        actions = {
            with_param;
            without_param;
            stop_here;
            @defaultonly NoAction;
        }
        const default_action = NoAction;
        const entries = {
            1: with_param(0x71);
            2: without_param();
            3: stop_here();
            4: with_param(BASE);
        }
    }

    table known {
        key = {
            hdr.request.a: exact;
        }
        actions = {
            without_param;
            stop_here;
            NoAction;
        }
        const entries = {
            1: without_param();
            3: stop_here();
        }
    }

    apply {
        bit<8> n = hdr.request.a;
        bit<8> m = 0;
        box_t box = {1, 2};
        std.egress_spec = 5;
        meta.left_by_ingress = 0x33;
        if (hdr.request.op == 1) {
            // Operands are evaluated from left to right, each with its side effects.
            hdr.request.c = take(n) * 16 + take(n);
            hdr.request.b = n;
        } else if (hdr.request.op == 2) {
            // && and || evaluate their right side only where it counts.
            if (hdr.request.a > 100 && take(n) > 0) {
                mark(1);
            }
            if (hdr.request.a > 100 || take(n) > 0) {
                mark(2);
            }
            hdr.request.b = n;
        } else if (hdr.request.op == 3) {
            set_both(hdr.request.c, hdr.request.b, hdr.request.a);
        } else if (hdr.request.op == 40) {
            set_if_two(hdr.request.a, hdr.request.b);
            set_if_one(hdr.request.a, hdr.request.c);
        } else if (hdr.request.op == 4) {
            // Both arguments are one: the later one is copied out last.
            copy_out_order(hdr.request.b, hdr.request.b);
        } else if (hdr.request.op == 5) {
            alias_in(hdr.request.b, hdr.request.b);
        } else if (hdr.request.op == 6) {
            early(hdr.request.a);
            mark(0x10);
        } else if (hdr.request.op == 7) {
            middle.apply(hdr.request);
            mark(0x20);
        } else if (hdr.request.op == 8) {
            switch (chosen.apply().action_run) {
                with_param: { mark(1); }
                without_param: { mark(2); }
                default: { mark(0x80); }
            }
            mark(0x40);
        } else if (hdr.request.op == 9) {
            if (known.apply().miss) {
                mark(4);
            }
            hdr.request.b = maximum(double_of(hdr.request.a), BASE);
        } else if (hdr.request.op == 10) {
            switch (hdr.request.a) {
                1: { mark(1); }
                2:
                3: { mark(2); }
                Level.high: { mark(4); }
                default: { mark(8); }
            }
        } else if (hdr.request.op == 11) {
            both(box.x, box.y);
            both(box.y, box.x);
            give(m, hdr.request.a);
            hdr.request.a = box.x;
            hdr.request.b = box.y;
            hdr.request.c = m;
        } else if (hdr.request.op == 12) {
            Colour colour = Colour.red;
            if (hdr.request.a == 1) {
                colour = Colour.green;
            }
            if (hdr.request.a >= (bit<8>)Level.high) {
                colour = Colour.blue;
            }
            switch (colour) {
                Colour.red: { mark(1); }
                Colour.green: { mark(2); }
                Colour.blue: { mark(4); }
            }
        } else if (hdr.request.op == 13) {
            // A value is copied when it is declared, not when it is used.
            bit<8> before = hdr.request.a;
            hdr.request.a = hdr.request.a + 1;
            hdr.request.b = before;
            {
                bit<8> n = 9;
                hdr.request.c = n;
            }
        } else if (hdr.request.op == 14) {
            // The index of an lvalue, and slices as inout arguments.
            both(hdr.request.b, hdr.request.c);
            bit<8> swapped = hdr.request.a[3:0] ++ hdr.request.a[7:4];
            hdr.request.a = swapped;
        } else if (hdr.request.op == 15) {
            tuple<bit<8>, bit<8>> pair = {hdr.request.a, hdr.request.b};
            hdr.request.c = pair[0] ^ pair[1];
        } else if (hdr.request.op == 16) {
            return;
        } else if (hdr.request.op == 17) {
            stop_here();
        }
        hdr.request.op = hdr.request.op | 0x80;
    }
}

control EgressImpl(inout headers_t hdr, inout metadata_t meta, inout standard_metadata_t std) {
    apply {
        if (hdr.request.b == 0xdd) {
            exit;
        }
        hdr.request.padding[7:0] = meta.left_by_ingress;
        hdr.request.padding[15:8] = 0x44;
    }
}

control ComputeImpl(inout headers_t hdr, inout metadata_t meta) {
    apply {}
}

control DeparserImpl(packet_out packet, in headers_t hdr) {
    apply {
        packet.emit(hdr.request);
    }
}

V1Switch(ParserImpl(), VerifyImpl(), IngressImpl(), EgressImpl(), ComputeImpl(), DeparserImpl()) main;
