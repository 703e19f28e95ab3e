// A leaf of a fabric: VLANs, bridging with learning, routing with ECMP, next hops in stages, ACL with clones to the
// controller, groups of egress copies whose VLAN tags differ.
#define V1MODEL_VERSION 20200408
#include <core.p4>
#include <v1model.p4>

#define ETHERTYPE_VLAN 0x8100
#define ETHERTYPE_IPV4 0x0800
#define ETHERTYPE_IPV6 0x86dd

typedef bit<12> vlan_id_t;
typedef bit<48> mac_addr_t;
typedef bit<32> next_id_t;
const PortId_t CPU_PORT = 510;
const vlan_id_t DEFAULT_VLAN = 4094;

enum bit<2> Forwarding {
    none = 0,
    bridging = 1,
    routing = 2
}

@controller_header("packet_in")
header packet_in_header_t {
    PortId_t ingress_port;
    bit<7> pad;
}

@controller_header("packet_out")
header packet_out_header_t {
    PortId_t egress_port;
    bit<7> pad;
}

header ethernet_t {
    mac_addr_t dst;
    mac_addr_t src;
}

header ether_type_t {
    bit<16> value;
}

header vlan_tag_t {
    bit<16> type;
    bit<3> priority;
    bit<1> eligible;
    vlan_id_t id;
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
    bit<32> src;
    bit<32> dst;
}

header ipv6_t {
    bit<4> version;
    bit<8> traffic_class;
    bit<20> flow_label;
    bit<16> length;
    bit<8> next_header;
    bit<8> hop_limit;
    bit<128> src;
    bit<128> dst;
}

header ports_t {
    bit<16> src;
    bit<16> dst;
}

struct parsed_headers_t {
    packet_out_header_t packet_out;
    packet_in_header_t packet_in;
    ethernet_t ethernet;
    vlan_tag_t vlan_tag;
    ether_type_t ether_type;
    ipv4_t ipv4;
    ipv6_t ipv6;
    ports_t ports;
}

struct fabric_metadata_t {
    vlan_id_t vlan_id;
    Forwarding forwarding;
    next_id_t next_id;
    bool skip_next;
    bool is_multicast;
    bit<16> l4_src;
    bit<16> l4_dst;
    @field_list(1)
    PortId_t ingress_port;
}

parser FabricParser(packet_in packet, out parsed_headers_t hdr, inout fabric_metadata_t fabric_metadata,
                    inout standard_metadata_t standard_metadata) {
    state start {
        fabric_metadata.ingress_port = standard_metadata.ingress_port;
        transition select(standard_metadata.ingress_port) {
            CPU_PORT: parse_packet_out;
            default: parse_ethernet;
        }
    }
    state parse_packet_out {
        packet.extract(hdr.packet_out);
        transition parse_ethernet;
    }
    state parse_ethernet {
        packet.extract(hdr.ethernet);
        fabric_metadata.vlan_id = DEFAULT_VLAN;
        transition select(packet.lookahead<bit<16>>()) {
            ETHERTYPE_VLAN: parse_vlan_tag;
            default: parse_ether_type;
        }
    }
    state parse_vlan_tag {
        packet.extract(hdr.vlan_tag);
        transition parse_ether_type;
    }
    state parse_ether_type {
        packet.extract(hdr.ether_type);
        transition select(hdr.ether_type.value) {
            ETHERTYPE_IPV4: parse_ipv4;
            ETHERTYPE_IPV6: parse_ipv6;
            default: accept;
        }
    }
    state parse_ipv4 {
        packet.extract(hdr.ipv4);
        transition select(hdr.ipv4.protocol) {
            6: parse_ports;
            17: parse_ports;
            default: accept;
        }
    }
    state parse_ipv6 {
        packet.extract(hdr.ipv6);
        transition select(hdr.ipv6.next_header) {
            6: parse_ports;
            17: parse_ports;
            default: accept;
        }
    }
    state parse_ports {
        packet.extract(hdr.ports);
        fabric_metadata.l4_src = hdr.ports.src;
        fabric_metadata.l4_dst = hdr.ports.dst;
        transition accept;
    }
}

