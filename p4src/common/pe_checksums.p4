#ifndef COMMON_PE_CHECKSUMS_P4
#define COMMON_PE_CHECKSUMS_P4

// Checksums as received. That of an IPv4 header is looked at by the router only, a bridge does not mind (RFC 1812
// §5.2.2).
control PeVerifyChecksum(inout headers_t hdr, inout metadata_t meta) {
    apply {
        verify_checksum(hdr.ipv4.isValid() && hdr.ipv4.ihl == 5,
            { hdr.ipv4.version, hdr.ipv4.ihl, hdr.ipv4.tos, hdr.ipv4.total_length, hdr.ipv4.identification,
              hdr.ipv4.flags, hdr.ipv4.fragment_offset, hdr.ipv4.ttl, hdr.ipv4.protocol, hdr.ipv4.src_addr,
              hdr.ipv4.dst_addr },
            hdr.ipv4.checksum, HashAlgorithm.csum16);
        verify_checksum(hdr.ipv4_options.isValid(),
            { hdr.ipv4.version, hdr.ipv4.ihl, hdr.ipv4.tos, hdr.ipv4.total_length, hdr.ipv4.identification,
              hdr.ipv4.flags, hdr.ipv4.fragment_offset, hdr.ipv4.ttl, hdr.ipv4.protocol, hdr.ipv4.src_addr,
              hdr.ipv4.dst_addr, hdr.ipv4_options.options },
            hdr.ipv4.checksum, HashAlgorithm.csum16);
        // A solicitation, before it is answered (RFC 4861 §7.1.1): the parser left its options.
        verify_checksum_with_payload(hdr.nd.isValid(),
            { hdr.ipv6.src_addr, hdr.ipv6.dst_addr, 16w0, hdr.ipv6.payload_length, 24w0, hdr.ipv6.next_header,
              hdr.icmp.message_type, hdr.icmp.code, hdr.icmp.rest, hdr.nd.target },
            hdr.icmp.checksum, HashAlgorithm.csum16);
    }
}

// Checksums of the ICMP errors and neighbour advertisements made here (RFC 792, RFC 4443 §2.3). Those of forwarded
// packets and of echo replies are updated where the fields change (RFC 1624), so that a packet damaged on its way is
// never repaired.
control PeComputeChecksum(inout headers_t hdr, inout metadata_t meta) {
    apply {
#include "icmp_error_checksums.p4"
        update_checksum(hdr.nd_answer.isValid(),
            { hdr.ipv6.src_addr, hdr.ipv6.dst_addr, 16w0, hdr.ipv6.payload_length, 24w0, hdr.ipv6.next_header,
              hdr.icmp.message_type, hdr.icmp.code, hdr.icmp.rest, hdr.nd.target, hdr.nd_answer.option_type,
              hdr.nd_answer.length, hdr.nd_answer.mac },
            hdr.icmp.checksum, HashAlgorithm.csum16);
    }
}

#endif
