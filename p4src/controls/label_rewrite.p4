//   swap: [top] [labels ...]  ->  [pushed ...] [top'] [labels ...]
//   pop:  [top] [labels ...]  ->  [pushed ...] [labels ...]
//
// TTL and traffic class of the outermost label go on: decremented once per router, whatever is swapped, popped or
// pushed (uniform model between labels, RFC 3443 §3.1; RFC 5462). Where the last label goes, only IP can follow,
// and if others take its place the innermost of them is the bottom of the stack.

#include "nhlfe.p4"

control LabelRewrite(inout headers_t hdr, inout metadata_t meta) {
    Nhlfe() nhlfe;

    apply {
        meta.tc = hdr.top.tc;
        meta.ttl = hdr.top.ttl - 1;
        if (meta.pop) {
            if (hdr.top.bos == 0) {
                hdr.mpls[0].tc = meta.tc;
                if (hdr.mpls[0].ttl > meta.ttl) {
                    hdr.mpls[0].ttl = meta.ttl;
                }
            } else if (!hdr.ipv4.isValid() && !hdr.ipv6.isValid() || hdr.ethernet.isValid()) {
                meta.drop_reason = DropReason.BAD_LABEL_STACK;
            }
        } else {
            hdr.top.label = meta.label;
            hdr.top.ttl = meta.ttl;
        }
        if (meta.drop_reason == DropReason.NONE) {
            nhlfe.apply(hdr, meta);
        }
        if (meta.drop_reason == DropReason.NONE && meta.pop) {
            if (hdr.top.bos == 1) {
                if (hdr.transport[4].isValid()) {
                    hdr.transport[4].bos = 1;
                } else if (hdr.transport[3].isValid()) {
                    hdr.transport[3].bos = 1;
                } else if (hdr.transport[2].isValid()) {
                    hdr.transport[2].bos = 1;
                } else if (hdr.transport[1].isValid()) {
                    hdr.transport[1].bos = 1;
                } else if (hdr.transport[0].isValid()) {
                    hdr.transport[0].bos = 1;
                } else if (hdr.ipv4.isValid()) {
                    hdr.link.ether_type = EtherType.IPV4;
                } else {
                    hdr.link.ether_type = EtherType.IPV6;
                }
            }
            hdr.top.setInvalid();
        }
    }
}