control FabricVerifyChecksum(inout parsed_headers_t hdr, inout fabric_metadata_t meta) {
    apply {
        verify_checksum(hdr.ipv4.isValid(),
            {hdr.ipv4.version, hdr.ipv4.ihl, hdr.ipv4.dscp, hdr.ipv4.ecn, hdr.ipv4.length, hdr.ipv4.id,
             hdr.ipv4.flags, hdr.ipv4.offset, hdr.ipv4.ttl, hdr.ipv4.protocol, hdr.ipv4.src, hdr.ipv4.dst},
            hdr.ipv4.checksum, HashAlgorithm.csum16);
    }
}

control Filtering(inout parsed_headers_t hdr, inout fabric_metadata_t fabric_metadata,
                  inout standard_metadata_t standard_metadata) {
    direct_counter(CounterType.packets_and_bytes) port_vlan_counter;

    action deny() {
        fabric_metadata.skip_next = true;
        port_vlan_counter.count();
    }
    action permit() {
        fabric_metadata.vlan_id = hdr.vlan_tag.id;
        port_vlan_counter.count();
    }
    action permit_with_internal_vlan(vlan_id_t vlan_id) {
        fabric_metadata.vlan_id = vlan_id;
        port_vlan_counter.count();
    }
    table ingress_port_vlan {
        key = {
            standard_metadata.ingress_port: exact @name("ig_port");
            hdr.vlan_tag.isValid(): exact @name("vlan_is_valid");
            hdr.vlan_tag.id: ternary @name("vlan_id");
        }
        actions = {
            deny;
            permit;
            permit_with_internal_vlan;
        }
        const default_action = deny();
        counters = port_vlan_counter;
        size = 1024;
    }
    action set_forwarding_type(Forwarding fwd_type) {
        fabric_metadata.forwarding = fwd_type;
    }
    table fwd_classifier {
        key = {
            standard_metadata.ingress_port: exact @name("ig_port");
            hdr.ethernet.dst: ternary @name("eth_dst");
            hdr.ether_type.value: ternary @name("eth_type");
        }
        actions = {
            set_forwarding_type;
        }
        const default_action = set_forwarding_type(Forwarding.bridging);
        size = 1024;
    }
    apply {
        ingress_port_vlan.apply();
        if (!fabric_metadata.skip_next) {
            fwd_classifier.apply();
        }
    }
}

control Routing(inout parsed_headers_t hdr, inout fabric_metadata_t fabric_metadata,
                inout standard_metadata_t standard_metadata) {
    action set_next_id_bridging(next_id_t next_id) {
        fabric_metadata.next_id = next_id;
    }
    action set_next_id_routing(next_id_t next_id) {
        fabric_metadata.next_id = next_id;
    }
    @name("flood")
    action flood_in_vlan(bit<16> group_id) {
        standard_metadata.mcast_grp = group_id;
        fabric_metadata.is_multicast = true;
        fabric_metadata.skip_next = true;
    }
    table bridging {
        key = {
            fabric_metadata.vlan_id: exact @name("vlan_id");
            hdr.ethernet.dst: ternary @name("eth_dst");
        }
        actions = {
            set_next_id_bridging;
            flood_in_vlan;
            @defaultonly NoAction;
        }
        const default_action = NoAction();
    }
    table routing_v4 {
        key = {
            hdr.ipv4.dst: lpm @name("ipv4_dst");
        }
        actions = {
            set_next_id_routing;
            @defaultonly NoAction;
        }
        const default_action = NoAction();
    }
    table routing_v6 {
        key = {
            hdr.ipv6.dst: lpm @name("ipv6_dst");
        }
        actions = {
            set_next_id_routing;
            @defaultonly NoAction;
        }
        const default_action = NoAction();
    }
    apply {
        if (fabric_metadata.forwarding == Forwarding.bridging) {
            bridging.apply();
        } else if (fabric_metadata.forwarding == Forwarding.routing) {
            if (hdr.ipv4.isValid()) {
                routing_v4.apply();
            } else if (hdr.ipv6.isValid()) {
                routing_v6.apply();
            }
        }
    }
}

