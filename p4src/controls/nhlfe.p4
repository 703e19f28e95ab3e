//   nhlfe (id) --push_n--> n transport labels, outermost first, and the MACs of the link
//        | miss
//      drop
//
// Next hop label forwarding entry (RFC 3031 §3.10): the last step of every packet into the core, whoever chose it.
// No label at all where the next router is the end of the path (penultimate-hop popping), up to five where segments
// or a repair path ask for them (RFC 8660, RFC 4090).

#ifndef CONTROLS_NHLFE_P4
#define CONTROLS_NHLFE_P4

control Nhlfe(inout headers_t hdr, inout metadata_t meta) {
    direct_counter(CounterType.packets_and_bytes) nhlfe_counter;

    @hidden
    action put_link(in bit<48> src_mac, in bit<48> dst_mac) {
        hdr.link.setValid();
        hdr.link.dst_addr = dst_mac;
        hdr.link.src_addr = src_mac;
        hdr.link.ether_type = EtherType.MPLS;
    }

    @id(0x01001601)
    action push_0(bit<48> src_mac, bit<48> dst_mac) {
        put_link(src_mac, dst_mac);
    }

    @id(0x01001602)
    action push_1(bit<48> src_mac, bit<48> dst_mac, bit<20> label_1) {
        put_link(src_mac, dst_mac);
        hdr.transport[0] = { label_1, meta.tc, 1w0, meta.ttl };
    }

    @id(0x01001603)
    action push_2(bit<48> src_mac, bit<48> dst_mac, bit<20> label_1, bit<20> label_2) {
        put_link(src_mac, dst_mac);
        hdr.transport[0] = { label_1, meta.tc, 1w0, meta.ttl };
        hdr.transport[1] = { label_2, meta.tc, 1w0, meta.ttl };
    }

    @id(0x01001604)
    action push_3(bit<48> src_mac, bit<48> dst_mac, bit<20> label_1, bit<20> label_2, bit<20> label_3) {
        put_link(src_mac, dst_mac);
        hdr.transport[0] = { label_1, meta.tc, 1w0, meta.ttl };
        hdr.transport[1] = { label_2, meta.tc, 1w0, meta.ttl };
        hdr.transport[2] = { label_3, meta.tc, 1w0, meta.ttl };
    }

    @id(0x01001605)
    action push_4(bit<48> src_mac, bit<48> dst_mac, bit<20> label_1, bit<20> label_2, bit<20> label_3,
                  bit<20> label_4) {
        put_link(src_mac, dst_mac);
        hdr.transport[0] = { label_1, meta.tc, 1w0, meta.ttl };
        hdr.transport[1] = { label_2, meta.tc, 1w0, meta.ttl };
        hdr.transport[2] = { label_3, meta.tc, 1w0, meta.ttl };
        hdr.transport[3] = { label_4, meta.tc, 1w0, meta.ttl };
    }

    @id(0x01001606)
    action push_5(bit<48> src_mac, bit<48> dst_mac, bit<20> label_1, bit<20> label_2, bit<20> label_3,
                  bit<20> label_4, bit<20> label_5) {
        put_link(src_mac, dst_mac);
        hdr.transport[0] = { label_1, meta.tc, 1w0, meta.ttl };
        hdr.transport[1] = { label_2, meta.tc, 1w0, meta.ttl };
        hdr.transport[2] = { label_3, meta.tc, 1w0, meta.ttl };
        hdr.transport[3] = { label_4, meta.tc, 1w0, meta.ttl };
        hdr.transport[4] = { label_5, meta.tc, 1w0, meta.ttl };
    }

    @id(0x01001607)
    action no_nhlfe() {
        meta.drop_reason = DropReason.NO_PATH;
    }

    @id(0x02000016)
    table nhlfe {
        key = {
            meta.nhlfe : exact @name("nhlfe");
        }
        actions = {
            push_0;
            push_1;
            push_2;
            push_3;
            push_4;
            push_5;
            no_nhlfe;
        }
        const default_action = no_nhlfe();
        counters = nhlfe_counter;
        size = 4096;
    }

    apply {
        nhlfe.apply();
    }
}

#endif
