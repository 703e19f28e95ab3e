//   (nhlfe: transport labels)  [ELI, EL]  service label  [ESI label]  [control word]  frame or IP
//                                  |           |              |             |
//                              RFC 6790    RFC 7432 §9,    RFC 7432     RFC 7432 §18
//                                          RFC 9135        §8.3.1.1     (by the label's high bits)
//
// Everything between the transport labels and the customer's packet. `label_model` is the router's choice between
// the pipe and the uniform model (RFC 3443; RFC 3270 §2.6 for the traffic class). A flooded copy from a multihomed
// circuit to a PE of the same segment gets that PE's ESI label.

control Imposition(inout headers_t hdr, inout metadata_t meta, in standard_metadata_t standard_metadata) {
    direct_counter(CounterType.packets_and_bytes) label_model_counter;
    direct_counter(CounterType.packets_and_bytes) peer_esi_label_counter;
    bit<20> peer_label;

    // The core is one hop, whatever its size.
    @id(0x01002401)
    action pipe_push(bit<8> ttl, bit<3> tc) {
        meta.ttl = ttl;
        meta.tc = tc;
    }

    // TTL and priority of the packet go on in its labels; a bridged frame has no TTL.
    @id(0x01002402)
    action uniform_push() {
        meta.uniform_push = true;
        meta.ttl = 255;
        meta.tc = meta.pcp;
    }

    @id(0x02000024)
    table label_model {
        actions = {
            pipe_push;
            uniform_push;
        }
        default_action = pipe_push(64, 0);
        counters = label_model_counter;
    }

    @id(0x01002501)
    action push_esi_label(bit<20> label) {
        peer_label = label;
    }

    @id(0x01002502)
    action no_esi_label() {
        peer_label = 0;
    }

    @id(0x02000025)
    table peer_esi_label {
        key = {
            meta.source                  : exact @name("ac");
            standard_metadata.egress_rid : exact @name("egress_rid");
        }
        actions = {
            push_esi_label;
            no_esi_label;
        }
        const default_action = no_esi_label();
        counters = peer_esi_label_counter;
        size = 16384;
    }

    @hidden
    action put_entropy_label() {
        hdr.entropy[0].setValid();
        hdr.entropy[0].label = 7;
        hdr.entropy[0].tc = meta.tc;
        hdr.entropy[0].bos = 0;
        hdr.entropy[0].ttl = meta.ttl;
        hdr.entropy[1].setValid();
        hdr.entropy[1].label = 4w1 ++ meta.flow_hash;   // never a reserved label
        hdr.entropy[1].tc = 0;
        hdr.entropy[1].bos = 0;
        hdr.entropy[1].ttl = 0;                         // nobody may switch on it
    }

    @hidden
    action put_service_label() {
        hdr.service.setValid();
        hdr.service.label = meta.push_label;
        hdr.service.tc = meta.tc;
        hdr.service.bos = 1;
        hdr.service.ttl = meta.ttl;
    }

    @hidden
    action put_esi_label() {
        hdr.service.bos = 0;
        hdr.segment.setValid();
        hdr.segment.label = peer_label;
        hdr.segment.tc = meta.tc;
        hdr.segment.bos = 1;
        hdr.segment.ttl = meta.ttl;
    }

    @hidden
    action put_control_word() {
        hdr.control_word.setValid();
        hdr.control_word.zero = 0;
        hdr.control_word.reserved = 0;
        hdr.control_word.sequence = 0;
    }

    apply {
        label_model.apply();
        if (meta.uniform_push && meta.routed) {
            // An error made here stands before the packet that it quotes.
            if (hdr.icmp_ipv4.isValid()) {
                meta.ttl = hdr.icmp_ipv4.ttl;
                meta.tc = hdr.icmp_ipv4.tos[7:5];
            } else if (hdr.icmp_ipv6.isValid()) {
                meta.ttl = hdr.icmp_ipv6.hop_limit;
                meta.tc = hdr.icmp_ipv6.traffic_class[7:5];
            } else if (hdr.ipv4.isValid()) {
                meta.ttl = hdr.ipv4.ttl;
                meta.tc = hdr.ipv4.tos[7:5];
            } else {
                meta.ttl = hdr.ipv6.hop_limit;
                meta.tc = hdr.ipv6.traffic_class[7:5];
            }
        } else if (meta.uniform_push && hdr.vlan.isValid()) {
            meta.tc = hdr.vlan.pcp;   // the tags of a bundle stay
        }
        put_service_label();
        peer_label = 0;
        if (meta.source != 0 && meta.bum != 0) {
            peer_esi_label.apply();
        }
        if (peer_label != 0) {
            put_esi_label();
        }
        if (meta.push_entropy) {
            put_entropy_label();
        }
        if (meta.push_label[19:17] == 3 && !meta.strip_ethernet) {
            put_control_word();
        }
    }
}
