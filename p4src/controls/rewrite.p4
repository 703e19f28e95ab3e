//   received:  [link, labels, control word]  frame or IP
//                        |
//   take off what it came with ---> routed? TTL, new MACs, or no frame at all ---> put on what it leaves with
//                        |
//   sent:      [link, transport, service label, control word]  frame or IP
//
// The one place where the PE changes headers, whatever the look-ups chose: known unicast, routed packet or copy.

control Rewrite(inout headers_t hdr, inout metadata_t meta) {
    // Everything up to and with the control word.
    @hidden
    action remove_labels() {
        hdr.link.setInvalid();
        hdr.mpls[0].setInvalid();
        hdr.mpls[1].setInvalid();
        hdr.mpls[2].setInvalid();
        hdr.mpls[3].setInvalid();
        hdr.mpls[4].setInvalid();
        hdr.mpls[5].setInvalid();
        hdr.mpls[6].setInvalid();
        hdr.mpls[7].setInvalid();
        hdr.control_word.setInvalid();
    }

    // The service-delimiting tag: its priority goes on into the tag that the frame leaves with.
    @hidden
    action remove_vlan() {
        hdr.egress_vlan.pcp = hdr.vlan.pcp;
        hdr.egress_vlan.dei = hdr.vlan.dei;
        hdr.ethernet.ether_type = hdr.vlan.ether_type;
        hdr.vlan.setInvalid();
    }

    @hidden
    action put_vlan() {
        hdr.egress_vlan.ether_type = hdr.ethernet.ether_type;
        hdr.ethernet.ether_type = EtherType.VLAN;
    }

    // RFC 1624 equation 3, for a field that went down by 0x0100.
    @hidden
    action decrement_ttl() {
        bit<17> sum = (bit<17>)(~hdr.ipv4.checksum) + 17w0xFEFF;
        hdr.ipv4.checksum = ~(sum[15:0] + (bit<16>)sum[16:16]);
        hdr.ipv4.ttl = hdr.ipv4.ttl - 1;
    }

    @hidden
    action remove_ethernet() {
        hdr.ethernet.setInvalid();
        hdr.vlan.setInvalid();
        hdr.inner_vlan.setInvalid();
    }

    @hidden
    action new_ethernet() {
        hdr.vlan.setInvalid();
        hdr.inner_vlan.setInvalid();
        hdr.ethernet.setValid();
        hdr.ethernet.dst_addr = meta.dst_mac;
        hdr.ethernet.src_addr = meta.src_mac;
    }

    @hidden
    action put_service_label() {
        meta.tc = 0;
        meta.ttl = 64;
        hdr.service.setValid();
        hdr.service.label = meta.push_label;
        hdr.service.tc = 0;
        hdr.service.bos = 1;
        hdr.service.ttl = 64;
    }

    @hidden
    action put_control_word() {
        hdr.control_word.setValid();
        hdr.control_word.zero = 0;
        hdr.control_word.reserved = 0;
        hdr.control_word.sequence = 0;
    }

    apply {
        if (hdr.link.isValid()) {
            remove_labels();
        }
        if (meta.routed) {
            if (!meta.originated) {
                if (hdr.ipv4.isValid()) {
                    decrement_ttl();
                } else {
                    hdr.ipv6.hop_limit = hdr.ipv6.hop_limit - 1;
                }
            }
            if (meta.strip_ethernet) {
                remove_ethernet();
            } else {
                new_ethernet();
                if (hdr.ipv4.isValid()) {
                    hdr.ethernet.ether_type = EtherType.IPV4;
                } else {
                    hdr.ethernet.ether_type = EtherType.IPV6;
                }
            }
        } else if (meta.pop_vlan && hdr.vlan.isValid()) {
            remove_vlan();
        }
        if (hdr.egress_vlan.isValid() && hdr.ethernet.isValid()) {
            put_vlan();
        }
        if (meta.nhlfe != 0) {
            put_service_label();
            // Labels for Ethernet behind a control word are told by their high bits (common/pe_state.p4).
            if (meta.push_label[19:17] == 3 && !meta.strip_ethernet) {
                put_control_word();
            }
        }
    }
}
