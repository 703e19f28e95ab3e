/* The life of a switch, and the functions that Python calls. */
#include <errno.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "vs_io.h"

VS_EXPORT const u32 vs_abi = VS_ABI;

VS_EXPORT const char *const vs_count_names[VS_COUNTERS + 1] = {
    [VS_RX] = "rx",
    [VS_TX] = "tx",
    [VS_RX_LOST] = "drop_receive_ring",
    [VS_PACKET_OUT] = "packet_out",
    [VS_DROP_NO_PIPELINE] = "drop_no_pipeline",
    [VS_DROP_INGRESS] = "drop_ingress",
    [VS_DROP_EGRESS] = "drop_egress",
    [VS_DROP_ASSERT] = "drop_assert",
    [VS_DROP_NO_PORT] = "drop_no_port",
    [VS_DROP_PORT_DOWN] = "drop_port_down",
    [VS_DROP_LOOP] = "drop_loop",
    [VS_DROP_PRIORITY] = "drop_priority",
    [VS_DROP_QUEUE] = "drop_queue",
    [VS_DROP_MEMORY] = "drop_memory",
    [VS_DROP_TX] = "drop_transmit",
    [VS_DROP_TOO_LONG] = "drop_too_long",
};

VS_EXPORT void vs_switch_free(struct vs_switch *sw);

VS_EXPORT struct vs_switch *vs_switch_new(u32 cpu_port, u32 drop_port, u32 priorities, u64 seed,
                                        u32 event_capacity)
{
    struct vs_switch *sw = calloc(1, sizeof *sw);
    if (sw == NULL)
        return NULL;
    sw->options = (struct vs_options){cpu_port, drop_port, priorities, seed, event_capacity};
    sw->random = seed;
    sw->start_ns = vs_clock_ns();
    sw->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    sw->event_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    pthread_mutex_init(&sw->writer, NULL);
    vs_epoch_init(&sw->epoch);
    vs_queue_init(&sw->jobs, event_capacity);
    for (int i = 0; i < VS_EVENTS; i++)
        vs_queue_init(&sw->events[i], event_capacity);
    sw->live = (struct vs_context){.sw = sw, .drop_port = drop_port, .emit = vs_emit};
    sw->test = (struct vs_context){.sw = sw, .drop_port = drop_port};
    sw->held = vs_held_new();
    if (sw->held == NULL || sw->wake_fd < 0 || sw->event_fd < 0 || !vs_io_init(sw) || !vs_thread_start(sw)) {
        sw->stop = true;
        vs_switch_free(sw);
        return NULL;
    }
    return sw;
}

VS_EXPORT void vs_switch_free(struct vs_switch *sw)
{
    vs_keeper_stop(sw); /* first: it may be waiting for the packet thread */
    if (!sw->stop)
        vs_thread_stop(sw);
    vs_io_free(sw);
    struct vs_context *contexts[] = {&sw->live, &sw->test};
    for (int i = 0; i < 2; i++) {
        vs_context_detach(contexts[i]);
        vs_arena_free(contexts[i]);
    }
    vs_pipe_free(sw->pipe);
    vs_epoch_free(&sw->epoch);
    for (int i = 0; i < VS_EVENTS; i++)
        vs_queue_free(&sw->events[i]);
    vs_queue_free(&sw->jobs);
    free(sw->peeked);
    if (sw->held != NULL)
        vs_held_clear(sw->held);
    free(sw->held);
    close(sw->wake_fd);
    close(sw->event_fd);
    pthread_mutex_destroy(&sw->writer);
    free(sw);
}

/* -- program ------------------------------------------------------------------------------------------------- */

static void swap_pipe(struct vs_switch *sw, void *what)
{
    struct vs_pipe **pipe = what, *former = sw->pipe;
    vs_context_detach(&sw->live);
    vs_context_detach(&sw->test);
    sw->pipe = *pipe;
    *pipe = former;
    if (!vs_context_attach(&sw->live, sw->pipe) || !vs_context_attach(&sw->test, sw->pipe))
        abort(); /* a few kilobytes cannot be had */
    vs_held_clear(sw->held);
}

/* Makes `program` the pipeline with the operations done; 0, or a google.rpc.Code and the former one stays. */
VS_EXPORT int vs_load_program(struct vs_switch *sw, const struct vs_program *program, const u8 *ops, u32 count,
                              int *errors)
{
    if (program->abi != VS_ABI)
        return VS_BAD_ARGUMENT;
    pthread_mutex_lock(&sw->writer);
    struct vs_pipe *pipe = vs_pipe_new(program, &sw->epoch, vs_mix(sw->start_ns, 0x9e3779b97f4a7c15u));
    int result = VS_NO_MEMORY;
    if (pipe != NULL) {
        result = vs_ops_run(sw, pipe, ops, count, errors) == 0 ? VS_OK : VS_BAD_ARGUMENT;
        if (result == VS_OK)
            vs_call(sw, swap_pipe, &pipe);
        vs_pipe_free(pipe); /* the former one, or the one that failed */
    }
    pthread_mutex_unlock(&sw->writer);
    return result;
}

