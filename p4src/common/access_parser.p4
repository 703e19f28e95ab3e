// How an access switch reads a frame.

#ifndef COMMON_ACCESS_PARSER_P4
#define COMMON_ACCESS_PARSER_P4

#include "access_state.p4"

parser AccessParser(packet_in packet,
                    out headers_t hdr,
                    inout metadata_t meta,
                    inout standard_metadata_t standard_metadata) {
    state start {
        meta.ingress_port = standard_metadata.ingress_port;
        transition select(standard_metadata.ingress_port) {
            CPU_PORT: parse_packet_out;
            default:  parse_ethernet;
        }
    }

    state parse_packet_out {
        packet.extract(hdr.packet_out);
        meta.ingress_port = (bit<9>)hdr.packet_out.port;
        transition select(hdr.packet_out.operation) {
            0:       accept;
            default: parse_ethernet;
        }
    }

    state parse_icmp {
        packet.extract(hdr.icmp);
        transition accept;
    }

#include "frame_states.p4"
}

control AccessDeparser(packet_out packet, in headers_t hdr) {
    apply {
        packet.emit(hdr.packet_in);
        packet.emit(hdr.ethernet);
        packet.emit(hdr.egress_vlan);
        packet.emit(hdr.vlan);
        packet.emit(hdr.inner_vlan);
        packet.emit(hdr.arp);
        packet.emit(hdr.ipv4);
        packet.emit(hdr.ipv4_options);
        packet.emit(hdr.ipv6);
        packet.emit(hdr.icmp);
        packet.emit(hdr.ports);
    }
}

// A switch looks at no checksum.
control AccessVerifyChecksum(inout headers_t hdr, inout metadata_t meta) {
    apply { }
}

control AccessComputeChecksum(inout headers_t hdr, inout metadata_t meta) {
    apply { }
}

#endif
