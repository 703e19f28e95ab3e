// A stateful firewall with Bloom filters in front of a load balancer and a marker for quality of service.
#include <core.p4>
#include <v1model.p4>

#define FILTER_ENTRIES 4096

enum bit<8> Protocol {
    icmp = 1,
    tcp = 6,
    udp = 17
}

header ethernet_t {
    bit<48> dst;
    bit<48> src;
    bit<16> type;
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
    Protocol protocol;
    bit<16> checksum;
    bit<32> src;
    bit<32> dst;
}

header tcp_t {
    bit<16> src;
    bit<16> dst;
    bit<32> seq;
    bit<32> ack;
    bit<4> offset;
    bit<4> reserved;
    bit<1> cwr;
    bit<1> ece;
    bit<1> urg;
    bit<1> ack_flag;
    bit<1> psh;
    bit<1> rst;
    bit<1> syn;
    bit<1> fin;
    bit<16> window;
    bit<16> checksum;
    bit<16> urgent;
}

struct headers {
    ethernet_t ethernet;
    ipv4_t ipv4;
    tcp_t tcp;
}

struct metadata {
    bit<14> choice;
}

parser MyParser(packet_in packet, out headers hdr, inout metadata meta, inout standard_metadata_t standard_metadata) {
    state start {
        packet.extract(hdr.ethernet);
        transition select(hdr.ethernet.type) {
            0x800: ipv4;
            default: accept;
        }
    }
    state ipv4 {
        packet.extract(hdr.ipv4);
        transition select(hdr.ipv4.protocol) {
            Protocol.tcp: tcp;
            default: accept;
        }
    }
    state tcp {
        packet.extract(hdr.tcp);
        transition accept;
    }
}

control MyVerifyChecksum(inout headers hdr, inout metadata meta) {
    apply {
        verify_checksum(
            hdr.ipv4.isValid(),
            {hdr.ipv4.version, hdr.ipv4.ihl, hdr.ipv4.dscp, hdr.ipv4.ecn, hdr.ipv4.length, hdr.ipv4.id,
             hdr.ipv4.flags, hdr.ipv4.offset, hdr.ipv4.ttl, hdr.ipv4.protocol, hdr.ipv4.src, hdr.ipv4.dst},
            hdr.ipv4.checksum, HashAlgorithm.csum16);
    }
}

control MyIngress(inout headers hdr, inout metadata meta, inout standard_metadata_t standard_metadata) {
    register<bit<1>>(FILTER_ENTRIES) filter_1;
    register<bit<1>>(FILTER_ENTRIES) filter_2;
    bit<32> place_1;
    bit<32> place_2;
    bit<1> seen_1;
    bit<1> seen_2;
    bit<1> direction;

    action drop() {
        mark_to_drop(standard_metadata);
    }
    action compute_places(bit<32> a, bit<32> b, bit<16> port_a, bit<16> port_b) {
        hash(place_1, HashAlgorithm.crc16, (bit<32>)0, {a, b, port_a, port_b, hdr.ipv4.protocol}, (bit<32>)FILTER_ENTRIES);
        hash(place_2, HashAlgorithm.crc32, (bit<32>)0, {a, b, port_a, port_b, hdr.ipv4.protocol}, (bit<32>)FILTER_ENTRIES);
    }
    action set_direction(bit<1> dir) {
        direction = dir;
    }
    table check_ports {
        key = {
            standard_metadata.ingress_port: exact;
            standard_metadata.egress_spec: exact;
        }
        actions = {
            set_direction;
            NoAction;
        }
        size = 1024;
        default_action = NoAction();
    }
    action choose(bit<16> base, bit<32> count) {
        hash(meta.choice, HashAlgorithm.crc16, base,
             {hdr.ipv4.src, hdr.ipv4.dst, hdr.ipv4.protocol, hdr.tcp.src, hdr.tcp.dst}, count);
    }
    action send(bit<48> mac, bit<32> address, bit<9> port) {
        hdr.ethernet.dst = mac;
        hdr.ipv4.dst = address;
        standard_metadata.egress_spec = port;
        hdr.ipv4.ttl = hdr.ipv4.ttl - 1;
    }
    action forward(bit<9> port) {
        standard_metadata.egress_spec = port;
    }
    table group {
        key = {
            hdr.ipv4.dst: lpm;
        }
        actions = {
            drop;
            choose;
            forward;
        }
        default_action = drop;
        size = 1024;
    }
    table next_hop {
        key = {
            meta.choice: exact;
        }
        actions = {
            drop;
            send;
        }
        size = 2;
    }
    apply {
        if (!hdr.ipv4.isValid() || standard_metadata.checksum_error == 1) {
            drop();
            return;
        }
        switch (group.apply().action_run) {
            choose: { next_hop.apply(); }
            drop: { return; }
        }
        if (hdr.ipv4.protocol == Protocol.udp) {
            hdr.ipv4.dscp = 46;
        } else if (hdr.ipv4.protocol == Protocol.tcp) {
            hdr.ipv4.dscp = 44;
        }
        if (hdr.tcp.isValid()) {
            direction = 0;
            if (check_ports.apply().hit) {
                if (direction == 0) {
                    compute_places(hdr.ipv4.src, hdr.ipv4.dst, hdr.tcp.src, hdr.tcp.dst);
                } else {
                    compute_places(hdr.ipv4.dst, hdr.ipv4.src, hdr.tcp.dst, hdr.tcp.src);
                }
                if (direction == 0) {
                    if (hdr.tcp.syn == 1) {
                        filter_1.write(place_1, 1);
                        filter_2.write(place_2, 1);
                    }
                } else {
                    filter_1.read(seen_1, place_1);
                    filter_2.read(seen_2, place_2);
                    if (seen_1 != 1 || seen_2 != 1) {
                        drop();
                    }
                }
            }
        }
    }
}

control MyEgress(inout headers hdr, inout metadata meta, inout standard_metadata_t standard_metadata) {
    action rewrite(bit<48> mac) {
        hdr.ethernet.src = mac;
    }
    action drop() {
        mark_to_drop(standard_metadata);
    }
    table send_frame {
        key = {
            standard_metadata.egress_port: exact;
        }
        actions = {
            rewrite;
            drop;
            NoAction;
        }
        default_action = NoAction();
        size = 256;
    }
    apply {
        send_frame.apply();
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
        packet.emit(hdr.ipv4);
        packet.emit(hdr.tcp);
    }
}

V1Switch(MyParser(), MyVerifyChecksum(), MyIngress(), MyEgress(), MyComputeChecksum(), MyDeparser()) main;
