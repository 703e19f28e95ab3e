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

error {
    BadIpVersion,
    BadIpHeaderLength
}

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
        transition parse_label;
    }

    state parse_label {
        packet.extract(hdr.mpls.next);
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
        meta.segment_label = hdr.mpls.last.label;
        transition select(hdr.mpls.last.bos) {
            1:       parse_ethernet;
            default: accept;
        }
    }

    state parse_control_word_segment {
        meta.service_label = hdr.mpls.last.label;
        packet.extract(hdr.mpls.next);
        meta.segment_label = hdr.mpls.last.label;
        transition select(hdr.mpls.last.bos) {
            1:       parse_control_word;
            default: accept;
        }
    }

    state parse_control_word {
        packet.extract(hdr.control_word);
        transition parse_ethernet;
    }

    // -- the customer's frame ----------------------------------------------------------------------------------

    state parse_ethernet {
        packet.extract(hdr.ethernet);
        transition select(hdr.ethernet.ether_type) {
            EtherType.IPV4: parse_ipv4;
            EtherType.IPV6: parse_ipv6;
            EtherType.VLAN: parse_vlan;
            EtherType.QINQ: parse_vlan;
            EtherType.ARP:  parse_arp;
            EtherType.RARP: parse_arp;
            default:        accept;
        }
    }

    state parse_vlan {
        packet.extract(hdr.vlan);
        meta.vlan_id = hdr.vlan.vid;
        transition select(hdr.vlan.ether_type) {
            EtherType.IPV4: parse_ipv4;
            EtherType.IPV6: parse_ipv6;
            EtherType.VLAN: parse_inner_vlan;
            EtherType.ARP:  parse_arp;
            EtherType.RARP: parse_arp;
            default:        accept;
        }
    }

    state parse_inner_vlan {
        packet.extract(hdr.inner_vlan);
        transition select(hdr.inner_vlan.ether_type) {
            EtherType.IPV4: parse_ipv4;
            EtherType.IPV6: parse_ipv6;
            EtherType.ARP:  parse_arp;
            EtherType.RARP: parse_arp;
            default:        accept;
        }
    }

    state parse_arp {
        packet.extract(hdr.arp);
        transition accept;
    }

    state parse_ipv4 {
        packet.extract(hdr.ipv4);
        meta.ipv4_destination = hdr.ipv4.dst_addr;
        meta.protocol = (bit<8>)hdr.ipv4.protocol;
        transition select(hdr.ipv4.ihl, hdr.ipv4.fragment_offset, hdr.ipv4.protocol) {
            (5, 0, IpProtocol.TCP):  parse_ports;
            (5, 0, IpProtocol.UDP):  parse_ports;
            (5, 0, IpProtocol.ICMP): parse_icmp;
            (5, 0, IpProtocol.SCTP): parse_ports;
            (5, _, _):               accept;
            default:                 parse_ipv4_options;
        }
    }

    state parse_ipv4_options {
        verify(hdr.ipv4.ihl > 5, error.BadIpHeaderLength);
        packet.extract(hdr.ipv4_options, ((bit<32>)hdr.ipv4.ihl - 5) * 32);
        transition select(hdr.ipv4.fragment_offset, hdr.ipv4.protocol) {
            (0, IpProtocol.TCP): parse_ports;
            (0, IpProtocol.UDP): parse_ports;
            default:             accept;
        }
    }

    state parse_ipv6 {
        packet.extract(hdr.ipv6);
        meta.protocol = (bit<8>)hdr.ipv6.next_header;
        transition select(hdr.ipv6.next_header) {
            IpProtocol.TCP:    parse_ports;
            IpProtocol.UDP:    parse_ports;
            IpProtocol.ICMPV6: parse_icmp;
            IpProtocol.SCTP:   parse_ports;
            default:           accept;
        }
    }

    state parse_icmp {
        packet.extract(hdr.icmp);
        transition accept;
    }

    state parse_ports {
        packet.extract(hdr.ports);
        meta.src_port = hdr.ports.src_port;
        meta.dst_port = hdr.ports.dst_port;
        transition accept;
    }
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
        packet.emit(hdr.icmp_error);
        packet.emit(hdr.ipv4);
        packet.emit(hdr.ipv4_options);
        packet.emit(hdr.ipv6);
        packet.emit(hdr.icmp);
        packet.emit(hdr.ports);
    }
}

#endif
