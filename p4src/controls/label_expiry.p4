//   label TTL at its end
//        |
//   IP directly beneath the stack? --no--> drop
//        | yes
//   expiry_ipv4, expiry_ipv6 --+-- answer --> ICMP time exceeded in place of the packet, fresh label TTLs: it goes on
//                              |              to the end of the path, where the IP-VRF routes it back
//                              +-- silent --> drop
//
// A P router has no route to a customer (RFC 3032 §2.3.2). Where TTLs are uniform (RFC 3443), traceroute then shows
// the path through the core.

#include "time_exceeded_ipv4.p4"
#include "time_exceeded_ipv6.p4"

control LabelExpiry(inout headers_t hdr, inout metadata_t meta) {
    TimeExceededIpv4() time_exceeded_ipv4;
    TimeExceededIpv6() time_exceeded_ipv6;
    direct_counter(CounterType.packets_and_bytes) expiry_ipv4_counter;
    direct_counter(CounterType.packets_and_bytes) expiry_ipv6_counter;
    bit<32> ipv4_address;
    bit<128> ipv6_address;

    @id(0x01002601)
    action answer_ipv4(bit<32> address) {
        ipv4_address = address;
    }

    @id(0x01002602)
    action silent_ipv4() {
        meta.drop_reason = DropReason.TTL_EXCEEDED;
    }

    @id(0x02000026)
    table expiry_ipv4 {
        actions = {
            answer_ipv4;
            silent_ipv4;
        }
        default_action = silent_ipv4();
        counters = expiry_ipv4_counter;
    }

    @id(0x01002701)
    action answer_ipv6(bit<128> address) {
        ipv6_address = address;
    }

    @id(0x01002702)
    action silent_ipv6() {
        meta.drop_reason = DropReason.TTL_EXCEEDED;
    }

    @id(0x02000027)
    table expiry_ipv6 {
        actions = {
            answer_ipv6;
            silent_ipv6;
        }
        default_action = silent_ipv6();
        counters = expiry_ipv6_counter;
    }

    // An entropy label keeps its TTL of 0: nobody may switch on it (RFC 6790 §4.2).
    @hidden
    action renew_labels() {
        hdr.mpls[0].ttl = hdr.top.label == 7 ? 8w0 : 255;
        hdr.mpls[1].ttl = hdr.mpls[0].label == 7 ? 8w0 : 255;
        hdr.mpls[2].ttl = hdr.mpls[1].label == 7 ? 8w0 : 255;
        hdr.mpls[3].ttl = hdr.mpls[2].label == 7 ? 8w0 : 255;
        hdr.mpls[4].ttl = hdr.mpls[3].label == 7 ? 8w0 : 255;
        hdr.mpls[5].ttl = hdr.mpls[4].label == 7 ? 8w0 : 255;
        hdr.mpls[6].ttl = hdr.mpls[5].label == 7 ? 8w0 : 255;
        hdr.mpls[7].ttl = hdr.mpls[6].label == 7 ? 8w0 : 255;
        hdr.mpls[8].ttl = hdr.mpls[7].label == 7 ? 8w0 : 255;
        hdr.top.ttl = 255;
    }

    apply {
        ipv4_address = 0;
        ipv6_address = 0;
        // Never about an ICMP error, nor where 64 bits to quote were not read (RFC 1812 §4.3.2.7, RFC 4443 §2.4).
        bool answerable = hdr.ports.isValid()
            || hdr.icmp.isValid() && (hdr.icmp.message_type == 8 || hdr.icmp.message_type == 128);
        // Nor of a link's padding.
        answerable = answerable && (hdr.ipv4.isValid() ? hdr.ipv4.total_length >= 28 : hdr.ipv6.payload_length >= 8);
        if (hdr.ethernet.isValid() || hdr.ipv4_options.isValid() || !answerable) {
            meta.drop_reason = DropReason.TTL_EXCEEDED;
        } else if (hdr.ipv4.isValid()) {
            expiry_ipv4.apply();
            if (meta.drop_reason == DropReason.NONE) {
                time_exceeded_ipv4.apply(hdr, meta, ipv4_address);
            }
        } else {
            expiry_ipv6.apply();
            if (meta.drop_reason == DropReason.NONE) {
                time_exceeded_ipv6.apply(hdr, meta, ipv6_address);
            }
        }
        if (meta.drop_reason == DropReason.NONE) {
            renew_labels();
        }
    }
}
