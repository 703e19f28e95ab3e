/* The switch: a loaded program, the packet thread, ports and queues of events. */
#ifndef VS_SWITCH_H
#define VS_SWITCH_H

#include <pthread.h>

#include "vs_pipe.h"
#include "vs_tables.h"

/* Counts that `stats` reports; written by the packet thread. Names in `vs_count_names` (stats.c). */
enum vs_counter {
    VS_RX, VS_TX, VS_RX_LOST, VS_PACKET_OUT,
    VS_DROP_NO_PIPELINE, VS_DROP_INGRESS, VS_DROP_EGRESS, VS_DROP_ASSERT, VS_DROP_NO_PORT, VS_DROP_PORT_DOWN,
    VS_DROP_LOOP, VS_DROP_PRIORITY, VS_DROP_QUEUE, VS_DROP_MEMORY, VS_DROP_TX, VS_DROP_TOO_LONG,
    VS_COUNTERS
};

enum vs_event { VS_PACKET_IN, VS_DIGEST, VS_IDLE, VS_PORT_STATUS, VS_LOG, VS_EVENTS };

struct vs_options {
    u32 cpu_port;       /* ~0: none */
    u32 drop_port;
    u32 priorities;     /* how many a packet may have, from 0 */
    u64 seed;
    u32 event_capacity;
};

/* Something for the packet thread to do between two bursts. */
struct vs_job {
    void (*run)(struct vs_switch *sw, void *what);
    void *what;
    int done; /* futex */
};

struct vs_switch {
    struct vs_options options;
    struct vs_pipe *pipe;
    struct vs_epoch epoch;
    pthread_mutex_t writer; /* whoever changes tables, groups, sessions */
    pthread_t thread;
    bool stop;
    u64 start_ns;
    u64 random;
    int wake_fd;            /* wakes the packet thread */
    int sleeping;
    struct vs_queue jobs;   /* for the packet thread: jobs, packets out, releases */
    struct vs_queue events[VS_EVENTS];
    int event_fd;
    bool logging;           /* somebody reads what log_msg says */
    int signalled;
    u64 counts[VS_COUNTERS];
    u8 port_up[VS_MAX_PORTS];   /* for watch ports */
    struct vs_context live; /* packets from ports */
    struct vs_context test; /* packets from inject() */
    struct vs_message *peeked; /* an event that did not fit into the reader's buffer */
    u32 peeked_kind;
    struct vs_held *held;   /* digests that wait for their acknowledgement (learn.c) */
    struct vs_io *io;       /* ports (port.c) */
};

/* A frame as it arrives; `floor`: how far down its buffer may be written. */
struct vs_frame {
    u8 *floor, *data;
    u32 length;
};

/* Field by field, in place: a struct that is copied right after it was written in parts makes the processor wait. */
VS_INLINE void vs_arrive(struct vs_packet *k, u32 port, struct vs_frame f)
{
    memset(k, 0, sizeof *k);
    k->floor = f.floor;
    k->data = f.data;
    k->length = k->ingress_length = k->packet_length = f.length;
    k->ingress_port = port;
    k->truncate = ~(u32)0;
}

VS_INLINE void vs_note(struct vs_switch *sw, enum vs_counter what) { vs_bump(&sw->counts[what], 1); }

VS_INLINE bool vs_bucket_live(const struct vs_context *c, int port)
{
    return port < 0 || (port < VS_MAX_PORTS && vs_peek(&c->sw->port_up[port]) != 0);
}

u64 vs_clock_ns(void);

/* Memory for one burst (arena.c). */
void vs_arena_reset(struct vs_context *c);
void vs_arena_free(struct vs_context *c);

/* Traffic manager (traffic.c). */
bool vs_context_attach(struct vs_context *c, struct vs_pipe *pipe);
void vs_context_detach(struct vs_context *c);
/* Frames through the pipeline and out, at most VS_FRAMES at a time. */
void vs_receive(struct vs_context *c, u32 port, const struct vs_frame *frame, u32 count);
/* Run up to `limit` of the packets that go round again. */
void vs_run_waiting(struct vs_context *c, u32 limit);
/* All that was emitted has been sent or copied: give its memory back. */
void vs_burst_done(struct vs_context *c);

/* Parses the frames into `packet` and c->phv[VS_PHV_AHEAD ...], and fetches what they will look up (ahead.c). False: it
 * is not worth it. */
bool vs_look_ahead(struct vs_context *c, u32 port, const struct vs_frame *frame, u32 count, struct vs_packet *packet);

/* Packet thread (thread.c). */
bool vs_packet_out(struct vs_switch *sw, const u8 *data, u32 length);
bool vs_thread_start(struct vs_switch *sw);
void vs_thread_stop(struct vs_switch *sw);
/* Runs `run(sw, what)` on the packet thread between two bursts and waits until it is done. */
void vs_call(struct vs_switch *sw, void (*run)(struct vs_switch *, void *), void *what);
/* A held sample is delivered again when it occurs again. */
void vs_release(struct vs_switch *sw, u32 digest, const u8 *data, u32 length);
void vs_wake(struct vs_switch *sw);

/* Events for the control plane (events.c). */
bool vs_event_send(struct vs_switch *sw, enum vs_event kind, u32 what, u64 number, const void *data, u32 length);

struct vs_held *vs_held_new(void);
void vs_held_clear(struct vs_held *h);
void vs_held_release(struct vs_held *h, u32 digest, const u8 *data, u32 length);

/* Pipelines (pipe.c). */
struct vs_pipe *vs_pipe_new(const struct vs_program *program, struct vs_epoch *epoch, u64 seed);
void vs_pipe_free(struct vs_pipe *pipe);

/* Changes (ops.c). */
/* `errors`: a google.rpc.Code for each operation; returns how many failed. */
u32 vs_ops_run(struct vs_switch *sw, struct vs_pipe *pipe, const u8 *ops, u32 count, int *errors);

#endif
