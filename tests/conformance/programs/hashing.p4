// hash() in all its algorithms, over fields that do not end at byte borders too.
#include <core.p4>
#include <v1model.p4>

header input_t {
    bit<72> text;
    bit<3> three;
    bit<13> thirteen;
    bit<16> base;
    bit<32> max;
}

header result_t {
    bit<32> crc32;
    bit<16> crc16;
    bit<16> csum16;
    bit<16> xor16;
    bit<32> identity;
    bit<32> crc32_odd;
    bit<16> crc16_odd;
    bit<16> csum16_odd;
    bit<16> xor16_odd;
    bit<32> bounded;
    bit<10> narrow;
    bit<6> padding;
    bit<64> doubled;
    bit<32> constants;
    bit<32> single;
    bit<32> absent_field;
    bit<32> absent_header;
    bit<32> with_absent_header;
}

header absent_t {
    bit<16> value;
}

struct headers_t {
    input_t data;
    absent_t absent;
    result_t result;
}

struct metadata_t {
    bit<16> copy;
}

parser ParserImpl(packet_in packet, out headers_t hdr, inout metadata_t meta, inout standard_metadata_t std) {
    state start {
        packet.extract(hdr.data);
        transition accept;
    }
}

control VerifyImpl(inout headers_t hdr, inout metadata_t meta) {
    apply {}
}

control IngressImpl(inout headers_t hdr, inout metadata_t meta, inout standard_metadata_t std) {
    apply {
        std.egress_spec = 1;
        hdr.result.setValid();
        meta.copy = hdr.data.base;
        hash(hdr.result.crc32, HashAlgorithm.crc32, 32w0, {hdr.data.text}, 64w0x100000000);
        hash(hdr.result.crc16, HashAlgorithm.crc16, 16w0, {hdr.data.text}, 32w0x10000);
        hash(hdr.result.csum16, HashAlgorithm.csum16, 16w0, {hdr.data.text}, 32w0x10000);
        hash(hdr.result.xor16, HashAlgorithm.xor16, 16w0, {hdr.data.text}, 32w0x10000);
        hash(hdr.result.identity, HashAlgorithm.identity, 32w0, {hdr.data.thirteen, hdr.data.three}, 64w0x100000000);
        hash(hdr.result.crc32_odd, HashAlgorithm.crc32, 32w0, {hdr.data.three, hdr.data.text}, 64w0x100000000);
        hash(hdr.result.crc16_odd, HashAlgorithm.crc16, 16w0, {hdr.data.thirteen, meta.copy}, 32w0x10000);
        hash(hdr.result.csum16_odd, HashAlgorithm.csum16, 16w0, {hdr.data.three, hdr.data.thirteen, meta.copy}, 32w0x10000);
        hash(hdr.result.xor16_odd, HashAlgorithm.xor16, 16w0, {hdr.data.text, hdr.data.three}, 32w0x10000);
        hash(hdr.result.bounded, HashAlgorithm.crc32, (bit<32>)hdr.data.base, {hdr.data.text}, hdr.data.max);
        hash(hdr.result.narrow, HashAlgorithm.crc16, 10w0, {hdr.data.text}, 32w1000);
        hash(hdr.result.doubled, HashAlgorithm.crc32, 64w0x500000000, {hdr.data.text, 8w0}, 64w0x100000000);
        hash(hdr.result.constants, HashAlgorithm.crc32, 32w0, {32w0x31323334, 40w0x3536373839}, 64w0x100000000);
        hash(hdr.result.single, HashAlgorithm.crc32, 32w0, {hdr.data.text[71:40], hdr.data.text[39:0]}, 64w0x100000000);
        hash(hdr.result.absent_field, HashAlgorithm.crc32, 32w0, {hdr.data.text, hdr.absent.value}, 64w0x100000000);
        hash(hdr.result.absent_header, HashAlgorithm.crc32, 32w0, hdr.absent, 64w0x100000000);
        hash(hdr.result.with_absent_header, HashAlgorithm.crc32, 32w0, {hdr.data.text, hdr.absent}, 64w0x100000000);
        hdr.result.padding = 0;
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
        packet.emit(hdr.result);
    }
}

V1Switch(ParserImpl(), VerifyImpl(), IngressImpl(), EgressImpl(), ComputeImpl(), DeparserImpl()) main;
