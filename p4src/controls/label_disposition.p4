//        transport_label          service_label     esi_label
//               |                       |               |
//   link [own transport] [ELI EL]  service label  [ESI label] [control word] frame or IP packet
//
// What the labels mean to the PE at the end of the path. A transport label is gone already (penultimate-hop
// popping, RFC 3031 §3.16), or is an explicit null (RFC 3032 §2.1), or is this PE's own. The service label then
// names a bridge domain (RFC 7432 §9.2.1, §11.2), a pseudo-wire (RFC 4761), an IP-VRF (RFC 9135 §4, RFC 4364) or
// one next hop (a label per segment or per MAC, RFC 7432 §9.2.1). An ESI label beneath it says from which of this
// PE's segments the frame comes (RFC 7432 §8.3.1.1). `disposition` is the router's choice between the pipe and the
// uniform model (RFC 3443).

control LabelDisposition(inout headers_t hdr, inout metadata_t meta) {
    direct_counter(CounterType.packets_and_bytes) transport_label_counter;
    direct_counter(CounterType.packets_and_bytes) service_label_counter;
    direct_counter(CounterType.packets_and_bytes) esi_label_counter;
    direct_counter(CounterType.packets_and_bytes) disposition_counter;

    @id(0x01000401)
    action pop() {
        meta.drop_reason = DropReason.NONE;
    }

    @id(0x01000402)
    action unknown_transport_label() {
        meta.drop_reason = DropReason.UNKNOWN_LABEL;
    }

    @id(0x02000004)
    table transport_label {
        key = {
            hdr.mpls[0].label : exact @name("label");
        }
        actions = {
            pop;
            unknown_transport_label;
        }
        const default_action = unknown_transport_label();
        counters = transport_label_counter;
        size = 256;
    }

    // Known and unknown unicast alike: an unknown MAC floods to the attachment circuits.
    @id(0x01000501)
    action bridge_unicast(bit<16> bridge_domain) {
        meta.step = Step.BRIDGE;
        meta.bridge_domain = bridge_domain;
        meta.split_horizon_group = SplitHorizonGroup.CORE;
    }

    // The label of an inclusive multicast route: subject to the DF filter, whatever the MAC.
    @id(0x01000502)
    action bridge_flood(bit<16> bridge_domain) {
        meta.step = Step.BRIDGE;
        meta.bridge_domain = bridge_domain;
        meta.split_horizon_group = SplitHorizonGroup.CORE;
        meta.bum = Bum.MULTICAST;
    }

    @id(0x01000503)
    action pseudo_wire(bit<16> bridge_domain, bit<16> pw) {
        meta.step = Step.BRIDGE;
        meta.bridge_domain = bridge_domain;
        meta.attachment = pw;
        meta.source = pw;
        meta.split_horizon_group = SplitHorizonGroup.CORE;
    }

    @id(0x01000504)
    action enter_vrf(bit<16> vrf) {
        meta.step = Step.ROUTE;
        meta.vrf = vrf;
    }

    @id(0x01000505)
    action dispose_to(bit<24> next_hop) {
        meta.step = Step.NEXT_HOP;
        meta.next_hop = next_hop;
        meta.split_horizon_group = SplitHorizonGroup.CORE;
    }

    @id(0x01000506)
    action unknown_service_label() {
        meta.drop_reason = DropReason.UNKNOWN_LABEL;
    }

    @id(0x02000005)
    table service_label {
        key = {
            meta.service_label : exact @name("label");
        }
        actions = {
            bridge_unicast;
            bridge_flood;
            pseudo_wire;
            enter_vrf;
            dispose_to;
            unknown_service_label;
        }
        const default_action = unknown_service_label();
        counters = service_label_counter;
        size = 16384;
    }

    @id(0x01002101)
    action from_segment(bit<16> segment_id) {
        meta.from_segment = segment_id;
    }

    @id(0x01002102)
    action unknown_esi_label() {
        meta.step = Step.DROP;
        meta.drop_reason = DropReason.UNKNOWN_ESI_LABEL;
    }

    @id(0x02000021)
    table esi_label {
        key = {
            meta.segment_label : exact @name("label");
        }
        actions = {
            from_segment;
            unknown_esi_label;
        }
        const default_action = unknown_esi_label();
        counters = esi_label_counter;
        size = 1024;
    }

    // TTL and priority of the packet are its own: the core is one hop, whatever its size.
    @id(0x01002201)
    action pipe_pop() {
        meta.uniform_pop = false;
    }

    // TTL and priority of the label go on in the packet and in the tag that the frame leaves with.
    @id(0x01002202)
    action uniform_pop() {
        meta.uniform_pop = true;
        meta.pcp = meta.label_tc;
    }

    @id(0x02000022)
    table disposition {
        actions = {
            pipe_pop;
            uniform_pop;
        }
        default_action = pipe_pop();
        counters = disposition_counter;
    }

    apply {
        if (meta.label_ttl == 0) {
            meta.drop_reason = DropReason.TTL_EXCEEDED;
        } else if (meta.transport_labels > 1) {
            meta.drop_reason = DropReason.BAD_LABEL_STACK;
        } else if (meta.transport_labels == 1) {
            if (hdr.mpls[0].label > 15) {
                transport_label.apply();
            } else if (hdr.mpls[0].label != 0 && hdr.mpls[0].label != 2) {
                meta.drop_reason = DropReason.BAD_LABEL_STACK;
            }
        }
        if (meta.drop_reason == DropReason.NONE) {
            if (meta.service_label == 0) {
                meta.drop_reason = DropReason.BAD_LABEL_STACK;
            } else {
                disposition.apply();
                service_label.apply();
                if (meta.has_segment_label && meta.step == Step.BRIDGE) {
                    esi_label.apply();
                }
                // The parser went by the label's high bits, the entry may disagree.
                if (meta.step != Step.DROP && (meta.step == Step.ROUTE) == hdr.ethernet.isValid()) {
                    meta.step = Step.DROP;
                    meta.drop_reason = DropReason.BAD_LABEL_STACK;
                } else if (hdr.ethernet.isValid() && hdr.ethernet.src_addr[40:40] == 1 && meta.step != Step.DROP) {
                    meta.step = Step.DROP;
                    meta.drop_reason = DropReason.BAD_SOURCE_MAC;
                }
            }
        }
    }
}
