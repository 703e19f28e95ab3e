//   next_hop --+-- local ----------------------------> port, attachment circuit
//              +-- remote --> service label, tunnel ----------------------+
//              +-- segment -> segment (selector) -> service label, tunnel -+-> tunnel (selector) -> port, NHLFE
//              +-- routed_... the same for routed packets: new MACs, or IP directly beneath the label
//
// Between "which service" and "how to send". Whatever many MACs or routes share is an entry of its own here: a PE
// that fails is one write to `tunnel`, a segment that moves one write to `segment` (RFC 7432 §8.2, §8.4). Both
// choose by the hash over the customer's flow, each in its own way.

#include "flow_hash.p4"
#include "path_choice.p4"

control NextHops(in headers_t hdr, inout metadata_t meta, inout standard_metadata_t standard_metadata) {
    FlowHash() flow_hash;
    PathChoice() segment_choice;
    PathChoice() tunnel_choice;
    action_selector(HashAlgorithm.identity, 32w4096, 32w16) segment_selector;
    action_selector(HashAlgorithm.identity, 32w4096, 32w16) tunnel_selector;
    direct_counter(CounterType.packets_and_bytes) next_hop_counter;
    direct_counter(CounterType.packets_and_bytes) segment_counter;
    direct_counter(CounterType.packets_and_bytes) tunnel_counter;

    @id(0x01001101)
    action local(bit<16> ac, bit<9> port) {
        meta.egress_ac = ac;
        standard_metadata.egress_spec = port;
        meta.step = Step.SEND;
    }

    @id(0x01001102)
    action remote(bit<20> service_label, bit<16> tunnel_id) {
        meta.push_label = service_label;
        meta.tunnel = tunnel_id;
        meta.step = Step.TUNNEL;
    }

    @id(0x01001103)
    action segment_of(bit<16> segment_id) {
        meta.segment = segment_id;
        meta.step = Step.SEGMENT;
    }

    @id(0x01001104)
    action routed_local(bit<48> src_mac, bit<48> dst_mac, bit<16> ac, bit<9> port) {
        meta.src_mac = src_mac;
        meta.dst_mac = dst_mac;
        meta.egress_ac = ac;
        standard_metadata.egress_spec = port;
        meta.step = Step.SEND;
    }

    @id(0x01001105)
    action routed_remote(bit<20> service_label, bit<16> tunnel_id) {
        meta.strip_ethernet = true;
        meta.push_label = service_label;
        meta.tunnel = tunnel_id;
        meta.step = Step.TUNNEL;
    }

    @id(0x01001106)
    action routed_bridged(bit<48> src_mac, bit<48> dst_mac, bit<20> service_label, bit<16> tunnel_id) {
        meta.src_mac = src_mac;
        meta.dst_mac = dst_mac;
        meta.push_label = service_label;
        meta.tunnel = tunnel_id;
        meta.step = Step.TUNNEL;
    }

    @id(0x01001107)
    action routed_segment(bit<48> src_mac, bit<48> dst_mac, bit<16> segment_id) {
        meta.src_mac = src_mac;
        meta.dst_mac = dst_mac;
        meta.segment = segment_id;
        meta.step = Step.SEGMENT;
    }

    @id(0x01001108)
    action discard_next_hop() {
        meta.step = Step.DROP;
        meta.drop_reason = DropReason.NO_NEXT_HOP;
    }

    @id(0x02000011)
    table next_hop {
        key = {
            meta.next_hop : exact @name("next_hop");
        }
        actions = {
            local;
            remote;
            segment_of;
            routed_local;
            routed_remote;
            routed_bridged;
            routed_segment;
            discard_next_hop;
        }
        const default_action = discard_next_hop();
        counters = next_hop_counter;
        size = 131072;
    }

    // A table with a selector has no default action in bmv2 (p4c's back end says so of each), and a group without a
    // live member runs none: either way the step stays as it was, which is NO_PATH below.
    @id(0x02000012)
    table segment {
        key = {
            meta.segment : exact @name("segment");
            meta.choice  : selector;
        }
        actions = {
            remote;
            @defaultonly NoAction;
        }
        const default_action = NoAction();
        implementation = segment_selector;
        counters = segment_counter;
        size = 16384;
    }

    @id(0x01001301)
    action path(bit<9> port, bit<16> nhlfe_id) {
        standard_metadata.egress_spec = port;
        meta.nhlfe = nhlfe_id;
        meta.step = Step.SEND;
    }

    // To a PE that knows entropy labels (RFC 6790 §4.2): routers on the way need not look beneath the stack.
    @id(0x01001303)
    action path_with_entropy(bit<9> port, bit<16> nhlfe_id) {
        standard_metadata.egress_spec = port;
        meta.nhlfe = nhlfe_id;
        meta.push_entropy = true;
        meta.step = Step.SEND;
    }

    @id(0x02000013)
    table tunnel {
        key = {
            meta.tunnel : exact @name("tunnel");
            meta.choice : selector;
        }
        actions = {
            path;
            path_with_entropy;
            @defaultonly NoAction;
        }
        const default_action = NoAction();
        implementation = tunnel_selector;
        counters = tunnel_counter;
        size = 4096;
    }

    apply {
        next_hop.apply();
        if (meta.step == Step.SEGMENT || meta.step == Step.TUNNEL) {
            flow_hash.apply(hdr, meta);
        }
        if (meta.step == Step.SEGMENT) {
            segment_choice.apply(meta, 1);
            segment.apply();
        }
        if (meta.step == Step.TUNNEL) {
            tunnel_choice.apply(meta, 2);
            tunnel.apply();
        }
        if (meta.step != Step.SEND && meta.step != Step.DROP) {
            meta.step = Step.DROP;
            meta.drop_reason = DropReason.NO_PATH;
        }
    }
}
