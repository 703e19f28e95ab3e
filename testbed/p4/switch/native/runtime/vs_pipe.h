/* A program that is loaded: its state, and the interface between the generated code and the runtime. */
#ifndef VS_PIPE_H
#define VS_PIPE_H

#include "vs_base.h"
#include "vs_epoch.h"
#include "vs_calc.h"
#include "vs_queue.h"
#include "vs_table.h"
#include "vs_wide.h"

#define VS_ABI 1
#define VS_MAX_PORTS 512
#define VS_MAX_GROUPS 65536
#define VS_MAX_SESSIONS 32768
#define VS_FRAMES 16      /* that run together */
#define VS_AHEAD_TABLES 4 /* keys are made in advance for so many tables ... */
#define VS_AHEAD_WORDS 4  /* ... of so many words */
#define VS_SESSION_SET 0x8000 /* marks that a clone was asked for: session 0 is a session */

enum vs_instance { VS_NORMAL, VS_INGRESS_CLONE, VS_EGRESS_CLONE, VS_COALESCED, VS_RECIRCULATED, VS_REPLICA, VS_RESUBMITTED };

/* A packet on its way. Field values are in the PHV, a struct that only the generated code knows. */
struct vs_packet {
    u8 *floor;            /* first byte of the buffer: how far headers can grow down */
    u8 *data;             /* the packet as it entered ingress */
    u32 length;
    u8 *payload;          /* what the parser left */
    u32 payload_length;
    u32 ingress_port;
    u32 ingress_length;   /* what counters and meters count */
    u32 packet_length;    /* with headers added and removed */
    u32 instance_type;
    u32 egress_port, egress_spec, mcast_group;
    u32 priority;         /* as ingress left it */
    u32 egress_rid;
    u32 clone_list, learn_list, resubmit_list, recirculate_list;
    u32 parser_error;
    u32 truncate;         /* ~0: not */
    u32 generation;       /* times this packet's ancestors were cloned or sent round again */
    u16 clone_session;    /* with VS_SESSION_SET, else 0 */
    bool exited, checksum_error, has_rid, resumed;
    bool parsed;          /* before its turn (ahead.c) */
    bool failed;          /* an assertion did not hold: drop it */
    u64 enqueue_us;
};

struct vs_replica {
    u32 port, rid;
};

struct vs_replicas {
    u32 count, truncate;
    struct vs_replica replica[];
};

struct vs_cell {
    u64 packets, bytes;
};

/* A member of a value set: the packed select key, masked. */
struct vs_values {
    u32 count, bytes;
    u8 member[]; /* value, then mask, each `bytes` long */
};

struct vs_context;
struct vs_phv;

struct vs_param {
    u16 bits, word;
};

struct vs_action_desc {
    const char *name;
    u16 params, words;
    const struct vs_param *param;
};

struct vs_array_desc {
    u32 size;
    u16 words;      /* registers: words per cell */
    bool direct;
    int table;
    u32 rates;      /* meters: 1 or 2 */
};

/* What a generated program exports as `vs_program`. */
struct vs_program {
    u32 abi;
    u32 phv_bytes;
    u32 tables, actions, profiles, counters, meters, registers, value_sets, digests;
    const struct vs_table_desc *table;
    const struct vs_action_desc *action;
    const struct vs_array_desc *counter, *meter, *reg;
    bool wants_time; /* timestamps are read: take the time for every packet */
    void (*ingress)(struct vs_context *c, struct vs_phv *p, struct vs_packet *k);
    void (*parse)(struct vs_context *c, struct vs_phv *p, struct vs_packet *k);
    void (*egress)(struct vs_context *c, struct vs_phv *p, struct vs_packet *k);
    /* Bytes of the headers to emit, checksums updated; then writes them to `to`. */
    u32 (*measure)(struct vs_context *c, struct vs_phv *p, struct vs_packet *k);
    void (*deparse)(const struct vs_phv *p, u8 *to);
    void (*reset_metadata)(struct vs_phv *p);
    void (*copy_list)(struct vs_phv *to, const struct vs_phv *from, u32 list);
    void (*learn)(struct vs_context *c, const struct vs_phv *p, const struct vs_packet *k);
    /* Tables whose keys follow from a packet's headers, and what parses it and makes those keys (ahead.c). */
    u32 ahead;
    const u32 *ahead_table;
    void (*look_ahead)(struct vs_context *c, struct vs_phv *p, struct vs_packet *k, u64 (*keys)[VS_AHEAD_WORDS]);
};

