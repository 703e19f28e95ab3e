//   copy of a flooded frame
//        |
//   replica (bridge domain, egress_rid) --+-- to_attachment_circuit -> that circuit
//        | miss                           +-- to_pe ------------------> service label, NHLFE
//      drop
//
// Ingress replication: a label per copy (RFC 7432 §11.2). The multicast group says out of which ports, the replica
// what each copy is. Replica numbers are the bridge domain's own.

control Replication(inout metadata_t meta, in standard_metadata_t standard_metadata) {
    direct_counter(CounterType.packets_and_bytes) replica_counter;

    @id(0x01001401)
    action to_attachment_circuit(bit<16> ac) {
        meta.egress_ac = ac;
    }

    @id(0x01001402)
    action to_pe(bit<20> service_label, bit<16> nhlfe_id) {
        meta.push_label = service_label;
        meta.nhlfe = nhlfe_id;
    }

    @id(0x01001403)
    action no_replica() {
        meta.drop_reason = DropReason.NO_REPLICA;
    }

    @id(0x02000014)
    table replica {
        key = {
            meta.bridge_domain           : exact @name("bridge_domain");
            standard_metadata.egress_rid : exact @name("egress_rid");
        }
        actions = {
            to_attachment_circuit;
            to_pe;
            no_replica;
        }
        const default_action = no_replica();
        counters = replica_counter;
        size = 65536;
    }

    apply {
        replica.apply();
    }
}
