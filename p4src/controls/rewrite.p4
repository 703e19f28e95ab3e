//   received:  [link, labels, control word]  frame or IP
//                  |
//                  +-- labels, control word, service tag: off
//                  +-- routed? new TTL, new MACs or no frame at all
//                  +-- tag of the egress circuit: on
//                  |
//   (imposition, nhlfe: labels on)
//
// The one place where the PE changes a customer's frame or packet on its way through, whatever the look-ups chose:
// known unicast, routed packet or copy of a flooded frame.

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

    // The service-delimiting tag: its priority goes on into the tag or the labels that the frame leaves with.
    @hidden
    action remove_vlan() {
        meta.pcp = hdr.vlan.pcp;
        meta.dei = hdr.vlan.dei;
        hdr.ethernet.ether_type = hdr.vlan.ether_type;
        hdr.vlan.setInvalid();
    }

    @hidden
    action put_vlan() {
        hdr.egress_vlan.pcp = meta.pcp;
        hdr.egress_vlan.dei = meta.dei;
        hdr.egress_vlan.ether_type = hdr.ethernet.ether_type;
        hdr.ethernet.ether_type = EtherType.VLAN;
    }

    // RFC 1624 equation 3: the sum loses the old TTL and gains the new one.
    @hidden
    action decrement_ttl() {
        bit<18> sum = (bit<18>)(~hdr.ipv4.checksum) + (bit<18>)(~(hdr.ipv4.ttl ++ 8w0))
            + (bit<18>)((meta.ip_ttl - 1) ++ 8w0);
        sum = (bit<18>)sum[15:0] + (bit<18>)sum[17:16];
        hdr.ipv4.checksum = ~(sum[15:0] + (bit<16>)sum[16:16]);
        hdr.ipv4.ttl = meta.ip_ttl - 1;
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

    apply {
        if (hdr.link.isValid()) {
            remove_labels();
        }
        if (meta.routed) {
            if (!meta.originated) {
                if (hdr.ipv4.isValid()) {
                    decrement_ttl();
                } else {
                    hdr.ipv6.hop_limit = meta.ip_ttl - 1;
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
    }
}
