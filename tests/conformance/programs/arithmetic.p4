// Every operator on numbers, of one byte, of odd widths and of widths beyond a machine word.
#include <core.p4>
#include <v1model.p4>

header narrow_t {
    bit<8> a;
    bit<8> b;
}

header wide_t {
    bit<128> x;
    bit<128> y;
}

header unsigned_t {
    bit<8> add;
    bit<8> sub;
    bit<8> mul;
    bit<8> sat_add;
    bit<8> sat_sub;
    bit<8> neg;
    bit<8> complement;
    bit<8> bit_and;
    bit<8> bit_or;
    bit<8> bit_xor;
    bit<8> shl;
    bit<8> shr;
    bit<1> lt;
    bit<1> le;
    bit<1> gt;
    bit<1> ge;
    bit<1> eq;
    bit<1> ne;
    bit<2> fixed_shl;
}

header signed_t {
    int<8> add;
    int<8> sub;
    int<8> mul;
    int<8> sat_add;
    int<8> sat_sub;
    int<8> neg;
    int<8> shr;
    int<8> shl;
    int<16> extended;
    bit<16> zero_extended;
    bit<16> through_bits;
    int<4> cut;
    bit<1> lt;
    bit<1> le;
    bit<1> gt;
    bit<1> ge;
}

header shapes_t {
    bit<16> joined;
    bit<4> middle;
    bit<4> low;
    bit<8> patched;
    bit<24> three;
    bit<8> chosen;
    bit<13> odd_sum;
    bit<3> odd_product;
    bit<8> precedence;
    bit<1> from_bool;
    bit<1> to_bool;
    bit<6> padding;
}

header wide_results_t {
    bit<128> add;
    bit<128> sub;
    bit<128> mul;
    bit<128> sat_add;
    bit<128> sat_sub;
    bit<128> neg;
    bit<128> shl;
    bit<128> shr;
    bit<128> arithmetic_shr;
    bit<128> mixed;
    bit<64> middle;
    bit<128> patched;
    bit<128> masked;
    bit<1> lt;
    bit<1> signed_lt;
    bit<1> eq;
    bit<5> padding;
}

struct headers_t {
    narrow_t narrow;
    wide_t wide;
    unsigned_t uns;
    signed_t sig;
    shapes_t shapes;
    wide_results_t results;
}

struct metadata_t {}

parser ParserImpl(packet_in packet, out headers_t hdr, inout metadata_t meta, inout standard_metadata_t std) {
    state start {
        packet.extract(hdr.narrow);
        packet.extract(hdr.wide);
        transition accept;
    }
}

control VerifyImpl(inout headers_t hdr, inout metadata_t meta) {
    apply {}
}

control IngressImpl(inout headers_t hdr, inout metadata_t meta, inout standard_metadata_t std) {
    action unsigned_ops(bit<8> a, bit<8> b) {
        hdr.uns.setValid();
        hdr.uns.add = a + b;
        hdr.uns.sub = a - b;
        hdr.uns.mul = a * b;
        hdr.uns.sat_add = a |+| b;
        hdr.uns.sat_sub = a |-| b;
        hdr.uns.neg = -a;
        hdr.uns.complement = ~a;
        hdr.uns.bit_and = a & b;
        hdr.uns.bit_or = a | b;
        hdr.uns.bit_xor = a ^ b;
        hdr.uns.shl = a << b;
        hdr.uns.shr = a >> b;
        hdr.uns.lt = (bit<1>)(a < b);
        hdr.uns.le = (bit<1>)(a <= b);
        hdr.uns.gt = (bit<1>)(a > b);
        hdr.uns.ge = (bit<1>)(a >= b);
        hdr.uns.eq = (bit<1>)(a == b);
        hdr.uns.ne = (bit<1>)(a != b);
        hdr.uns.fixed_shl = (a << 3)[5:4];
    }
    action signed_ops(int<8> a, int<8> b, bit<8> count) {
        hdr.sig.setValid();
        hdr.sig.add = a + b;
        hdr.sig.sub = a - b;
        hdr.sig.mul = a * b;
        hdr.sig.sat_add = a |+| b;
        hdr.sig.sat_sub = a |-| b;
        hdr.sig.neg = -a;
        hdr.sig.shr = a >> count;
        hdr.sig.shl = a << count;
        hdr.sig.extended = (int<16>)a;
        hdr.sig.zero_extended = (bit<16>)(bit<8>)a;
        hdr.sig.through_bits = (bit<16>)(int<16>)b;
        hdr.sig.cut = (int<4>)a;
        hdr.sig.lt = (bit<1>)(a < b);
        hdr.sig.le = (bit<1>)(a <= b);
        hdr.sig.gt = (bit<1>)(a > b);
        hdr.sig.ge = (bit<1>)(a >= b);
    }
    action shape_ops(bit<8> a, bit<8> b) {
        bit<13> odd = b[4:0] ++ a;
        hdr.shapes.setValid();
        hdr.shapes.joined = a ++ b;
        hdr.shapes.middle = a[5:2];
        hdr.shapes.low = b[3:0];
        hdr.shapes.patched = b;
        hdr.shapes.patched[6:3] = a[3:0];
        hdr.shapes.three = a[3:0] ++ b ++ a ++ b[7:4];
        hdr.shapes.chosen = a > b ? a - b : b - a;
        hdr.shapes.odd_sum = odd + 13w0x1234;
        hdr.shapes.odd_product = a[2:0] * b[2:0];
        hdr.shapes.precedence = a + b * 2 & 0x7f | a >> 1 ^ 3;
        hdr.shapes.from_bool = (bit<1>)(a == 0 || b != 0 && a != 1);
        hdr.shapes.to_bool = (bool)a[0:0] ? b[0:0] : b[7:7];
    }
    action wide_ops(bit<128> x, bit<128> y, bit<8> count) {
        hdr.results.setValid();
        hdr.results.add = x + y;
        hdr.results.sub = x - y;
        hdr.results.mul = x * y;
        hdr.results.sat_add = x |+| y;
        hdr.results.sat_sub = x |-| y;
        hdr.results.neg = -x;
        hdr.results.shl = x << count;
        hdr.results.shr = x >> count;
        hdr.results.arithmetic_shr = (bit<128>)((int<128>)x >> count);
        hdr.results.mixed = x[127:64] ++ ~y[63:0];
        hdr.results.middle = x[95:32];
        hdr.results.patched = x;
        hdr.results.patched[100:37] = y[63:0];
        hdr.results.masked = x & 0xffff0000_ffff0000_ffff0000_ffff0000 ^ 128w1;
        hdr.results.lt = (bit<1>)(x < y);
        hdr.results.signed_lt = (bit<1>)((int<128>)x < (int<128>)y);
        hdr.results.eq = (bit<1>)(x == y);
    }

    apply {
        std.egress_spec = 1;
        unsigned_ops(hdr.narrow.a, hdr.narrow.b);
        signed_ops((int<8>)hdr.narrow.a, (int<8>)hdr.narrow.b, hdr.narrow.b);
        shape_ops(hdr.narrow.a, hdr.narrow.b);
        wide_ops(hdr.wide.x, hdr.wide.y, hdr.narrow.b);
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
        packet.emit(hdr.uns);
        packet.emit(hdr.sig);
        packet.emit(hdr.shapes);
        packet.emit(hdr.results);
    }
}

V1Switch(ParserImpl(), VerifyImpl(), IngressImpl(), EgressImpl(), ComputeImpl(), DeparserImpl()) main;
