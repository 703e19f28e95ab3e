//   VRRP advertisement (IP protocol 112 to VRRP's group) from a circuit or pseudo-wire ---> copy to the controller
//
// How the gateways of a VPLS hear of each other (RFC 5798 §5.1): the advertisement itself is flooded like any other
// multicast frame. What it must look like to count is for the controller to check (RFC 5798 §7.1).

control VrrpCopies(in headers_t hdr, inout metadata_t meta) {
    apply {
        if (meta.protocol == (bit<8>)IpProtocol.VRRP
                && (hdr.ipv4.isValid() && hdr.ipv4.dst_addr == 0xE0000012                              // 224.0.0.18
                    || hdr.ipv6.isValid() && hdr.ipv6.dst_addr == 0xFF020000000000000000000000000012)) {  // ff02::12
            meta.punt_reason = PuntReason.VRRP;
        }
    }
}
