/* What happens between and after the two pipelines, as simple_switch does it: at the end of ingress clone, learn,
 * resubmit, multicast, drop or unicast; at the end of egress clone, drop, deparse, recirculate or transmit. */
#include "vs_switch.h"

/* Packets that wait to be run again; simple_switch drops beyond the same number. */
#define WAITING_MAX 1024
/* Rounds through the switch after which a packet is dropped: a program that always sends it round again is wrong. */
#define GENERATIONS_MAX 4096

/* A packet to run again, its buffer and, for egress, its PHV behind it. */
struct vs_work {
    struct vs_work *next;
    struct vs_packet packet;
    bool egress;
    size_t phv_at; /* from the start of this struct */
};

static struct vs_phv *phv_of(struct vs_work *w) { return (struct vs_phv *)((u8 *)w + w->phv_at); }

/* What waits for egress first: it left ingress before what waits for ingress enters it. */
static struct vs_work *next_work(struct vs_context *c)
{
    struct vs_worklist *list = &c->work[c->work[1].first != NULL];
    struct vs_work *w = list->first;
    if (w == NULL)
        return NULL;
    list->first = w->next;
    if (list->first == NULL)
        list->last = NULL;
    c->waiting--;
    return w;
}

bool vs_context_attach(struct vs_context *c, struct vs_pipe *pipe)
{
    size_t bytes = (pipe->program->phv_bytes + 63) / 64 * 64;
    u8 *memory = aligned_alloc(64, bytes * VS_PHVS);
    if (memory == NULL)
        return false;
    memset(memory, 0, bytes * VS_PHVS);
    for (int i = 0; i < VS_PHVS; i++)
        c->phv[i] = (struct vs_phv *)(memory + bytes * (size_t)i);
    c->phv_bytes = pipe->program->phv_bytes;
    c->pipe = pipe;
    return true;
}

void vs_context_detach(struct vs_context *c)
{
    vs_burst_done(c);
    struct vs_work *w;
    while ((w = next_work(c)) != NULL)
        free(w);
    free(c->phv[0]);
    memset(c->phv, 0, sizeof c->phv);
    c->pipe = NULL;
}

/* Queue a copy of `k` with `length` bytes of `data` as its packet; NULL: dropped and counted. */
static struct vs_work *send_round(struct vs_context *c, const struct vs_packet *k, const u8 *data, u32 length,
                                  bool egress)
{
    if (k->generation >= GENERATIONS_MAX || c->waiting >= WAITING_MAX) {
        vs_note(c->sw, VS_DROP_LOOP);
        return NULL;
    }
    size_t phv_at = (sizeof(struct vs_work) + 63) / 64 * 64;
    size_t data_at = phv_at + (c->phv_bytes + 63) / 64 * 64;
    size_t bytes = (data_at + length + 63) / 64 * 64;
    struct vs_work *w = aligned_alloc(64, bytes);
    if (w == NULL) {
        vs_note(c->sw, VS_DROP_MEMORY);
        return NULL;
    }
    w->next = NULL;
    w->packet = *k;
    w->packet.generation++;
    w->egress = egress;
    w->phv_at = phv_at;
    w->packet.floor = w->packet.data = (u8 *)w + data_at;
    w->packet.length = length;
    memcpy(w->packet.data, data, length);
    struct vs_worklist *list = &c->work[egress];
    if (list->last == NULL)
        list->first = w;
    else
        list->last->next = w;
    list->last = w;
    c->waiting++;
    return w;
}

/* simple_switch clears the marks of what was asked for whenever a packet starts over. */
static void clear_requests(struct vs_packet *k)
{
    k->clone_session = 0;
    k->clone_list = k->learn_list = k->resubmit_list = k->recirculate_list = 0;
    k->exited = false;
}

static void resume_ingress(struct vs_context *c, const struct vs_phv *p, const struct vs_packet *k, const u8 *data,
                           u32 length, u32 list, enum vs_instance instance)
{
    const struct vs_program *program = c->pipe->program;
    struct vs_work *w = send_round(c, k, data, length, false);
    if (w == NULL)
        return;
    memset(phv_of(w), 0, c->phv_bytes);
    program->copy_list(phv_of(w), p, list);
    clear_requests(&w->packet);
    w->packet.instance_type = instance;
    w->packet.packet_length = length;
    w->packet.resumed = true;
    w->packet.parsed = false;
    w->packet.has_rid = false;
    w->packet.truncate = ~(u32)0;
    if (instance == VS_RECIRCULATED)
        w->packet.ingress_length = length;
}

