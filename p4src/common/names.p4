// Names for numbers: code points of the protocols and the words in which a pipeline speaks of its verdicts.
// Serializable enums, because an unused member of an enum is no warning where an unused constant is one.

#ifndef COMMON_NAMES_P4
#define COMMON_NAMES_P4

// The port of the P4Runtime controller. simple_switch_grpc: --cpu-port 510 (511 is its drop port).
const bit<9> CPU_PORT = 510;

// IEEE 802.3, IEEE 802.1Q, RFC 3032 §5, RFC 903.
enum bit<16> EtherType {
    IPV4 = 0x0800,
    ARP  = 0x0806,
    RARP = 0x8035,
    VLAN = 0x8100,
    IPV6 = 0x86DD,
    MPLS = 0x8847,
    QINQ = 0x88A8
}

// IANA protocol numbers.
enum bit<8> IpProtocol {
    ICMP   = 1,
    TCP    = 6,
    UDP    = 17,
    ICMPV6 = 58,
    VRRP   = 112,
    SCTP   = 132
}

// v1model instance types of simple_switch.
enum bit<32> InstanceType {
    NORMAL        = 0,
    INGRESS_CLONE = 1,
    EGRESS_CLONE  = 2,
    REPLICATION   = 5
}

// Clone sessions that the controller sets up on every switch, each with the single replica CPU_PORT.
enum bit<32> CloneSession {
    PUNT     = 1,
    POSTCARD = 2
}

// Why a packet ended here: index of the counters `ingress_drops` and `egress_drops`, and a field of a postcard.
enum bit<8> DropReason {
    NONE                  = 0,
    MALFORMED             = 1,   // the parser gave up: short, stack too deep, bad control word, header length or version
    NO_ATTACHMENT_CIRCUIT = 2,   // no service on this port and VLAN
    NOT_FOR_US            = 3,   // MPLS on a port without it, or to a MAC that is not this port's
    UNKNOWN_LABEL         = 4,   // no entry for the label
    BAD_LABEL_STACK       = 5,   // nothing under a popped label that we could handle, reserved label
    TTL_EXCEEDED          = 6,
    BAD_SOURCE_MAC        = 7,   // group address as source
    STICKY_VIOLATION      = 8,   // a static MAC came from elsewhere (RFC 7432 §15.2)
    MAC_DISCARD           = 9,   // drop entry (RFC 7432bis §15.3), or a group of bridges alone as destination
    UNKNOWN_UNICAST       = 10,  // flooding of unknown unicast is off in the bridge domain
    STORM                 = 11,  // over the BUM rate of the attachment circuit
    BAD_CHECKSUM          = 12,  // IPv4 header checksum
    NOT_ROUTABLE          = 13,  // to a gateway's MAC, but no IP
    NO_ROUTE              = 14,
    ROUTE_DISCARD         = 15,
    LOCAL                 = 16,  // ICMP to an address of this router, other than an echo request
    NO_NEXT_HOP           = 17,
    NO_PATH               = 18,  // no tunnel, no live member, no NHLFE
    NO_REPLICA            = 19,  // a copy that nobody told where to go
    NO_EGRESS             = 20,  // unknown attachment circuit or VLAN at egress
    SOURCE_PRUNED         = 21,  // never back to where it came from; counted, not reported
    SPLIT_HORIZON         = 22,  // within one split horizon group
    NOT_DF                = 23,  // non-designated forwarder (RFC 7432 §8.5)
    ESI_SPLIT_HORIZON     = 24,  // own ESI label (RFC 7432 §8.3)
    UNKNOWN_ESI_LABEL     = 25,
    PORT_SHUT             = 26,  // the circuit is shut by the controller (VPLS standby)
    MARTIAN               = 27   // an address that nobody may route from or to
}

// Why the controller sees a packet.
enum bit<8> PuntReason {
    NONE     = 0,
    ARP      = 1,   // copy; the packet goes its own way
    ND       = 2,   // copy
    RARP     = 3,   // copy
    GLEAN    = 4,   // the packet itself: connected subnet, neighbour unknown
    LOCAL    = 5,   // the packet itself: to an address of this router
    DROPPED  = 6,   // copy, as received: watched, and dropped in ingress
    POSTCARD = 7,   // copy of a watched packet as it left (or was dropped in egress)
    VRRP     = 8    // copy: an advertisement of a virtual router
}


error {
    BadLabelStack,
    BadControlWord,
    BadIpVersion,
    BadIpHeaderLength
}

#endif
