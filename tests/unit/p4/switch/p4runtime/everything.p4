// One of each thing that P4Runtime can program, for the tests of the switch.
#include <core.p4>
#include <v1model.p4>

header ethernet_t {
    bit<48> dst;
    bit<48> src;
    bit<16> type;
}

header ipv4_t {
    bit<32> src;
    bit<32> dst;
    bit<8> protocol;
    bit<8> ttl;
}

@controller_header("packet_in")
header packet_in_t {
    bit<9> port;
    bit<7> reason;
}

@controller_header("packet_out")
header packet_out_t {
    bit<9> port;
    bit<7> pad;
}

struct headers_t {
    packet_in_t packet_in;
    packet_out_t packet_out;
    ethernet_t ethernet;
    ipv4_t ipv4;
}

struct metadata_t {
    bit<2> colour;
    bit<32> counted;
    bit<16> hash;
}

struct learned_t {
    bit<48> mac;
    bit<9> port;
}

parser ParserImpl(packet_in packet, out headers_t hdr, inout metadata_t meta, inout standard_metadata_t std) {
    value_set<bit<16>>(4) ip_types;

    state start {
        transition select(std.ingress_port) {
            510: parse_packet_out;
            default: parse_ethernet;
        }
    }
    state parse_packet_out {
        packet.extract(hdr.packet_out);
        transition parse_ethernet;
    }
    state parse_ethernet {
        packet.extract(hdr.ethernet);
        transition select(hdr.ethernet.type) {
            0x0800: parse_ipv4;
            ip_types: parse_ipv4;
            default: accept;
        }
    }
    state parse_ipv4 {
        packet.extract(hdr.ipv4);
        transition accept;
    }
}

control VerifyImpl(inout headers_t hdr, inout metadata_t meta) { apply { } }

control IngressImpl(inout headers_t hdr, inout metadata_t meta, inout standard_metadata_t std) {
    direct_counter(CounterType.packets_and_bytes) l2_counter;
    direct_meter<bit<2>>(MeterType.packets) l2_meter;
    counter(8, CounterType.packets_and_bytes) port_counter;
    meter(8, MeterType.packets) port_meter;
    register<bit<32>>(16) seen;
    action_selector(HashAlgorithm.crc16, 64, 16) ecmp;
    action_profile(16) next_hops;

    action drop() { mark_to_drop(std); }
    action forward(bit<9> port) { std.egress_spec = port; }
    action forward_metered(bit<9> port) {
        l2_meter.read(meta.colour);
        std.egress_spec = port;
    }
    action flood(bit<16> group) { std.mcast_grp = group; }
    action to_cpu(bit<7> reason) {
        std.egress_spec = 510;
        hdr.packet_in.setValid();
        hdr.packet_in.port = std.ingress_port;
        hdr.packet_in.reason = reason;
    }
    action mirror(bit<32> session) { clone_preserving_field_list(CloneType.I2E, session, 1); }
    action learn() { digest<learned_t>(1, { hdr.ethernet.src, std.ingress_port }); }
    action set_dst(bit<48> mac, bit<9> port) {
        hdr.ethernet.dst = mac;
        std.egress_spec = port;
    }

    table smac {
        key = { hdr.ethernet.src: exact; std.ingress_port: exact; }
        actions = { NoAction; @defaultonly learn; }
        const default_action = learn();
        support_timeout = true;
        size = 64;
    }
    table dmac {
        key = { hdr.ethernet.dst: exact; }
        actions = { forward; forward_metered; flood; to_cpu; drop; }
        default_action = drop();
        counters = l2_counter;
        meters = l2_meter;
        size = 1024;
    }
    table routes {
        key = { hdr.ipv4.dst: lpm; }
        actions = { set_dst; NoAction; }
        implementation = next_hops;
        size = 128;
    }
    table balanced {
        key = { hdr.ipv4.dst: exact; hdr.ipv4.src: selector; hdr.ipv4.protocol: selector; }
        actions = { set_dst; NoAction; }
        implementation = ecmp;
        size = 128;
    }
    table acl {
        key = {
            hdr.ipv4.src: ternary;
            hdr.ipv4.protocol: optional @name("protocol");
            hdr.ethernet.isValid(): exact @name("ethernet_valid");
        }
        actions = { drop; mirror; NoAction; }
        default_action = NoAction();
        size = 64;
    }
    table ranges {
        key = { hdr.ipv4.ttl: range; }
        actions = { drop; to_cpu; NoAction; }
        size = 16;
    }
    table fixed_table {
        key = { hdr.ethernet.type: exact; }
        actions = { to_cpu; NoAction; }
        const entries = {
            0x88cc: to_cpu(1);
            0x8942: to_cpu(2);
        }
        const default_action = NoAction();
    }

    apply {
        if (hdr.packet_out.isValid()) {
            std.egress_spec = hdr.packet_out.port;
            hdr.packet_out.setInvalid();
        } else {
            smac.apply();
            dmac.apply();
            if (hdr.ipv4.isValid()) {
                routes.apply();
                balanced.apply();
                acl.apply();
                ranges.apply();
            }
            fixed_table.apply();
            port_counter.count((bit<32>) std.ingress_port);
            port_meter.execute_meter((bit<32>) std.ingress_port, meta.colour);
            seen.read(meta.counted, 3);
            seen.write(3, meta.counted + 1);
        }
    }
}

control EgressImpl(inout headers_t hdr, inout metadata_t meta, inout standard_metadata_t std) {
    apply {
        if (std.instance_type == 1) {
            hdr.ethernet.type = 0xcccc;
        }
    }
}

control ComputeImpl(inout headers_t hdr, inout metadata_t meta) { apply { } }

control DeparserImpl(packet_out packet, in headers_t hdr) {
    apply {
        packet.emit(hdr.packet_in);
        packet.emit(hdr.ethernet);
        packet.emit(hdr.ipv4);
    }
}

V1Switch(ParserImpl(), VerifyImpl(), IngressImpl(), EgressImpl(), ComputeImpl(), DeparserImpl()) main;
