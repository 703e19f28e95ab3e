// States of a parser, to be included in its body: a customer's frame, and the IP packet in it, as deep as forwarding,
// hashing and watching need. The parser itself says in its state parse_icmp how deep it goes into that.
//
//   parse_ethernet -> [vlan] -> [inner_vlan] -> arp
//                                            -> parse_ipv4 -> [options] -> icmp | ports
//                                            -> parse_ipv6 -> icmp | ports

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
            (0, IpProtocol.TCP):  parse_ports;
            (0, IpProtocol.UDP):  parse_ports;
            (0, IpProtocol.SCTP): parse_ports;
            default:              accept;
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

    state parse_ports {
        packet.extract(hdr.ports);
        meta.src_port = hdr.ports.src_port;
        meta.dst_port = hdr.ports.dst_port;
        transition accept;
    }
