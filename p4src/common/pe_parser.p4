// How the PE reads a packet, and how it writes one.
//
//   start -+- packet_out --+-- (transmit) accept
//          |               v
//          +-----------> ethernet -> [vlan] -> [inner_vlan] -> arp | ipv4 | ipv6 -> icmp | ports
//          |               ^                                          ^
//          |               +--------- [control word] <-+              |
//          +- link -> transport labels -> service label + ------------+
//                                             +-> segment label (then as the service label says)
//
// Customer frames and core frames share one start: only a core frame begins with an untagged MPLS EtherType.

#ifndef COMMON_PE_PARSER_P4
#define COMMON_PE_PARSER_P4

#include "pe_state.p4"

parser PeParser(packet_in packet,
                out headers_t hdr,
                inout metadata_t meta,
                inout standard_metadata_t standard_metadata) {
    state start {
        meta.ingress_port = standard_metadata.ingress_port;
        transition select(standard_metadata.ingress_port) {
            CPU_PORT: parse_packet_out;
            default:  parse_frame;
        }
    }

    state parse_packet_out {
        packet.extract(hdr.packet_out);
        meta.ingress_port = (bit<9>)hdr.packet_out.port;
        transition select(hdr.packet_out.operation) {
            0:       accept;
            1:       parse_frame;
            default: parse_ethernet;
        }
    }

    state parse_frame {
        transition select(packet.lookahead<bit<112>>()[15:0]) {
            0x8847:  parse_link;
            default: parse_ethernet;
        }
    }

    // -- the label stack ---------------------------------------------------------------------------------------

    state parse_link {
        packet.extract(hdr.link);
        transition parse_top_label;
    }

    // The TTL and traffic class that count are those of the outermost label (RFC 3032 §2.4.1).
    state parse_top_label {
        meta.label_ttl = packet.lookahead<bit<32>>()[7:0];
        meta.label_tc = packet.lookahead<bit<32>>()[11:9];
        transition parse_label;
    }

    state parse_label {
        packet.extract(hdr.mpls.next);
        meta.stack_length = meta.stack_length + 4;
        transition select(hdr.mpls.last.label, hdr.mpls.last.bos) {
            (0x00007, 0):                parse_entropy_label;
            (0x40000 &&& 0xE0000, 1):    parse_ethernet_service;
            (0x60000 &&& 0xE0000, 1):    parse_control_word_service;
            (0x80000 &&& 0xC0000, 1):    parse_ip_service;
            (0x40000 &&& 0xE0000, 0):    parse_ethernet_segment;
            (0x60000 &&& 0xE0000, 0):    parse_control_word_segment;
            (0x00000 &&& 0xC0000, 0):    parse_transport_label;
            default:                     accept;
        }
    }

    state parse_transport_label {
        meta.transport_labels = meta.transport_labels + 1;
        transition parse_label;
    }

    // Whatever its value: it says nothing of what lies beneath (RFC 6790 §4.2).
    state parse_entropy_label {
        packet.extract(hdr.mpls.next);
        meta.stack_length = meta.stack_length + 4;
        transition select(hdr.mpls.last.bos) {
            0:       parse_label;
            default: accept;
        }
    }

    state parse_ethernet_service {
        meta.service_label = hdr.mpls.last.label;
        transition parse_ethernet;
    }

    state parse_control_word_service {
        meta.service_label = hdr.mpls.last.label;
        transition parse_control_word;
    }

    state parse_ip_service {
        meta.service_label = hdr.mpls.last.label;
        transition select(packet.lookahead<bit<4>>()) {
            4:       parse_ipv4;
            6:       parse_ipv6;
            default: bad_ip_version;
        }
    }

    state bad_ip_version {
        verify(false, error.BadIpVersion);
        transition accept;
    }

    state parse_ethernet_segment {
        meta.service_label = hdr.mpls.last.label;
        packet.extract(hdr.mpls.next);
        meta.stack_length = meta.stack_length + 4;
        meta.segment_label = hdr.mpls.last.label;
        meta.has_segment_label = true;
        transition select(hdr.mpls.last.bos) {
            1:       parse_ethernet;
            default: bad_label_stack;
        }
    }

    state parse_control_word_segment {
        meta.service_label = hdr.mpls.last.label;
        packet.extract(hdr.mpls.next);
        meta.stack_length = meta.stack_length + 4;
        meta.segment_label = hdr.mpls.last.label;
        meta.has_segment_label = true;
        transition select(hdr.mpls.last.bos) {
            1:       parse_control_word;
            default: bad_label_stack;
        }
    }

    state bad_label_stack {
        verify(false, error.BadLabelStack);
        transition accept;
    }

    state parse_control_word {
        packet.extract(hdr.control_word);
        // Anything but 0 is no frame: 1 is the associated channel (RFC 4385 §5), OAM that nobody here speaks.
        verify(hdr.control_word.zero == 0, error.BadControlWord);
        transition parse_ethernet;
    }

    state parse_icmp {
        packet.extract(hdr.icmp);
        transition select(meta.protocol, hdr.icmp.message_type) {
            (58, 135): parse_nd;
            (58, 136): parse_nd;
            default:   accept;
        }
    }

    state parse_nd {
        packet.extract(hdr.nd);
        transition accept;
    }

#include "frame_states.p4"
}

// In the order of the wire. At most one of `service` and `mpls` is valid as a packet leaves.
control PeDeparser(packet_out packet, in headers_t hdr) {
    apply {
        packet.emit(hdr.packet_in);
        packet.emit(hdr.link);
        packet.emit(hdr.transport);
        packet.emit(hdr.entropy);
        packet.emit(hdr.service);
        packet.emit(hdr.segment);
        packet.emit(hdr.mpls);
        packet.emit(hdr.control_word);
        packet.emit(hdr.ethernet);
        packet.emit(hdr.egress_vlan);
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
        packet.emit(hdr.nd);
        packet.emit(hdr.nd_answer);
        packet.emit(hdr.ports);
    }
}

#endif
