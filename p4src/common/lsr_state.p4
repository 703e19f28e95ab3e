// What a P router knows of a packet.

#ifndef COMMON_LSR_STATE_P4
#define COMMON_LSR_STATE_P4

#include "controller.p4"
#include "headers.p4"

enum bit<8> Step {
    DROP     = 0,
    SEND     = 1,
    PUNT     = 2,
    CONSUMED = 3
}

struct headers_t {
    packet_out_t   packet_out;
    packet_in_t    packet_in;
    ethernet_t     link;
    mpls_t[5]      transport;      // pushed here
    mpls_t         top;            // the label that this router switches on
    mpls_t[9]      mpls;           // what lies beneath it
    control_word_t control_word;
    ethernet_t     ethernet;       // of the customer's frame
    vlan_t         vlan;
    vlan_t         inner_vlan;
    arp_t          arp;
    ipv4_t         icmp_ipv4;      // made here, in front of a quoted packet
    ipv6_t         icmp_ipv6;      // likewise
    icmp_t         icmp_error;
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
    @field_list(1) bit<16>    attachment;
    @field_list(1) bit<16>    bridge_domain;
    @field_list(1) bit<48>    ingress_timestamp;
    @field_list(1) bit<48>    egress_timestamp;
    @field_list(1) bit<16>    made_length;   // of an IP packet made here, to cut off what followed; 0: not made here

    // Found by the parser.
    bool    stack_read;            // down to the bottom
    bit<20> entropy;               // 0: none
    bit<12> vlan_id;
    bit<8>  protocol;
    bit<16> src_port;
    bit<16> dst_port;

    // Decided.
    Step    step;
    bit<16> flow_hash;
    bit<16> choice;                // what a selector takes: made of the hash
    bit<16> tree;                  // replication tree; 0: none
    bool    pop;                   // else swap
    bit<20> label;                 // to swap to
    bit<16> nhlfe;
    bit<3>  tc;
    bit<8>  ttl;
}

#endif
