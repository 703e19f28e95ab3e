//   ipv4 -> watch_ipv4 (source, destination, protocol, ports) --+
//   ipv6 -> watch_ipv6 (source, destination, protocol, ports) --+--> watch id
//   arp  -> watch_arp  (sender, target) ------------------------+
//
// Which packets every switch reports, so that a path is observed and not inferred. Addresses are those of the
// customer's packet, beneath all labels. Nothing else changes for a watched packet.

control WatchList(in headers_t hdr, inout metadata_t meta) {
    direct_counter(CounterType.packets_and_bytes) watch_ipv4_counter;
    direct_counter(CounterType.packets_and_bytes) watch_ipv6_counter;
    direct_counter(CounterType.packets_and_bytes) watch_arp_counter;

    @id(0x01000601)
    action watch(bit<16> id) {
        meta.watch = id;
    }

    @id(0x01000602)
    action ignore() {
        meta.watch = 0;
    }

    @id(0x02000006)
    table watch_ipv4 {
        key = {
            hdr.ipv4.src_addr : ternary @name("src_addr");
            hdr.ipv4.dst_addr : ternary @name("dst_addr");
            meta.protocol     : ternary @name("protocol");
            meta.src_port     : ternary @name("src_port");
            meta.dst_port     : ternary @name("dst_port");
        }
        actions = {
            watch;
            ignore;
        }
        const default_action = ignore();
        counters = watch_ipv4_counter;
        size = 256;
    }

    @id(0x02000007)
    table watch_ipv6 {
        key = {
            hdr.ipv6.src_addr : ternary @name("src_addr");
            hdr.ipv6.dst_addr : ternary @name("dst_addr");
            meta.protocol     : ternary @name("protocol");
            meta.src_port     : ternary @name("src_port");
            meta.dst_port     : ternary @name("dst_port");
        }
        actions = {
            watch;
            ignore;
        }
        const default_action = ignore();
        counters = watch_ipv6_counter;
        size = 256;
    }

    @id(0x02000008)
    table watch_arp {
        key = {
            hdr.arp.sender_ip : ternary @name("sender_ip");
            hdr.arp.target_ip : ternary @name("target_ip");
        }
        actions = {
            watch;
            ignore;
        }
        const default_action = ignore();
        counters = watch_arp_counter;
        size = 256;
    }

    apply {
        if (hdr.ipv4.isValid()) {
            watch_ipv4.apply();
        } else if (hdr.ipv6.isValid()) {
            watch_ipv6.apply();
        } else if (hdr.arp.isValid()) {
            watch_arp.apply();
        }
    }
}
