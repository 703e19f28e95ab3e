// What the PE knows of a packet: its headers, and the decisions taken so far.

#ifndef COMMON_PE_STATE_P4
#define COMMON_PE_STATE_P4

#include "controller.p4"
#include "headers.p4"

// A PE allocates its labels itself (downstream assignment, RFC 3031 §3.4), so it is free to let the high bits of
// a service label say what lies beneath: a parser cannot ask a table.
//
//   0x00010 - 0x3FFFF   transport (segment identifiers)
//   0x40000 - 0x5FFFF   Ethernet
//   0x60000 - 0x7FFFF   Ethernet behind a control word (RFC 7432 §18)
//   0x80000 - 0xBFFFF   IPv4 or IPv6
//   0xC0000 - 0xFFFFF   Ethernet segment (split horizon, RFC 7432 §8.3), beneath a label for Ethernet
//
// The same bits tell the sending PE whether to put a control word under the label that it pushes.

// Which control takes the packet next. Each control acts on the packets whose step is its own and ends by naming
// the next one; a packet that nobody takes stays at DROP.
enum bit<8> Step {
    DROP     = 0,
    BRIDGE   = 1,   // look up the destination MAC in the bridge domain
    ROUTE    = 2,   // look up the destination address in the IP-VRF
    NEXT_HOP = 3,   // resolve `next_hop`
    SEGMENT  = 4,   // choose a PE of `segment`
    TUNNEL   = 5,   // choose a path of `tunnel`
    FLOOD    = 6,   // replicate in the bridge domain
    SEND     = 7,   // done: egress_spec or mcast_grp is set
    PUNT     = 8,   // the packet itself goes to the controller
    CONSUMED = 9    // ends here, rightly
}

// Kinds of flooded frames (RFC 7432 §11, 12); 0: known unicast.
enum bit<2> Bum {
    NONE            = 0,
    BROADCAST       = 1,
    UNKNOWN_UNICAST = 2,
    MULTICAST       = 3
}

// Attachment circuits use groups from 2 up; 0 is no group.
enum bit<8> SplitHorizonGroup {
    NONE = 0,
    CORE = 1    // all pseudo-wires and EVPN peers: a full mesh (RFC 4762 §4.4, RFC 7432 §12.1)
}

struct headers_t {
    packet_out_t   packet_out;
    packet_in_t    packet_in;
    ethernet_t     link;           // of a core link
    mpls_t[5]      transport;      // pushed here
    mpls_t[2]      entropy;        // pushed here: indicator and label (RFC 6790)
    mpls_t         service;        // pushed here
    mpls_t         segment;        // pushed here: ESI label
    mpls_t[8]      mpls;           // as received
    control_word_t control_word;
    ethernet_t     ethernet;       // of the customer's frame
    vlan_t         egress_vlan;    // pushed here
    vlan_t         vlan;           // outermost tag as received
    vlan_t         inner_vlan;
    arp_t          arp;
    ipv4_t         icmp_ipv4;      // made here, in front of a quoted packet
    ipv6_t         icmp_ipv6;      // likewise
    icmp_t         icmp_error;
    ipv4_t         ipv4;
    ipv4_options_t ipv4_options;
    ipv6_t         ipv6;
    icmp_t         icmp;
    nd_t           nd;
    nd_option_t    nd_answer;      // made here
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
    bit<20> service_label;         // 0: none
    bit<20> segment_label;         // beneath the service label
    bool    has_segment_label;
    bit<8>  transport_labels;      // how many stand above the service label
    bit<8>  stack_length;          // bytes of all labels
    bit<8>  label_ttl;             // of the outermost label
    bit<3>  label_tc;              // likewise
    bit<12> vlan_id;               // of the outermost tag; 0: untagged or priority-tagged
    bit<8>  protocol;
    bit<16> src_port;
    bit<16> dst_port;

    // Where it came from.
    bit<16> source;                // attachment that gets no copy; 0: none
    bit<8>  split_horizon_group;
    bool    pop_vlan;              // the tag delimits the service and ends here
    bit<16> from_segment;          // its ESI label says so; 0: none
    bool    uniform_pop;           // the label's TTL goes on in the packet

    // Where it goes.
    Step    step;
    bit<2>  bum;                   // Bum
    bit<16> vrf;
    bit<32> ipv4_destination;      // to look up; an ICMP answer goes back to the source
    bit<128> ipv6_destination;     // likewise
    bit<24> next_hop;
    bit<16> segment;
    bit<16> tunnel;
    bit<16> flow_hash;
    bit<16> choice;                // what a selector takes: made of the hash

    // What to make of it in egress.
    bool    routed;                // new TTL, new MACs
    bit<8>  ip_ttl;                // before this router
    bool    originated;            // made here: its TTL is fresh
    bool    strip_ethernet;        // IP directly beneath the label
    bit<48> src_mac;
    bit<48> dst_mac;
    bit<16> egress_ac;             // 0: not to an attachment circuit
    bit<8>  egress_group;          // its split horizon group
    bit<1>  blocked;               // no flooded frames: not the designated forwarder
    bit<3>  pcp;                   // of the service tag that was taken off
    bit<1>  dei;                   // likewise
    bit<20> push_label;            // service label
    bool    push_entropy;
    bool    uniform_push;          // the packet's TTL goes on in its labels
    bit<16> nhlfe;                 // 0: not to the core
    bit<3>  tc;                    // of the labels that are pushed
    bit<8>  ttl;                   // likewise
}

#endif