control Acl(inout parsed_headers_t hdr, inout fabric_metadata_t fabric_metadata,
            inout standard_metadata_t standard_metadata) {
    direct_counter(CounterType.packets) acl_counter;

    action set_next_id_acl(next_id_t next_id) {
        fabric_metadata.next_id = next_id;
        acl_counter.count();
    }
    action punt_to_cpu() {
        standard_metadata.egress_spec = CPU_PORT;
        standard_metadata.mcast_grp = 0;
        fabric_metadata.skip_next = true;
        acl_counter.count();
    }
    action clone_to_cpu(bit<32> session) {
        clone_preserving_field_list(CloneType.I2E, session, 1);
        acl_counter.count();
    }
    action drop() {
        mark_to_drop(standard_metadata);
        fabric_metadata.skip_next = true;
        acl_counter.count();
    }
    table acl {
        key = {
            standard_metadata.ingress_port: ternary @name("ig_port");
            hdr.ethernet.dst: ternary @name("eth_dst");
            hdr.ether_type.value: ternary @name("eth_type");
            fabric_metadata.vlan_id: ternary @name("vlan_id");
            hdr.ipv4.src: ternary @name("ipv4_src");
            hdr.ipv4.protocol: optional @name("ip_proto");
            fabric_metadata.l4_dst: range @name("l4_dport");
        }
        actions = {
            set_next_id_acl;
            punt_to_cpu;
            clone_to_cpu;
            drop;
            NoAction;
        }
        const default_action = NoAction();
        counters = acl_counter;
    }
    apply {
        acl.apply();
    }
}

control Next(inout parsed_headers_t hdr, inout fabric_metadata_t fabric_metadata,
             inout standard_metadata_t standard_metadata) {
    action_selector(HashAlgorithm.crc16, 32w64, 32w16) hashed_selector;

    action output_simple(PortId_t port_num) {
        standard_metadata.egress_spec = port_num;
    }
    action routing_hop(PortId_t port_num, mac_addr_t smac, mac_addr_t dmac) {
        hdr.ethernet.src = smac;
        hdr.ethernet.dst = dmac;
        standard_metadata.egress_spec = port_num;
        hdr.ipv4.ttl = hdr.ipv4.ttl - 1;
    }
    action set_vlan(vlan_id_t vlan_id) {
        fabric_metadata.vlan_id = vlan_id;
    }
    table next_vlan {
        key = {
            fabric_metadata.next_id: exact @name("next_id");
        }
        actions = {
            set_vlan;
            @defaultonly NoAction;
        }
        const default_action = NoAction();
    }
    table simple {
        key = {
            fabric_metadata.next_id: exact @name("next_id");
        }
        actions = {
            output_simple;
            @defaultonly NoAction;
        }
        const default_action = NoAction();
    }
    table hashed {
        key = {
            fabric_metadata.next_id: exact @name("next_id");
            hdr.ipv4.src: selector;
            hdr.ipv4.dst: selector;
            hdr.ipv4.protocol: selector;
            fabric_metadata.l4_src: selector;
            fabric_metadata.l4_dst: selector;
        }
        actions = {
            routing_hop;
            @defaultonly NoAction;
        }
        implementation = hashed_selector;
    }
    apply {
        next_vlan.apply();
        if (!simple.apply().hit) {
            hashed.apply();
        }
    }
}

