//   source_mac (bridge domain, source MAC)
//        |
//        +-- learned, same attachment ------> (bridge)
//        +-- learned, other attachment --+
//        +-- miss -----------------------+--> (bridge) and mac_learn digest: new, or moved
//        +-- sticky, other attachment ------> drop (RFC 7432 §15.2)
//        +-- discard -----------------------> drop (RFC 7432bis §15.3, duplicate MAC)
//
// Local learning (RFC 7432 §9.1), and learning from pseudo-wires for VPLS (RFC 4761 §4.2.1). The table holds only
// MACs that this PE learned: one that moves here from another PE is a miss, hence a digest. What EVPN peers send
// is never learned from (their MACs come by BGP). Entries age by P4Runtime idle timeout.

struct mac_learn_t {
    bit<16> bridge_domain;
    bit<16> attachment;
    bit<48> mac;
}

control MacLearning(in headers_t hdr, inout metadata_t meta) {
    direct_counter(CounterType.packets_and_bytes) source_mac_counter;
    bit<16> known_attachment;
    bool sticky_entry;

    @id(0x01000901)
    action learned(bit<16> attachment) {
        known_attachment = attachment;
    }

    @id(0x01000902)
    action sticky(bit<16> attachment) {
        known_attachment = attachment;
        sticky_entry = true;
    }

    @id(0x01000903)
    action discard_source() {
        meta.step = Step.DROP;
        meta.drop_reason = DropReason.MAC_DISCARD;
    }

    @id(0x01000904)
    action unknown_source() {
        known_attachment = 0;
    }

    @id(0x02000009)
    table source_mac {
        key = {
            meta.bridge_domain    : exact @name("bridge_domain");
            hdr.ethernet.src_addr : exact @name("mac");
        }
        actions = {
            learned;
            sticky;
            discard_source;
            unknown_source;
        }
        const default_action = unknown_source();
        counters = source_mac_counter;
        support_timeout = true;
        size = 131072;
    }

    apply {
        known_attachment = meta.attachment;
        sticky_entry = false;
        if (hdr.ethernet.src_addr[40:40] == 1) {
            meta.step = Step.DROP;
            meta.drop_reason = DropReason.BAD_SOURCE_MAC;
        } else {
            source_mac.apply();
            if (known_attachment != meta.attachment) {
                if (sticky_entry) {
                    meta.step = Step.DROP;
                    meta.drop_reason = DropReason.STICKY_VIOLATION;
                } else {
                    digest<mac_learn_t>(1, {meta.bridge_domain, meta.attachment, hdr.ethernet.src_addr});
                }
            }
        }
    }
}
