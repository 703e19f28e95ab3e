// Statements of a ComputeChecksum control, to be included in its body: the ICMP errors made here (RFC 792, RFC 4443
// §2.3). What is quoted is a header and the 64 bits that the parser read behind it.

        update_checksum(hdr.icmp_ipv4.isValid(),
            { hdr.icmp_ipv4.version, hdr.icmp_ipv4.ihl, hdr.icmp_ipv4.tos, hdr.icmp_ipv4.total_length,
              hdr.icmp_ipv4.identification, hdr.icmp_ipv4.flags, hdr.icmp_ipv4.fragment_offset, hdr.icmp_ipv4.ttl,
              hdr.icmp_ipv4.protocol, hdr.icmp_ipv4.src_addr, hdr.icmp_ipv4.dst_addr },
            hdr.icmp_ipv4.checksum, HashAlgorithm.csum16);
        update_checksum(hdr.icmp_ipv4.isValid() && hdr.ports.isValid(),
            { hdr.icmp_error.message_type, hdr.icmp_error.code, hdr.icmp_error.rest, hdr.ipv4.version, hdr.ipv4.ihl,
              hdr.ipv4.tos, hdr.ipv4.total_length, hdr.ipv4.identification, hdr.ipv4.flags,
              hdr.ipv4.fragment_offset, hdr.ipv4.ttl, hdr.ipv4.protocol, hdr.ipv4.checksum, hdr.ipv4.src_addr,
              hdr.ipv4.dst_addr, hdr.ports.src_port, hdr.ports.dst_port, hdr.ports.rest },
            hdr.icmp_error.checksum, HashAlgorithm.csum16);
        update_checksum(hdr.icmp_ipv4.isValid() && hdr.icmp.isValid(),
            { hdr.icmp_error.message_type, hdr.icmp_error.code, hdr.icmp_error.rest, hdr.ipv4.version, hdr.ipv4.ihl,
              hdr.ipv4.tos, hdr.ipv4.total_length, hdr.ipv4.identification, hdr.ipv4.flags,
              hdr.ipv4.fragment_offset, hdr.ipv4.ttl, hdr.ipv4.protocol, hdr.ipv4.checksum, hdr.ipv4.src_addr,
              hdr.ipv4.dst_addr, hdr.icmp.message_type, hdr.icmp.code, hdr.icmp.checksum, hdr.icmp.rest },
            hdr.icmp_error.checksum, HashAlgorithm.csum16);
        update_checksum(hdr.icmp_ipv6.isValid() && hdr.ports.isValid(),
            { hdr.icmp_ipv6.src_addr, hdr.icmp_ipv6.dst_addr, 16w0, hdr.icmp_ipv6.payload_length, 24w0,
              hdr.icmp_ipv6.next_header, hdr.icmp_error.message_type, hdr.icmp_error.code, hdr.icmp_error.rest,
              hdr.ipv6.version, hdr.ipv6.traffic_class, hdr.ipv6.flow_label, hdr.ipv6.payload_length,
              hdr.ipv6.next_header, hdr.ipv6.hop_limit, hdr.ipv6.src_addr, hdr.ipv6.dst_addr, hdr.ports.src_port,
              hdr.ports.dst_port, hdr.ports.rest },
            hdr.icmp_error.checksum, HashAlgorithm.csum16);
        update_checksum(hdr.icmp_ipv6.isValid() && hdr.icmp.isValid(),
            { hdr.icmp_ipv6.src_addr, hdr.icmp_ipv6.dst_addr, 16w0, hdr.icmp_ipv6.payload_length, 24w0,
              hdr.icmp_ipv6.next_header, hdr.icmp_error.message_type, hdr.icmp_error.code, hdr.icmp_error.rest,
              hdr.ipv6.version, hdr.ipv6.traffic_class, hdr.ipv6.flow_label, hdr.ipv6.payload_length,
              hdr.ipv6.next_header, hdr.ipv6.hop_limit, hdr.ipv6.src_addr, hdr.ipv6.dst_addr,
              hdr.icmp.message_type, hdr.icmp.code, hdr.icmp.checksum, hdr.icmp.rest },
            hdr.icmp_error.checksum, HashAlgorithm.csum16);