control FabricIngress(inout parsed_headers_t hdr, inout fabric_metadata_t fabric_metadata,
                      inout standard_metadata_t standard_metadata) {
    Filtering() filtering;
    Routing() forwarding;
    Acl() acl;
    Next() next;

    apply {
        mark_to_drop(standard_metadata);
        if (hdr.packet_out.isValid()) {
            standard_metadata.egress_spec = hdr.packet_out.egress_port;
            hdr.packet_out.setInvalid();
            exit;
        }
        if (standard_metadata.checksum_error == 1) {
            exit;
        }
        filtering.apply(hdr, fabric_metadata, standard_metadata);
        if (!fabric_metadata.skip_next) {
            forwarding.apply(hdr, fabric_metadata, standard_metadata);
        }
        acl.apply(hdr, fabric_metadata, standard_metadata);
        if (!fabric_metadata.skip_next) {
            next.apply(hdr, fabric_metadata, standard_metadata);
        }
    }
}

control FabricEgress(inout parsed_headers_t hdr, inout fabric_metadata_t fabric_metadata,
                     inout standard_metadata_t standard_metadata) {
    direct_counter(CounterType.packets) egress_vlan_counter;

    action pop_vlan() {
        hdr.vlan_tag.setInvalid();
        egress_vlan_counter.count();
    }
    action push_vlan() {
        hdr.vlan_tag.setValid();
        hdr.vlan_tag.type = ETHERTYPE_VLAN;
        hdr.vlan_tag.priority = 0;
        hdr.vlan_tag.eligible = 0;
        hdr.vlan_tag.id = fabric_metadata.vlan_id;
        egress_vlan_counter.count();
    }
    action drop() {
        mark_to_drop(standard_metadata);
        egress_vlan_counter.count();
    }
    table egress_vlan {
        key = {
            fabric_metadata.vlan_id: exact @name("vlan_id");
            standard_metadata.egress_port: exact @name("eg_port");
        }
        actions = {
            push_vlan;
            pop_vlan;
            drop;
        }
        const default_action = drop();
        counters = egress_vlan_counter;
    }
    apply {
        if (standard_metadata.egress_port == CPU_PORT) {
            hdr.packet_in.setValid();
            hdr.packet_in.ingress_port = fabric_metadata.ingress_port;
            exit;
        }
        if (standard_metadata.ingress_port == CPU_PORT) {
            exit;
        }
        if (fabric_metadata.is_multicast && standard_metadata.ingress_port == standard_metadata.egress_port) {
            mark_to_drop(standard_metadata);
        } else {
            egress_vlan.apply();
            if (hdr.ipv4.isValid() && hdr.ipv4.ttl == 0) {
                mark_to_drop(standard_metadata);
            }
        }
    }
}

control FabricComputeChecksum(inout parsed_headers_t hdr, inout fabric_metadata_t meta) {
    apply {
        update_checksum(hdr.ipv4.isValid(),
            {hdr.ipv4.version, hdr.ipv4.ihl, hdr.ipv4.dscp, hdr.ipv4.ecn, hdr.ipv4.length, hdr.ipv4.id,
             hdr.ipv4.flags, hdr.ipv4.offset, hdr.ipv4.ttl, hdr.ipv4.protocol, hdr.ipv4.src, hdr.ipv4.dst},
            hdr.ipv4.checksum, HashAlgorithm.csum16);
    }
}

control FabricDeparser(packet_out packet, in parsed_headers_t hdr) {
    apply {
        packet.emit(hdr.packet_in);
        packet.emit(hdr.ethernet);
        packet.emit(hdr.vlan_tag);
        packet.emit(hdr.ether_type);
        packet.emit(hdr.ipv4);
        packet.emit(hdr.ipv6);
        packet.emit(hdr.ports);
    }
}

V1Switch(FabricParser(), FabricVerifyChecksum(), FabricIngress(), FabricEgress(), FabricComputeChecksum(),
         FabricDeparser()) main;