/* -- state --------------------------------------------------------------------------------------------------- */

struct batch {
    const u8 *ops;
    u32 count;
    int *errors;
    u32 failed;
};

static void run_batch(struct vs_switch *sw, void *what)
{
    struct batch *b = what;
    b->failed = vs_ops_run(sw, sw->pipe, b->ops, b->count, b->errors);
}

/* Does the operations; `between_bursts`: on the packet thread, so that packets see all or none of them. */
VS_EXPORT u32 vs_apply(struct vs_switch *sw, const u8 *ops, u32 count, int *errors, bool between_bursts)
{
    struct batch b = {ops, count, errors, 0};
    pthread_mutex_lock(&sw->writer);
    if (between_bursts)
        vs_call(sw, run_batch, &b);
    else
        run_batch(sw, &b);
    vs_reclaim(&sw->epoch);
    pthread_mutex_unlock(&sw->writer);
    return b.failed;
}

struct reading {
    u32 object, start, count;
    u64 *out;
};

static void read_counter(struct vs_switch *sw, void *what)
{
    const struct reading *r = what;
    const struct vs_array_desc *d = &sw->pipe->program->counter[r->object];
    for (u32 i = 0; i < r->count; i++) {
        struct vs_cell cell = {0, 0};
        if (d->direct) {
            const struct vs_entry *e = vs_table_entry(&sw->pipe->tables[d->table], r->start + i);
            if (e != NULL)
                cell = (struct vs_cell){vs_rest(e)->packets, vs_rest(e)->bytes};
        } else {
            cell = sw->pipe->counters[r->object][r->start + i];
        }
        r->out[2 * i] = cell.packets;
        r->out[2 * i + 1] = cell.bytes;
    }
}

static void read_register(struct vs_switch *sw, void *what)
{
    const struct reading *r = what;
    size_t words = sw->pipe->program->reg[r->object].words;
    memcpy(r->out, sw->pipe->registers[r->object] + r->start * words, r->count * words * sizeof(u64));
}

static void read_cells(struct vs_switch *sw, struct reading *r, void (*read)(struct vs_switch *, void *))
{
    pthread_mutex_lock(&sw->writer);
    vs_call(sw, read, r);
    pthread_mutex_unlock(&sw->writer);
}

/* Two words per cell: packets, bytes. */
VS_EXPORT void vs_read_counter(struct vs_switch *sw, u32 counter, u32 start, u32 count, u64 *out)
{
    read_cells(sw, &(struct reading){counter, start, count, out}, read_counter);
}

VS_EXPORT void vs_read_register(struct vs_switch *sw, u32 reg, u32 start, u32 count, u64 *out)
{
    read_cells(sw, &(struct reading){reg, start, count, out}, read_register);
}

/* Microseconds since the last hit. */
VS_EXPORT void vs_ages(struct vs_switch *sw, u32 table, u32 start, u32 count, u64 *out)
{
    pthread_mutex_lock(&sw->writer);
    u64 now = (vs_clock_ns() - sw->start_ns) / 1000;
    for (u32 i = 0; i < count; i++) {
        const struct vs_entry *e = vs_table_entry(&sw->pipe->tables[table], start + i);
        u64 hit = e == NULL ? now : vs_peek(&vs_rest(e)->last_hit_us);
        out[i] = now > hit ? now - hit : 0;
    }
    pthread_mutex_unlock(&sw->writer);
}

VS_EXPORT void vs_release_digest(struct vs_switch *sw, u32 digest, const u8 *data, u32 length)
{
    vs_release(sw, digest, data, length);
}

VS_EXPORT void vs_stats(struct vs_switch *sw, u64 *counts, u64 *lost_events)
{
    vs_count_losses(sw);
    for (int i = 0; i < VS_COUNTERS; i++)
        counts[i] = vs_peek(&sw->counts[i]);
    for (int i = 0; i < VS_EVENTS; i++)
        lost_events[i] = vs_peek(&sw->events[i].dropped);
}

/* -- events -------------------------------------------------------------------------------------------------- */

VS_EXPORT void vs_set_logging(struct vs_switch *sw, bool on) { vs_store(&sw->logging, on); }

VS_EXPORT int vs_event_fd(const struct vs_switch *sw) { return sw->event_fd; }

