//   ICMP error made here: [link, labels] [Ethernet, VLAN] IPv4, ICMP, quoted header, 64 bits | rest of the packet
//                                                                                            ^ cut here
// An ICMP error quotes no more than the header and 64 bits (RFC 792): its checksum covers just that, and the answer
// is never larger than a link takes.

control IcmpTrim(in headers_t hdr) {
    apply {
        bit<32> length = 56;
        if (hdr.link.isValid()) {
            length = length + 18;
            if (hdr.transport[0].isValid()) { length = length + 4; }
            if (hdr.transport[1].isValid()) { length = length + 4; }
            if (hdr.transport[2].isValid()) { length = length + 4; }
            if (hdr.transport[3].isValid()) { length = length + 4; }
            if (hdr.transport[4].isValid()) { length = length + 4; }
            if (hdr.entropy[0].isValid()) { length = length + 8; }
            if (hdr.control_word.isValid()) { length = length + 4; }
        }
        if (hdr.ethernet.isValid()) {
            length = length + 14;
        }
        if (hdr.egress_vlan.isValid()) {
            length = length + 4;
        }
        truncate(length);
    }
}
