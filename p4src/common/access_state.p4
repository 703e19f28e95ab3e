// What an access switch knows of a frame. Its bridge domains are VLANs.

#ifndef COMMON_ACCESS_STATE_P4
#define COMMON_ACCESS_STATE_P4

#include "controller.p4"
#include "headers.p4"

enum bit<8> Step {
    DROP     = 0,
    BRIDGE   = 1,
    SEND     = 2,
    PUNT     = 3,
    CONSUMED = 4
}

struct headers_t {
    packet_out_t   packet_out;
    packet_in_t    packet_in;
    ethernet_t     ethernet;
    vlan_t         egress_vlan;    // pushed here
    vlan_t         vlan;           // outermost tag as received
    vlan_t         inner_vlan;
    arp_t          arp;
    ipv4_t         ipv4;
    ipv4_options_t ipv4_options;
    ipv6_t         ipv6;
    icmp_t         icmp;
    ports_t        ports;
}

struct metadata_t {
    // Known to copies for the controller: these survive cloning (field list 1).
    @field_list(1) PuntReason punt_reason;
    @field_list(1) DropReason drop_reason;
    @field_list(1) bit<16>    watch;
    @field_list(1) bit<9>     ingress_port;
    @field_list(1) bit<9>     egress_port;
    @field_list(1) bit<16>    attachment;      // bridge port: a port, or all ports of a LAG
    @field_list(1) bit<16>    bridge_domain;   // VLAN
    @field_list(1) bit<48>    ingress_timestamp;
    @field_list(1) bit<48>    egress_timestamp;

    // Found by the parser.
    bit<12> vlan_id;               // of the outermost tag; 0: untagged or priority-tagged
    bit<8>  protocol;
    bit<16> src_port;
    bit<16> dst_port;

    // Decided.
    Step    step;
    bit<16> flow_hash;
    bit<16> lag;                   // 0: none
    bit<9>  lag_port;              // the port of the LAG that the flow takes
}

#endif