struct event_record {
    u32 size, kind, what, length;
    u64 number;
};

static struct vs_message *next_event(struct vs_switch *sw, u32 *kind)
{
    if (sw->peeked != NULL) {
        struct vs_message *m = sw->peeked;
        sw->peeked = NULL;
        *kind = sw->peeked_kind;
        return m;
    }
    for (*kind = 0; *kind < VS_EVENTS; ++*kind) {
        struct vs_message *m = vs_queue_take(&sw->events[*kind]);
        if (m != NULL)
            return m;
    }
    return NULL;
}

/* Moves up to `limit` events into `to` (records of a multiple of 8 bytes); returns the bytes used, or, if not even
 * one has room, minus the bytes it needs. One reader at a time. */
VS_EXPORT int64_t vs_take_events(struct vs_switch *sw, u8 *to, u64 room, u32 limit)
{
    u64 used = 0, ignored;
    ssize_t got = read(sw->event_fd, &ignored, sizeof ignored);
    (void)got;
    vs_store(&sw->signalled, 0);
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    struct vs_message *m = NULL;
    u32 kind;
    while (limit-- > 0 && (m = next_event(sw, &kind)) != NULL) {
        u32 size = (u32)((sizeof(struct event_record) + m->length + 7) / 8 * 8);
        if (used + size > room) {
            sw->peeked = m;
            sw->peeked_kind = kind;
            break;
        }
        *(struct event_record *)(void *)(to + used) = (struct event_record){size, kind, m->kind, m->length, m->number};
        memcpy(to + used + sizeof(struct event_record), m->data, m->length);
        used += size;
        free(m);
    }
    if (m != NULL && __atomic_exchange_n(&sw->signalled, 1, __ATOMIC_SEQ_CST) == 0) {
        u64 one = 1; /* perhaps more: stay readable */
        got = write(sw->event_fd, &one, sizeof one);
    }
    if (used == 0 && sw->peeked != NULL)
        return -(int64_t)(sizeof(struct event_record) + sw->peeked->length + 7);
    return (int64_t)used;
}

/* -- packets ------------------------------------------------------------------------------------------------- */

VS_EXPORT bool vs_send_packet_out(struct vs_switch *sw, const u8 *data, u32 length)
{
    return vs_packet_out(sw, data, length);
}

struct injection {
    u32 port, length;
    const u8 *data;
    u64 now_us;
    bool fixed_time;
    u8 *out; /* records: port, length, bytes */
    u64 used, room;
    bool failed;
};

static void collect(struct vs_context *c, u32 port, u8 *data, u32 length)
{
    struct injection *in = c->user;
    u64 need = 8 + (u64)length;
    if (in->used + need > in->room) {
        u64 room = (in->used + need) * 2;
        u8 *out = realloc(in->out, room);
        if (out == NULL) {
            in->failed = true;
            return;
        }
        in->out = out;
        in->room = room;
    }
    memcpy(in->out + in->used, &(u32[]){port, length}, 8);
    memcpy(in->out + in->used + 8, data, length);
    in->used += need;
    if (port == c->sw->options.cpu_port)
        vs_event_send(c->sw, VS_PACKET_IN, 0, 0, data, length);
}

static void inject(struct vs_switch *sw, void *what)
{
    struct injection *in = what;
    struct vs_context *c = &sw->test;
    if (sw->pipe == NULL) {
        vs_note(sw, VS_DROP_NO_PIPELINE);
        return;
    }
    u8 *copy = vs_arena_take(c, in->length + 1);
    if (copy == NULL) {
        in->failed = true;
        return;
    }
    memcpy(copy, in->data, in->length);
    c->user = in;
    c->emit = collect;
    c->now_us = in->now_us;
    c->fixed_time = in->fixed_time;
    if (!in->fixed_time)
        vs_now_us(c);
    vs_receive(c, in->port, &(struct vs_frame){copy, copy, in->length}, 1);
    vs_run_waiting(c, ~(u32)0);
    vs_burst_done(c);
}

/* Runs a frame through the pipeline; what leaves is in `*out` (for vs_free) as (u32 port, u32 length, bytes). */
VS_EXPORT int64_t vs_inject(struct vs_switch *sw, u32 port, const u8 *data, u32 length, bool fixed_time, u64 now_us,
                            u8 **out)
{
    struct injection in = {.port = port, .length = length, .data = data, .now_us = now_us, .fixed_time = fixed_time};
    vs_call(sw, inject, &in);
    *out = in.out;
    return in.failed ? -1 : (int64_t)in.used;
}

VS_EXPORT void vs_free(void *memory) { free(memory); }
