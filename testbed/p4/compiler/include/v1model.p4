/*
 * The v1model architecture, as simple_switch implements it.
 *
 * Two versions exist, told apart by V1MODEL_VERSION: with 20200408 and later, indices of counters, meters and
 * registers have a type of their own (a type parameter), before that they are bit<32>.
 */

#ifndef _V1_MODEL_P4_
#define _V1_MODEL_P4_

#include "core.p4"

#ifndef V1MODEL_VERSION
#define V1MODEL_VERSION 20180101
#endif

#if V1MODEL_VERSION >= 20200408
#define _V1MODEL_INDEX_PARAM <I>
#define _V1MODEL_VALUE_AND_INDEX <T, I>
#define _V1MODEL_INDEX I
#define _V1MODEL_PORT PortId_t
#else
#define _V1MODEL_INDEX_PARAM
#define _V1MODEL_VALUE_AND_INDEX <T>
#define _V1MODEL_INDEX bit<32>
#define _V1MODEL_PORT bit<9>
#endif

match_kind {
    range,
    /// Exact or "don't care".
    optional,
    /// Not looked up: input of an action selector's hash.
    selector
}

const bit<32> __v1model_version = V1MODEL_VERSION;

#if V1MODEL_VERSION >= 20200408
typedef bit<9> PortId_t;
#endif

@metadata @name("standard_metadata")
struct standard_metadata_t {
    _V1MODEL_PORT ingress_port;
    /// Where to; 511 drops.
    _V1MODEL_PORT egress_spec;
    _V1MODEL_PORT egress_port;
    /// 0 normal, 1 ingress clone, 2 egress clone, 4 recirculated, 5 replicated, 6 resubmitted.
    bit<32> instance_type;
    bit<32> packet_length;
    // What the queue between ingress and egress measured; times in microseconds, depths in packets.
    @alias("queueing_metadata.enq_timestamp")
    bit<32> enq_timestamp;
    @alias("queueing_metadata.enq_qdepth")
    bit<19> enq_qdepth;
    @alias("queueing_metadata.deq_timedelta")
    bit<32> deq_timedelta;
    @alias("queueing_metadata.deq_qdepth")
    bit<19> deq_qdepth;
    // Microseconds since the switch started.
    @alias("intrinsic_metadata.ingress_global_timestamp")
    bit<48> ingress_global_timestamp;
    @alias("intrinsic_metadata.egress_global_timestamp")
    bit<48> egress_global_timestamp;
    /// Multicast group; 0 is none.
    @alias("intrinsic_metadata.mcast_grp")
    bit<16> mcast_grp;
    /// Replica id, set in copies made by a multicast group.
    @alias("intrinsic_metadata.egress_rid")
    bit<16> egress_rid;
    /// 1 after a failed verify_checksum.
    bit<1> checksum_error;
    error parser_error;
    @alias("intrinsic_metadata.priority")
    bit<3> priority;
}

enum CounterType {
    packets,
    bytes,
    packets_and_bytes
}

enum MeterType {
    packets,
    bytes
}

extern counter _V1MODEL_INDEX_PARAM {
    counter(bit<32> size, CounterType type);
    void count(in _V1MODEL_INDEX index);
}

extern direct_counter {
    direct_counter(CounterType type);
    void count();
}

#define V1MODEL_METER_COLOR_GREEN  0
#define V1MODEL_METER_COLOR_YELLOW 1
#define V1MODEL_METER_COLOR_RED    2

extern meter _V1MODEL_INDEX_PARAM {
    meter(bit<32> size, MeterType type);
    void execute_meter<T>(in _V1MODEL_INDEX index, out T result);
}

extern direct_meter<T> {
    direct_meter(MeterType type);
    void read(out T result);
}

extern register _V1MODEL_VALUE_AND_INDEX {
    register(bit<32> size);
    @noSideEffects
    void read(out T result, in _V1MODEL_INDEX index);
    void write(in _V1MODEL_INDEX index, in T value);
}

extern action_profile {
    action_profile(bit<32> size);
}

/// A number from lo to hi, both included.
extern void random<T>(out T result, in T lo, in T hi);

/// Sends `data` to the control plane; what it does not take is lost.
extern void digest<T>(in bit<32> receiver, in T data);

enum HashAlgorithm {
    crc32,
    crc32_custom,
    crc16,
    crc16_custom,
    random,
    identity,
    csum16,
    xor16
}

@deprecated("Please use mark_to_drop(standard_metadata) instead.")
extern void mark_to_drop();

/// Sets egress_spec to the drop port and mcast_grp to 0; later writes to either win.
@pure
extern void mark_to_drop(inout standard_metadata_t standard_metadata);

/// base + hash(data) modulo max; max 0 gives base.
@pure
extern void hash<O, T, D, M>(out O result, in HashAlgorithm algo, in T base, in D data, in M max);

extern action_selector {
    action_selector(HashAlgorithm algorithm, bit<32> size, bit<32> outputWidth);
}

enum CloneType {
    I2E,
    E2E
}

@deprecated("Please use verify_checksum/update_checksum instead.")
extern Checksum16 {
    Checksum16();
    bit<16> get<D>(in D data);
}

extern void verify_checksum<T, O>(in bool condition, in T data, in O checksum, HashAlgorithm algo);
@pure
extern void update_checksum<T, O>(in bool condition, in T data, inout O checksum, HashAlgorithm algo);
extern void verify_checksum_with_payload<T, O>(in bool condition, in T data, in O checksum, HashAlgorithm algo);
@noSideEffects
extern void update_checksum_with_payload<T, O>(in bool condition, in T data, inout O checksum, HashAlgorithm algo);

extern void clone(in CloneType type, in bit<32> session);
@deprecated("Please use 'clone_preserving_field_list' instead")
extern void clone3<T>(in CloneType type, in bit<32> session, in T data);
extern void clone_preserving_field_list(in CloneType type, in bit<32> session, bit<8> index);

@deprecated("Please use 'resubmit_preserving_field_list' instead")
extern void resubmit<T>(in T data);
extern void resubmit_preserving_field_list(bit<8> index);

@deprecated("Please use 'recirculate_preserving_field_list' instead")
extern void recirculate<T>(in T data);
extern void recirculate_preserving_field_list(bit<8> index);

/// Cuts the packet to so many bytes when it leaves.
extern void truncate(in bit<32> length);

extern void assert(in bool check);
extern void assume(in bool check);

extern void log_msg(string msg);
extern void log_msg<T>(string msg, in T data);

parser Parser<H, M>(packet_in b, out H parsedHdr, inout M meta, inout standard_metadata_t standard_metadata);

/// Only verify_checksum calls, see there.
control VerifyChecksum<H, M>(inout H hdr, inout M meta);

@pipeline
control Ingress<H, M>(inout H hdr, inout M meta, inout standard_metadata_t standard_metadata);

@pipeline
control Egress<H, M>(inout H hdr, inout M meta, inout standard_metadata_t standard_metadata);

/// Only update_checksum calls, see there.
control ComputeChecksum<H, M>(inout H hdr, inout M meta);

/// Only emit calls.
@deparser
control Deparser<H>(packet_out b, in H hdr);

package V1Switch<H, M>(
    Parser<H, M> p,
    VerifyChecksum<H, M> vr,
    Ingress<H, M> ig,
    Egress<H, M> eg,
    ComputeChecksum<H, M> ck,
    Deparser<H> dep
);

#endif
