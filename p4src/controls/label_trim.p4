//   made here: [packet_in] link, labels, headers and quotation | rest of the packet that it was made from
//                                                               ^ cut here
// What `trim` is for a PE: an ICMP error made beneath a label stack ends with its quotation (RFC 792).

control LabelTrim(in headers_t hdr, in metadata_t meta) {
    apply {
        bit<32> length = (bit<32>)meta.made_length + 14;
        if (hdr.packet_in.isValid()) { length = length + 24; }
        if (hdr.transport[0].isValid()) { length = length + 4; }
        if (hdr.transport[1].isValid()) { length = length + 4; }
        if (hdr.transport[2].isValid()) { length = length + 4; }
        if (hdr.transport[3].isValid()) { length = length + 4; }
        if (hdr.transport[4].isValid()) { length = length + 4; }
        if (hdr.top.isValid()) { length = length + 4; }
        if (hdr.mpls[0].isValid()) { length = length + 4; }
        if (hdr.mpls[1].isValid()) { length = length + 4; }
        if (hdr.mpls[2].isValid()) { length = length + 4; }
        if (hdr.mpls[3].isValid()) { length = length + 4; }
        if (hdr.mpls[4].isValid()) { length = length + 4; }
        if (hdr.mpls[5].isValid()) { length = length + 4; }
        if (hdr.mpls[6].isValid()) { length = length + 4; }
        if (hdr.mpls[7].isValid()) { length = length + 4; }
        if (hdr.mpls[8].isValid()) { length = length + 4; }
        truncate(length);
    }
}
