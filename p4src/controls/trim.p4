//   made here: [packet_in] [link, labels] [Ethernet, tags] headers and quotation | rest of what it was made from
//                                                                                ^ cut here
// A packet made in the pipeline is made from another one, and what the parser left of that one would follow it. An
// ICMP error quotes a header and 64 bits (RFC 792), an answer of neighbour discovery ends with its option: their
// checksums cover just that.

control Trim(in headers_t hdr, in metadata_t meta) {
    apply {
        bit<32> length = (bit<32>)meta.made_length;
        if (hdr.packet_in.isValid()) { length = length + 24; }
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
        if (hdr.ethernet.isValid()) { length = length + 14; }
        if (hdr.egress_vlan.isValid()) { length = length + 4; }
        if (hdr.vlan.isValid()) { length = length + 4; }
        if (hdr.inner_vlan.isValid()) { length = length + 4; }
        truncate(length);
    }
}
