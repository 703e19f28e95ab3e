// Header types, field by field as the RFCs draw them.

#ifndef COMMON_HEADERS_P4
#define COMMON_HEADERS_P4

#include "names.p4"

// IEEE 802.3.
header ethernet_t {
    bit<48>   dst_addr;
    bit<48>   src_addr;
    EtherType ether_type;
}

// IEEE 802.1Q tag, and the type of what follows it.
header vlan_t {
    bit<3>    pcp;
    bit<1>    dei;
    bit<12>   vid;
    EtherType ether_type;
}

// Label stack entry, RFC 3032 §2.1 and RFC 5462.
header mpls_t {
    bit<20> label;
    bit<3>  tc;
    bit<1>  bos;
    bit<8>  ttl;
}

// Pseudo-wire control word for Ethernet, RFC 4448 §4.6: four zero bits where IP has its version.
header control_word_t {
    bit<4>  zero;
    bit<12> reserved;
    bit<16> sequence;
}

// RFC 826, for Ethernet and IPv4; RARP (RFC 903) has the same form.
header arp_t {
    bit<16> hardware_type;
    bit<16> protocol_type;
    bit<8>  hardware_length;
    bit<8>  protocol_length;
    bit<16> operation;
    bit<48> sender_mac;
    bit<32> sender_ip;
    bit<48> target_mac;
    bit<32> target_ip;
}

// RFC 791.
header ipv4_t {
    bit<4>     version;
    bit<4>     ihl;
    bit<8>     tos;
    bit<16>    total_length;
    bit<16>    identification;
    bit<3>     flags;
    bit<13>    fragment_offset;
    bit<8>     ttl;
    IpProtocol protocol;
    bit<16>    checksum;
    bit<32>    src_addr;
    bit<32>    dst_addr;
}

header ipv4_options_t {
    varbit<320> options;
}

// RFC 8200.
header ipv6_t {
    bit<4>     version;
    bit<8>     traffic_class;
    bit<20>    flow_label;
    bit<16>    payload_length;
    IpProtocol next_header;
    bit<8>     hop_limit;
    bit<128>   src_addr;
    bit<128>   dst_addr;
}

// RFC 792 and RFC 4443: what all ICMP messages share, and the 32 bits whose meaning the type gives.
header icmp_t {
    bit<8>  message_type;
    bit<8>  code;
    bit<16> checksum;
    bit<32> rest;
}

// Neighbour discovery, RFC 4861 §4.3 and §4.4: the target, and the option that carries a MAC (§4.6.1).
header nd_t {
    bit<128> target;
}

header nd_option_t {
    bit<8>  option_type;
    bit<8>  length;
    bit<48> mac;
}

// The first 64 bits of TCP, UDP and SCTP: the ports, and all that an ICMP error quotes (RFC 792).
header ports_t {
    bit<16> src_port;
    bit<16> dst_port;
    bit<32> rest;
}

#endif
