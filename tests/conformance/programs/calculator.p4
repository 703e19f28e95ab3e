// A calculator in a switch: the answer goes back where the question came from.
#include <core.p4>
#include <v1model.p4>

typedef bit<48> mac_t;

const bit<16> ETHERTYPE_CALCULATOR = 0x1234;
const bit<8> LETTER_C = 0x43;
const bit<8> LETTER_A = 0x41;
const bit<8> VERSION = 0x01;

const bit<8> PLUS = 0x2b;
const bit<8> MINUS = 0x2d;
const bit<8> AND = 0x26;
const bit<8> OR = 0x7c;
const bit<8> CARET = 0x5e;
const bit<8> LESS = 0x3c;

header ethernet_t {
    mac_t dst;
    mac_t src;
    bit<16> type;
}

header calculator_t {
    bit<8> c;
    bit<8> a;
    bit<8> version;
    bit<8> op;
    bit<32> left;
    bit<32> right;
    bit<32> result;
}

struct headers {
    ethernet_t ethernet;
    calculator_t calculator;
}

struct metadata {}

parser MyParser(packet_in packet, out headers hdr, inout metadata meta, inout standard_metadata_t standard_metadata) {
    state start {
        packet.extract(hdr.ethernet);
        transition select(hdr.ethernet.type) {
            ETHERTYPE_CALCULATOR: check;
            default: accept;
        }
    }
    state check {
        transition select(packet.lookahead<calculator_t>().c,
                          packet.lookahead<calculator_t>().a,
                          packet.lookahead<calculator_t>().version) {
            (LETTER_C, LETTER_A, VERSION): question;
            default: accept;
        }
    }
    state question {
        packet.extract(hdr.calculator);
        transition accept;
    }
}

control MyVerifyChecksum(inout headers hdr, inout metadata meta) {
    apply {}
}

control MyIngress(inout headers hdr, inout metadata meta, inout standard_metadata_t standard_metadata) {
    action send_back(bit<32> result) {
        mac_t tmp;
        hdr.calculator.result = result;
        tmp = hdr.ethernet.dst;
        hdr.ethernet.dst = hdr.ethernet.src;
        hdr.ethernet.src = tmp;
        standard_metadata.egress_spec = standard_metadata.ingress_port;
    }
    action add() {
        send_back(hdr.calculator.left + hdr.calculator.right);
    }
    action subtract() {
        send_back(hdr.calculator.left - hdr.calculator.right);
    }
    action bit_and() {
        send_back(hdr.calculator.left & hdr.calculator.right);
    }
    action bit_or() {
        send_back(hdr.calculator.left | hdr.calculator.right);
    }
    action bit_xor() {
        send_back(hdr.calculator.left ^ hdr.calculator.right);
    }
    action shift() {
        send_back(hdr.calculator.left << (bit<8>)hdr.calculator.right);
    }
    action drop() {
        mark_to_drop(standard_metadata);
    }
    table calculate {
        key = {
            hdr.calculator.op: exact;
        }
        actions = {
            add;
            subtract;
            bit_and;
            bit_or;
            bit_xor;
            shift;
            drop;
        }
        const default_action = drop();
        const entries = {
            PLUS: add();
            MINUS: subtract();
            AND: bit_and();
            OR: bit_or();
            CARET: bit_xor();
            LESS: shift();
        }
    }
    apply {
        if (hdr.calculator.isValid()) {
            calculate.apply();
        } else {
            drop();
        }
    }
}

control MyEgress(inout headers hdr, inout metadata meta, inout standard_metadata_t standard_metadata) {
    apply {}
}

control MyComputeChecksum(inout headers hdr, inout metadata meta) {
    apply {}
}

control MyDeparser(packet_out packet, in headers hdr) {
    apply {
        packet.emit(hdr.ethernet);
        packet.emit(hdr.calculator);
    }
}

V1Switch(MyParser(), MyVerifyChecksum(), MyIngress(), MyEgress(), MyComputeChecksum(), MyDeparser()) main;
