// What stands in front of a packet on its way from and to the controller (P4Runtime PacketIn and PacketOut).

#ifndef COMMON_CONTROLLER_P4
#define COMMON_CONTROLLER_P4

// Times are microseconds of this switch's own clock. A field without a meaning for the packet is 0.
@controller_header("packet_in")
header packet_in_t {
    @id(1) bit<8>  reason;              // PuntReason
    @id(2) bit<8>  drop_reason;         // DropReason; 0: the packet was sent
    @id(3) bit<16> watch;               // id of the watch-list entry that matched; 0: not watched
    @id(4) bit<16> ingress_port;
    @id(5) bit<16> egress_port;         // postcards: where the copy went
    @id(6) bit<16> attachment;          // attachment circuit or pseudo-wire; 0: from the core
    @id(7) bit<16> bridge_domain;
    @id(8) bit<48> ingress_timestamp;
    @id(9) bit<48> egress_timestamp;
}

enum bit<8> PacketOutOperation {
    TRANSMIT  = 0,   // out of `port`, as it is
    RECEIVE   = 1,   // as if it had come in on `port`
    BRIDGE    = 2,   // a frame of `bridge_domain`, looked up or flooded there; no learning
    NEXT_HOP  = 3,   // a frame of `bridge_domain` to the next hop `target`
    REPLICATE = 4    // a frame of `bridge_domain` to the multicast group `target`
}

// BRIDGE, NEXT_HOP and REPLICATE take a frame without service-delimiting tag. `attachment` is the circuit that
// gets no copy of it (split horizon); 0: the frame is this switch's own.
@controller_header("packet_out")
header packet_out_t {
    @id(1) bit<8>  operation;           // PacketOutOperation
    @id(2) bit<16> port;
    @id(3) bit<16> bridge_domain;
    @id(4) bit<16> attachment;
    @id(5) bit<24> target;
}

#endif
