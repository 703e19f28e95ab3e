// Source routing over IPv4, and hops that write themselves into an IPv4 option, newest first.
#include <core.p4>
#include <v1model.p4>

#define MAX_HOPS 9

const bit<16> TYPE_IPV4 = 0x800;
const bit<16> TYPE_SOURCE_ROUTE = 0x1234;
const bit<5> OPTION_TRACE = 31;

error { OptionsTooShort }

typedef bit<9> egress_t;
typedef bit<48> mac_t;
typedef bit<32> address_t;
type bit<32> switch_id_t;

header ethernet_t {
    mac_t dst;
    mac_t src;
    bit<16> type;
}

header source_route_t {
    bit<1> last;
    bit<15> port;
}

header ipv4_t {
    bit<4> version;
    bit<4> ihl;
    bit<6> dscp;
    bit<2> ecn;
    bit<16> length;
    bit<16> id;
    bit<3> flags;
    bit<13> offset;
    bit<8> ttl;
    bit<8> protocol;
    bit<16> checksum;
    address_t src;
    address_t dst;
}

header option_t {
    bit<1> copied;
    bit<2> class;
    bit<5> number;
    bit<8> length;
}

header trace_t {
    bit<16> count;
}

header hop_t {
    switch_id_t id;
    bit<32> depth;
}

struct parser_metadata_t {
    bit<16> remaining;
}

struct metadata {
    parser_metadata_t parser_metadata;
}

struct headers {
    ethernet_t ethernet;
    source_route_t[MAX_HOPS] routes;
    ipv4_t ipv4;
    option_t option;
    trace_t trace;
    hop_t[MAX_HOPS] hops;
}

parser MyParser(packet_in packet, out headers hdr, inout metadata meta, inout standard_metadata_t standard_metadata) {
    state start {
        transition parse_ethernet;
    }
    state parse_ethernet {
        packet.extract(hdr.ethernet);
        transition select(hdr.ethernet.type) {
            TYPE_SOURCE_ROUTE: parse_source_route;
            TYPE_IPV4: parse_ipv4;
            default: accept;
        }
    }
    state parse_source_route {
        packet.extract(hdr.routes.next);
        transition select(hdr.routes.last.last) {
            1: parse_ipv4;
            default: parse_source_route;
        }
    }
    state parse_ipv4 {
        packet.extract(hdr.ipv4);
        verify(hdr.ipv4.ihl >= 5, error.OptionsTooShort);
        transition select(hdr.ipv4.ihl) {
            5: accept;
            default: parse_option;
        }
    }
    state parse_option {
        packet.extract(hdr.option);
        transition select(hdr.option.number) {
            OPTION_TRACE: parse_trace;
            default: accept;
        }
    }
    state parse_trace {
        packet.extract(hdr.trace);
        meta.parser_metadata.remaining = hdr.trace.count;
        transition select(meta.parser_metadata.remaining) {
            0: accept;
            default: parse_hop;
        }
    }
    state parse_hop {
        packet.extract(hdr.hops.next);
        meta.parser_metadata.remaining = meta.parser_metadata.remaining - 1;
        transition select(meta.parser_metadata.remaining) {
            0: accept;
            default: parse_hop;
        }
    }
}

control MyVerifyChecksum(inout headers hdr, inout metadata meta) {
    apply {}
}

control MyIngress(inout headers hdr, inout metadata meta, inout standard_metadata_t standard_metadata) {
    action drop() {
        mark_to_drop(standard_metadata);
    }
    action next_hop_of_source() {
        standard_metadata.egress_spec = (egress_t)hdr.routes[0].port;
        hdr.routes.pop_front(1);
    }
    action last_hop_of_source() {
        hdr.ethernet.type = TYPE_IPV4;
    }
    action forward(mac_t mac, egress_t port) {
        standard_metadata.egress_spec = port;
        hdr.ethernet.src = hdr.ethernet.dst;
        hdr.ethernet.dst = mac;
        hdr.ipv4.ttl = hdr.ipv4.ttl - 1;
    }
    table ipv4_lpm {
        key = {
            hdr.ipv4.dst: lpm;
        }
        actions = {
            forward;
            drop;
            NoAction;
        }
        size = 1024;
        default_action = drop();
    }
    apply {
        if (hdr.routes[0].isValid()) {
            if (hdr.routes[0].last == 1) {
                last_hop_of_source();
            }
            next_hop_of_source();
            if (hdr.ipv4.isValid()) {
                hdr.ipv4.ttl = hdr.ipv4.ttl - 1;
            }
        } else if (hdr.ipv4.isValid() && hdr.ipv4.ttl > 1) {
            ipv4_lpm.apply();
        } else {
            drop();
        }
    }
}

control MyEgress(inout headers hdr, inout metadata meta, inout standard_metadata_t standard_metadata) {
    action add_hop(switch_id_t id) {
        hdr.trace.count = hdr.trace.count + 1;
        hdr.hops.push_front(1);
        hdr.hops[0].setValid();
        hdr.hops[0].id = id;
        hdr.hops[0].depth = (bit<32>)standard_metadata.deq_qdepth;
        hdr.ipv4.ihl = hdr.ipv4.ihl + 2;
        hdr.option.length = hdr.option.length + 8;
        hdr.ipv4.length = hdr.ipv4.length + 8;
    }
    table hop {
        actions = {
            add_hop;
            NoAction;
        }
        default_action = NoAction();
    }
    apply {
        if (hdr.trace.isValid()) {
            hop.apply();
        }
        if ((hdr.ipv4.ecn == 1 || hdr.ipv4.ecn == 2) && standard_metadata.enq_qdepth >= 100000) {
            hdr.ipv4.ecn = 3;
        }
    }
}

control MyComputeChecksum(inout headers hdr, inout metadata meta) {
    apply {
        update_checksum(
            hdr.ipv4.isValid(),
            {hdr.ipv4.version, hdr.ipv4.ihl, hdr.ipv4.dscp, hdr.ipv4.ecn, hdr.ipv4.length, hdr.ipv4.id,
             hdr.ipv4.flags, hdr.ipv4.offset, hdr.ipv4.ttl, hdr.ipv4.protocol, hdr.ipv4.src, hdr.ipv4.dst},
            hdr.ipv4.checksum, HashAlgorithm.csum16);
    }
}

control MyDeparser(packet_out packet, in headers hdr) {
    apply {
        packet.emit(hdr.ethernet);
        packet.emit(hdr.routes);
        packet.emit(hdr.ipv4);
        packet.emit(hdr.option);
        packet.emit(hdr.trace);
        packet.emit(hdr.hops);
    }
}

V1Switch(MyParser(), MyVerifyChecksum(), MyIngress(), MyEgress(), MyComputeChecksum(), MyDeparser()) main;
