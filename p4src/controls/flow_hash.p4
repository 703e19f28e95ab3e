// The flow that a packet belongs to, as 16 bits: all its packets get the same, so that a flow never splits.

#ifndef CONTROLS_FLOW_HASH_P4
#define CONTROLS_FLOW_HASH_P4

control FlowHash(in headers_t hdr, inout metadata_t meta) {
    @hidden
    action hash_ipv4_flow() {
        hash(meta.flow_hash, HashAlgorithm.crc16, 16w0,
             { hdr.ipv4.src_addr, hdr.ipv4.dst_addr, meta.protocol, meta.src_port, meta.dst_port }, 32w65536);
    }

    @hidden
    action hash_ipv6_flow() {
        hash(meta.flow_hash, HashAlgorithm.crc16, 16w0,
             { hdr.ipv6.src_addr, hdr.ipv6.dst_addr, meta.protocol, meta.src_port, meta.dst_port }, 32w65536);
    }

    @hidden
    action hash_frame() {
        hash(meta.flow_hash, HashAlgorithm.crc16, 16w0,
             { hdr.ethernet.src_addr, hdr.ethernet.dst_addr }, 32w65536);
    }

    // The first fragment alone has ports (RFC 791): none counts, or it would part from the others.
    @hidden
    action hash_ipv4_fragments() {
        hash(meta.flow_hash, HashAlgorithm.crc16, 16w0,
             { hdr.ipv4.src_addr, hdr.ipv4.dst_addr, meta.protocol, 16w0, 16w0 }, 32w65536);
    }

    apply {
        if (hdr.ipv4.isValid() && hdr.ipv4.flags[0:0] == 1) {
            hash_ipv4_fragments();
        } else if (hdr.ipv4.isValid()) {
            hash_ipv4_flow();
        } else if (hdr.ipv6.isValid()) {
            hash_ipv6_flow();
        } else if (hdr.ethernet.isValid()) {
            hash_frame();
        }
    }
}

#endif