static void transmit(struct vs_context *c, const struct vs_phv *p, struct vs_packet *k, u32 headers)
{
    u8 *start = k->payload - headers;
    u32 length = headers + k->payload_length;
    if ((size_t)(k->payload - k->floor) < headers) {
        u8 *copy = vs_arena_take(c, length);
        if (copy == NULL) {
            vs_note(c->sw, VS_DROP_MEMORY);
            return;
        }
        start = copy;
        memcpy(start + headers, k->payload, k->payload_length);
    }
    c->pipe->program->deparse(p, start);
    if (k->recirculate_list != 0) {
        resume_ingress(c, p, k, start, length, k->recirculate_list, VS_RECIRCULATED);
        return;
    }
    if (length > k->truncate)
        length = k->truncate;
    c->emit(c, k->egress_port, start, length);
}

static void clone_at_egress(struct vs_context *c, const struct vs_phv *p, const struct vs_packet *k)
{
    const struct vs_replicas *session = vs_load(&c->pipe->sessions[k->clone_session & ~VS_SESSION_SET]);
    if (session == NULL)
        return;
    for (u32 i = 0; i < session->count; i++) {
        struct vs_work *w = send_round(c, k, k->payload, k->payload_length, true);
        if (w == NULL)
            return;
        memcpy(phv_of(w), p, c->phv_bytes);
        c->pipe->program->reset_metadata(phv_of(w));
        c->pipe->program->copy_list(phv_of(w), p, k->clone_list);
        clear_requests(&w->packet);
        w->packet.payload = w->packet.data;
        w->packet.payload_length = k->payload_length;
        w->packet.instance_type = VS_EGRESS_CLONE;
        w->packet.egress_port = session->replica[i].port;
        w->packet.egress_rid = session->replica[i].rid;
        w->packet.has_rid = true;
        w->packet.enqueue_us = c->now_us;
        w->packet.truncate = session->truncate != 0 ? session->truncate : ~(u32)0;
    }
}

static void egress(struct vs_context *c, struct vs_phv *p, struct vs_packet *k)
{
    const struct vs_program *program = c->pipe->program;
    if (program->wants_time)
        vs_now_us(c);
    program->egress(c, p, k);
    if (VS_UNLIKELY(k->failed)) {
        vs_note(c->sw, VS_DROP_ASSERT);
        return;
    }
    if (VS_UNLIKELY(k->clone_session != 0))
        clone_at_egress(c, p, k);
    if (k->egress_spec == c->sw->options.drop_port) {
        vs_note(c->sw, VS_DROP_EGRESS);
        return;
    }
    u32 headers = program->measure(c, p, k);
    if (VS_UNLIKELY(k->failed))
        vs_note(c->sw, VS_DROP_ASSERT);
    else
        transmit(c, p, k, headers);
}

/* One copy of packet `k` with the fields of `p`; neither changes. */
static void replicate(struct vs_context *c, const struct vs_phv *p, const struct vs_packet *k,
                      const struct vs_replica *to)
{
    struct vs_packet copy = *k;
    struct vs_phv *work = c->phv[VS_PHV_COPY];
    memcpy(work, p, c->phv_bytes);
    clear_requests(&copy);
    copy.floor = copy.payload; /* others share the payload: the headers need a buffer of their own */
    copy.egress_port = to->port;
    copy.egress_rid = to->rid;
    copy.has_rid = true;
    egress(c, work, &copy);
}

