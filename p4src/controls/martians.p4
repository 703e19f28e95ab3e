//   packet to route
//        |
//   source or destination is a loopback, "this network", a group, reserved, or valid on one link only? ---> drop
//
// No router forwards such packets, whatever its routes say, nor answers them with an error: that would go to nobody, or
// to many (RFC 1812 §4.2.2.11, §4.3.2.7, §5.3.7; RFC 3927 §2.7; RFC 4291 §2.5.2, §2.5.3, §2.5.6, §2.7). There is no
// multicast routing.

#ifndef CONTROLS_MARTIANS_P4
#define CONTROLS_MARTIANS_P4

control Martians(in headers_t hdr, inout metadata_t meta) {
    @hidden
    action drop_martian() {
        meta.step = Step.DROP;
        meta.drop_reason = DropReason.MARTIAN;
    }

    apply {
        if (hdr.ipv4.isValid()) {
            // 0/8, 127/8, 169.254/16, and from 224/3 groups, reserved addresses and the limited broadcast.
            if (hdr.ipv4.src_addr[31:24] == 0 || hdr.ipv4.src_addr[31:24] == 127
                    || hdr.ipv4.src_addr[31:16] == 0xA9FE || hdr.ipv4.src_addr[31:29] == 7
                    || hdr.ipv4.dst_addr[31:24] == 0 || hdr.ipv4.dst_addr[31:24] == 127
                    || hdr.ipv4.dst_addr[31:16] == 0xA9FE || hdr.ipv4.dst_addr[31:29] == 7) {
                drop_martian();
            }
        } else {
            // :: and ::1, ff00::/8, fe80::/10.
            if (hdr.ipv6.src_addr[127:1] == 0 || hdr.ipv6.src_addr[127:120] == 0xFF
                    || hdr.ipv6.src_addr[127:118] == 0x3FA
                    || hdr.ipv6.dst_addr[127:1] == 0 || hdr.ipv6.dst_addr[127:120] == 0xFF
                    || hdr.ipv6.dst_addr[127:118] == 0x3FA) {
                drop_martian();
            }
        }
    }
}

#endif
