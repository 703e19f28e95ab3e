// Counters, meters and registers, direct and indirect.
#include <core.p4>
#include <v1model.p4>

header request_t {
    bit<8> op;
    bit<8> index;
    bit<32> value;
    bit<8> colour;
    bit<8> direct_colour;
    bit<48> wide;
}

struct headers_t {
    request_t request;
}

struct metadata_t {
    bit<2> direct_colour;
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
    counter(8, CounterType.packets) packet_counter;
    counter(8, CounterType.bytes) byte_counter;
    counter(8, CounterType.packets_and_bytes) both_counter;
    direct_counter(CounterType.packets_and_bytes) direct_hits;
    meter(8, MeterType.packets) packet_meter;
    meter(8, MeterType.bytes) byte_meter;
    direct_meter<bit<2>>(MeterType.bytes) direct_bytes;
    register<bit<32>>(8) words;
    register<bit<48>>(4) wide_words;
    register<bit<1>>(16) flags;
    register<int<8>>(4) signed_bytes;

    action metered() {
        direct_bytes.read(meta.direct_colour);
    }
    action counted() {
        direct_hits.count();
    }

    table direct_metered {
        key = {
            hdr.request.index: exact;
        }
        actions = {
            metered;
            NoAction;
        }
        default_action = NoAction;
        meters = direct_bytes;
    }
    table direct_counted {
        key = {
            hdr.request.index: exact;
        }
        actions = {
            counted;
            NoAction;
        }
        default_action = NoAction;
        counters = direct_hits;
    }

    apply {
        bit<32> index = (bit<32>)hdr.request.index;
        bit<32> word;
        bit<48> wide;
        bit<1> flag;
        int<8> number;
        bit<2> colour = 3;
        std.egress_spec = 2;
        if (hdr.request.op == 1) {
            packet_counter.count(index);
            byte_counter.count(index);
            both_counter.count(index);
        } else if (hdr.request.op == 2) {
            packet_meter.execute_meter(index, colour);
            hdr.request.colour = (bit<8>)colour;
        } else if (hdr.request.op == 3) {
            byte_meter.execute_meter(index, colour);
            hdr.request.colour = (bit<8>)colour;
        } else if (hdr.request.op == 4) {
            meta.direct_colour = 3;
            direct_metered.apply();
            hdr.request.direct_colour = (bit<8>)meta.direct_colour;
        } else if (hdr.request.op == 5) {
            direct_counted.apply();
        } else if (hdr.request.op == 6) {
            // Read, add, write, read again.
            words.read(word, index);
            words.write(index, word + hdr.request.value);
            words.read(hdr.request.value, index);
            hdr.request.colour = (bit<8>)(bit<1>)(word == 0);
        } else if (hdr.request.op == 7) {
            wide_words.read(wide, index);
            wide_words.write(index, hdr.request.wide);
            hdr.request.wide = wide;
        } else if (hdr.request.op == 8) {
            flags.read(flag, index);
            flags.write(index, ~flag);
            hdr.request.colour = (bit<8>)flag;
        } else if (hdr.request.op == 9) {
            signed_bytes.read(number, index);
            number = number - 100;
            signed_bytes.write(index, number);
            hdr.request.value = (bit<32>)(int<32>)number;
        } else if (hdr.request.op == 10) {
            // A shift register: each write sees the reads before it.
            words.read(word, 0);
            words.write(1, word);
            words.write(0, hdr.request.value);
            words.read(hdr.request.value, 1);
        } else if (hdr.request.op == 11) {
            bit<32> drawn;
            random(drawn, 5, 5);
            hdr.request.value = drawn;
            random(drawn, 10, 13);
            hdr.request.colour = (bit<8>)(bit<1>)(drawn >= 10 && drawn <= 13);
        }
    }
}

control EgressImpl(inout headers_t hdr, inout metadata_t meta, inout standard_metadata_t std) {
    counter(512, CounterType.packets_and_bytes) by_port;
    apply {
        by_port.count((bit<32>)std.egress_port);
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