static void clone_at_ingress(struct vs_context *c, const struct vs_phv *p, const struct vs_packet *k)
{
    const struct vs_program *program = c->pipe->program;
    const struct vs_replicas *session = vs_load(&c->pipe->sessions[k->clone_session & ~VS_SESSION_SET]);
    if (session == NULL)
        return;
    struct vs_packet clone = *k;
    struct vs_phv *base = c->phv[VS_PHV_CLONE];
    memset(base, 0, c->phv_bytes);
    clear_requests(&clone);
    /* The clone is the packet as it came: parse it again, now that ingress has changed the fields. */
    clone.resumed = true;
    clone.packet_length = k->length;
    clone.truncate = ~(u32)0;
    program->parse(c, base, &clone);
    if (clone.failed) {
        vs_note(c->sw, VS_DROP_ASSERT);
        return;
    }
    program->reset_metadata(base);
    program->copy_list(base, p, k->clone_list);
    clone.instance_type = VS_INGRESS_CLONE;
    clone.truncate = session->truncate != 0 ? session->truncate : ~(u32)0;
    for (u32 i = 0; i < session->count; i++)
        replicate(c, base, &clone, &session->replica[i]);
}

static void multicast(struct vs_context *c, struct vs_phv *p, struct vs_packet *k)
{
    const struct vs_replicas *group =
        k->mcast_group < VS_MAX_GROUPS ? vs_load(&c->pipe->multicast[k->mcast_group]) : NULL;
    if (group == NULL || group->count == 0) {
        vs_note(c->sw, VS_DROP_INGRESS);
        return;
    }
    k->instance_type = VS_REPLICA;
    k->truncate = ~(u32)0;
    u32 last = group->count - 1;
    for (u32 i = 0; i < last; i++)
        replicate(c, p, k, &group->replica[i]);
    /* Nobody needs the original after this: no copy. */
    clear_requests(k);
    k->egress_port = group->replica[last].port;
    k->egress_rid = group->replica[last].rid;
    k->has_rid = true;
    egress(c, p, k);
}

static void ingress(struct vs_context *c, struct vs_phv *p, struct vs_packet *k)
{
    const struct vs_program *program = c->pipe->program;
    if (program->wants_time)
        vs_now_us(c);
    program->ingress(c, p, k);
    if (VS_UNLIKELY(k->failed)) {
        vs_note(c->sw, VS_DROP_ASSERT);
        return;
    }
    k->exited = false;
    k->enqueue_us = c->now_us;
    if (VS_UNLIKELY(k->clone_session != 0))
        clone_at_ingress(c, p, k);
    k->clone_session = 0;
    k->clone_list = 0;
    if (VS_UNLIKELY(k->learn_list != 0))
        program->learn(c, p, k);
    if (VS_UNLIKELY(k->resubmit_list != 0)) {
        resume_ingress(c, p, k, k->data, k->length, k->resubmit_list, VS_RESUBMITTED);
    } else if (k->mcast_group == 0 && k->egress_spec == c->sw->options.drop_port) {
        vs_note(c->sw, VS_DROP_INGRESS);
    } else if (VS_UNLIKELY(k->priority >= c->sw->options.priorities)) {
        vs_note(c->sw, VS_DROP_PRIORITY);
    } else if (k->mcast_group != 0) {
        multicast(c, p, k);
    } else {
        k->instance_type = VS_NORMAL;
        k->egress_port = k->egress_spec;
        egress(c, p, k);
    }
}

void vs_receive(struct vs_context *c, u32 port, const struct vs_frame *frame, u32 count)
{
    struct vs_packet packet[VS_FRAMES];
    if (vs_look_ahead(c, port, frame, count, packet)) {
        for (u32 i = 0; i < count; i++)
            ingress(c, c->phv[VS_PHV_AHEAD + i], &packet[i]);
        return;
    }
    for (u32 i = 0; i < count; i++) {
        vs_arrive(&packet[0], port, frame[i]);
        memset(c->phv[VS_PHV_MAIN], 0, c->phv_bytes);
        ingress(c, c->phv[VS_PHV_MAIN], &packet[0]);
    }
}

void vs_run_waiting(struct vs_context *c, u32 limit)
{
    struct vs_work *w;
    while (limit-- > 0 && (w = next_work(c)) != NULL) {
        if (w->egress)
            egress(c, phv_of(w), &w->packet);
        else
            ingress(c, phv_of(w), &w->packet);
        /* What was emitted may lie in its buffer: it goes when the burst is sent. */
        w->next = c->spent;
        c->spent = w;
    }
}

void vs_burst_done(struct vs_context *c)
{
    while (c->spent != NULL) {
        struct vs_work *next = c->spent->next;
        free(c->spent);
        c->spent = next;
    }
    vs_arena_reset(c);
}
