// How a P router reads a packet. It switches on the top label; what lies beneath is read for the flow hash and for
// the watch list only, and no fault in there stops a packet.
//
//   start -+- packet_out -> accept
//          +- link -> top -> labels ... bottom -> ? -> IPv4, IPv6
//                                                   -> [control word] Ethernet [VLAN [VLAN]] -> IPv4, IPv6, ARP
//
// Nothing in a label stack says what it carries (RFC 4928). As any router of the field does, this one takes a first
// nibble of 6, or a first byte from 0x45 (the shortest header) to 0x4F, for IP and 32 zero bits for a control word
// (RFC 4385 §3); anything else is Ethernet. A frame without control word whose destination MAC begins like that is
// misread: its hash comes from lengths and identifications, and its flow splits. This is what control words and
// entropy labels are for (RFC 7432 §18, RFC 8469).

#ifndef COMMON_LSR_PARSER_P4
#define COMMON_LSR_PARSER_P4

#include "lsr_state.p4"

parser LsrParser(packet_in packet,
                 out headers_t hdr,
                 inout metadata_t meta,
                 inout standard_metadata_t standard_metadata) {
    state start {
        meta.ingress_port = standard_metadata.ingress_port;
        transition select(standard_metadata.ingress_port) {
            CPU_PORT: parse_packet_out;
            default:  parse_link;
        }
    }

    state parse_packet_out {
        packet.extract(hdr.packet_out);
        meta.ingress_port = (bit<9>)hdr.packet_out.port;
        transition accept;
    }

    state parse_link {
        packet.extract(hdr.link);
        transition select(hdr.link.ether_type) {
            EtherType.MPLS: parse_top;
            default:        accept;
        }
    }

    state parse_top {
        packet.extract(hdr.top);
        transition select(hdr.top.label, hdr.top.bos) {
            (_, 1): parse_beneath;
            (7, 0): parse_entropy;
            (_, 0): parse_label;
        }
    }

    state parse_label {
        packet.extract(hdr.mpls.next);
        transition select(hdr.mpls.last.label, hdr.mpls.last.bos) {
            (_, 1): parse_beneath;
            (7, 0): parse_entropy;
            (_, 0): parse_label;
        }
    }

    // RFC 6790 §4.3.
    state parse_entropy {
        packet.extract(hdr.mpls.next);
        meta.entropy = hdr.mpls.last.label;
        transition select(hdr.mpls.last.bos) {
            1: parse_beneath;
            0: parse_label;
        }
    }

    state parse_beneath {
        meta.stack_read = true;
        transition select(packet.lookahead<bit<32>>()) {
            0x45000000 &&& 0xFF000000: parse_ipv4;
            0x46000000 &&& 0xFE000000: parse_ipv4;
            0x48000000 &&& 0xF8000000: parse_ipv4;
            0x60000000 &&& 0xF0000000: parse_ipv6;
            0x00000000:                parse_control_word;
            default:                   parse_ethernet;
        }
    }

    state parse_control_word {
        packet.extract(hdr.control_word);
        transition parse_ethernet;
    }

    state parse_icmp {
        packet.extract(hdr.icmp);
        transition accept;
    }

#include "frame_states.p4"
}

control LsrDeparser(packet_out packet, in headers_t hdr) {
    apply {
        packet.emit(hdr.packet_in);
        packet.emit(hdr.link);
        packet.emit(hdr.transport);
        packet.emit(hdr.top);
        packet.emit(hdr.mpls);
        packet.emit(hdr.control_word);
        packet.emit(hdr.ethernet);
        packet.emit(hdr.vlan);
        packet.emit(hdr.inner_vlan);
        packet.emit(hdr.arp);
        packet.emit(hdr.icmp_ipv4);
        packet.emit(hdr.icmp_ipv6);
        packet.emit(hdr.icmp_error);
        packet.emit(hdr.ipv4);
        packet.emit(hdr.ipv4_options);
        packet.emit(hdr.ipv6);
        packet.emit(hdr.icmp);
        packet.emit(hdr.ports);
    }
}

// A P router looks at no checksum: an MPLS label stack has none, and what lies beneath is not its business.
control LsrVerifyChecksum(inout headers_t hdr, inout metadata_t meta) {
    apply { }
}

control LsrComputeChecksum(inout headers_t hdr, inout metadata_t meta) {
    apply {
#include "icmp_error_checksums.p4"
    }
}

#endif
