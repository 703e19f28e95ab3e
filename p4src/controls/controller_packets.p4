//   packet_out.operation --+-- TRANSMIT  -> port                  nothing is looked up or changed
//                          +-- RECEIVE   -> (the port's own admission: handled as if it had come in there)
//                          +-- BRIDGE    -> destination MAC, or flood
//                          +-- NEXT_HOP  -> next hop
//                          +-- REPLICATE -> multicast group
//
// How the controller speaks on the wire: gateway ARP, probes to a silent host, packets that waited for a neighbour.

control ControllerPackets(in headers_t hdr,
                          inout metadata_t meta,
                          inout standard_metadata_t standard_metadata) {
    apply {
        meta.bridge_domain = hdr.packet_out.bridge_domain;
        meta.source = hdr.packet_out.attachment;
        if (hdr.packet_out.operation == PacketOutOperation.TRANSMIT) {
            standard_metadata.egress_spec = meta.ingress_port;
            meta.step = Step.SEND;
        } else if (hdr.packet_out.operation == PacketOutOperation.BRIDGE) {
            meta.step = Step.BRIDGE;
        } else if (hdr.packet_out.operation == PacketOutOperation.NEXT_HOP) {
            meta.next_hop = hdr.packet_out.target;
            meta.step = Step.NEXT_HOP;
        } else if (hdr.packet_out.operation == PacketOutOperation.REPLICATE) {
            standard_metadata.mcast_grp = hdr.packet_out.target[15:0];
            meta.step = Step.SEND;
        } else {
            meta.drop_reason = DropReason.MALFORMED;
        }
    }
}