/* The program's state. Readers: the packet thread. Writers hold `vs_switch.writer`. */
struct vs_pipe {
    const struct vs_program *program;
    struct vs_epoch *epoch;
    struct vs_table *tables;
    struct vs_hash **members;  /* by profile */
    struct vs_hash **groups;
    struct vs_cell **counters; /* NULL for direct ones */
    struct vs_meter ***meters; /* by array and cell, NULL: green; NULL for direct ones */
    u64 **registers;
    struct vs_values **value_sets;
    struct vs_replicas **multicast; /* by group */
    struct vs_replicas **sessions;
    u8 *digest_mode; /* by position: VS_DIGEST_* */
};

enum { VS_DIGEST_OFF, VS_DIGEST_ON, VS_DIGEST_HOLD };

/* Working copies of the fields of a packet. */
enum { VS_PHV_MAIN, VS_PHV_CLONE, VS_PHV_COPY, VS_PHV_AHEAD, VS_PHVS = VS_PHV_AHEAD + VS_FRAMES };

/* Who runs packets: the packet thread, or an inject() beside it. */
struct vs_context {
    struct vs_pipe *pipe;
    struct vs_switch *sw;
    struct vs_phv *phv[VS_PHVS];
    u32 phv_bytes;
    u32 drop_port;
    u64 now_us;
    bool fixed_time;       /* now_us was given: do not ask the clock */
    void (*emit)(struct vs_context *c, u32 port, u8 *data, u32 length);
    struct vs_chunk *chunks;  /* memory that lives until the burst is sent (arena.c) */
    struct vs_worklist {
        struct vs_work *first, *last;
    } work[2];                /* packets to run again: through ingress, through egress */
    struct vs_work *spent;        /* ... that ran in this burst */
    u32 waiting;
    void *user;
};

u64 vs_now_us(struct vs_context *c);
u64 vs_random(struct vs_context *c, u64 low, u64 high);
u32 vs_meter_run(struct vs_meter *m, u64 now_us, u64 units);
void vs_log_message(struct vs_context *c, const char *format, const u64 *const *values, const u32 *words, u32 count);
void vs_assertion_failed(struct vs_context *c, const char *what);
void vs_learned(struct vs_context *c, u32 list, const u8 *sample, u32 length);
/* `mask`: of the select case, NULL for none. */
bool vs_in_value_set(const struct vs_values *v, const u8 *key, const u8 *mask);
u8 *vs_arena_take(struct vs_context *c, size_t bytes);

/* Bytes of the payload that will leave. */
VS_INLINE u32 vs_visible(const struct vs_packet *k)
{
    return k->payload_length < k->truncate ? k->payload_length : k->truncate;
}

/* The action of an entry of an indirect table; NULL: none (an empty group). */
const struct vs_act *vs_resolve_group(struct vs_context *c, const struct vs_group *g, u64 hash);

VS_INLINE const struct vs_act *vs_resolve(struct vs_context *c, const struct vs_act *a, u64 hash)
{
    if (a == NULL || a->kind == VS_DIRECT)
        return a;
    if (a->kind == VS_TO_MEMBER)
        return vs_load(&a->member->act);
    return vs_resolve_group(c, a->group, hash);
}

VS_INLINE void vs_count_hit(struct vs_entry *e, u32 bytes)
{
    vs_bump(&vs_rest(e)->packets, 1);
    vs_bump(&vs_rest(e)->bytes, bytes);
}

VS_INLINE void vs_count(struct vs_cell *cells, u32 size, u64 index, u32 bytes)
{
    if (index < size) {
        vs_bump(&cells[index].packets, 1);
        vs_bump(&cells[index].bytes, bytes);
    }
}

#endif
