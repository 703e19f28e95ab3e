//   frame with the MPLS EtherType
//        |
//   core_interface (port, link MAC) --hit--> its labels count
//        | miss
//      drop
//
// A label is a promise between neighbours (RFC 3031 §3.14; RFC 4364 §13.1): whoever could send labels into a
// customer's port would reach any customer. They count on core links only, and only in frames sent to this router.

control CoreInterfaces(inout headers_t hdr, inout metadata_t meta) {
    direct_counter(CounterType.packets_and_bytes) core_interface_counter;

    @id(0x01000301)
    action accept_labels() {
        meta.drop_reason = DropReason.NONE;
    }

    @id(0x01000302)
    action not_for_us() {
        meta.drop_reason = DropReason.NOT_FOR_US;
    }

    @id(0x02000003)
    table core_interface {
        key = {
            meta.ingress_port : exact @name("port");
            hdr.link.dst_addr : exact @name("link_mac");
        }
        actions = {
            accept_labels;
            not_for_us;
        }
        const default_action = not_for_us();
        counters = core_interface_counter;
        size = 512;
    }

    apply {
        core_interface.apply();
    }
}
