//   clone, or a packet sent to the controller's port ---> packet_in in front of it, nothing else changes
//
// What the controller gets is the packet as it came in (punted, dropped) or as it left (postcard), behind a header
// that says why, and what this switch knew of it.

control ControllerCopies(inout headers_t hdr,
                         inout metadata_t meta,
                         in standard_metadata_t standard_metadata) {
    apply {
        hdr.packet_in.setValid();
        hdr.packet_in.reason = (bit<8>)meta.punt_reason;
        hdr.packet_in.drop_reason = (bit<8>)meta.drop_reason;
        hdr.packet_in.watch = meta.watch;
        hdr.packet_in.ingress_port = (bit<16>)meta.ingress_port;
        hdr.packet_in.egress_port = (bit<16>)meta.egress_port;
        hdr.packet_in.attachment = meta.attachment;
        hdr.packet_in.bridge_domain = meta.bridge_domain;
        if (standard_metadata.instance_type == InstanceType.NORMAL) {
            hdr.packet_in.ingress_timestamp = standard_metadata.ingress_global_timestamp;
        } else {
            hdr.packet_in.ingress_timestamp = meta.ingress_timestamp;
        }
        if (standard_metadata.instance_type == InstanceType.EGRESS_CLONE) {
            hdr.packet_in.reason = (bit<8>)PuntReason.POSTCARD;
            hdr.packet_in.egress_timestamp = meta.egress_timestamp;
        } else {
            hdr.packet_in.egress_timestamp = standard_metadata.egress_global_timestamp;
        }
    }
}
