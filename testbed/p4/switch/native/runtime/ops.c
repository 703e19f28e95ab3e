/* Operations of the control plane, from the byte string that engine.py packs (a record per operation). */
#include "vs_switch.h"

enum { OP_TABLE = 1, OP_DEFAULT, OP_MEMBER, OP_GROUP, OP_MULTICAST, OP_CLONE, OP_COUNTER, OP_METER, OP_REGISTER,
       OP_VALUE_SET, OP_DIGEST };
enum { INSERT = 1, MODIFY, DELETE };
enum { NO_ACTION = -3, TO_GROUP = -2, TO_MEMBER = -1 };

/* Followed by `key`, `mask` and `data` of the given lengths; `size` is all of it, a multiple of 8. */
struct op {
    u32 size;
    u8 type, verb;
    u16 prefix_len;
    u32 object, cell, priority;
    int32_t action;
    u32 ref, key_bytes, mask_bytes, data_bytes;
    u64 number;
    u8 bytes[];
};

struct bucket {
    u32 member, weight;
    int32_t watch_port;
};

/* Every change runs in one of these. */
struct change {
    struct vs_switch *sw;
    struct vs_pipe *pipe;
    const struct op *op;
    const u8 *data;
};

static size_t act_bytes(const struct change *c)
{
    return sizeof(struct vs_act) +
           (c->op->action < 0 ? 0 : c->pipe->program->action[c->op->action].words * sizeof(u64));
}

static struct vs_act *new_act(const struct change *c)
{
    const struct op *op = c->op;
    if (op->action >= 0) {
        const struct vs_action_desc *d = &c->pipe->program->action[op->action];
        struct vs_act *act = calloc(1, act_bytes(c));
        if (act == NULL)
            return NULL;
        act->kind = VS_DIRECT;
        act->action = (u32)op->action;
        const u8 *from = c->data;
        for (unsigned i = 0; i < d->params; i++) {
            unsigned bytes = (d->param[i].bits + 7u) / 8;
            for (unsigned b = 0; b < bytes; b++)
                act->data[d->param[i].word + b / 8] |= (u64)from[bytes - 1 - b] << (b % 8 * 8);
            from += bytes;
        }
        return act;
    }
    struct vs_act *act = calloc(1, sizeof *act);
    u64 id = op->ref;
    if (act == NULL)
        return NULL;
    if (op->action == TO_MEMBER) {
        act->kind = VS_TO_MEMBER;
        int profile = op->type == OP_MEMBER ? (int)op->object : c->pipe->program->table[op->object].profile;
        act->member = vs_hash_find(c->pipe->members[profile], &id, 1, offsetof(struct vs_member, id));
        if (act->member != NULL)
            return act;
    } else {
        act->kind = VS_TO_GROUP;
        act->group = vs_hash_find(c->pipe->groups[c->pipe->program->table[op->object].profile], &id, 1,
                                  offsetof(struct vs_group, id));
        if (act->group != NULL)
            return act;
    }
    free(act);
    return NULL;
}

static int change_table(const struct change *c)
{
    const struct op *op = c->op;
    struct vs_table *t = &c->pipe->tables[op->object];
    if (op->verb == DELETE)
        return vs_table_delete(t, op->cell, c->pipe->epoch);
    struct vs_entry_spec spec = {
        .handle = op->cell,
        .priority = op->priority,
        .prefix_len = op->prefix_len,
        .key = op->bytes,
        .mask = op->bytes + op->key_bytes,
        .act = new_act(c),
        .act_bytes = act_bytes(c),
        .idle_us = op->number,
        .now_us = (vs_clock_ns() - c->sw->start_ns) / 1000,
    };
    if (spec.act == NULL)
        return VS_BAD_ARGUMENT;
    return op->verb == INSERT ? vs_table_insert(t, &spec, c->pipe->epoch) : vs_table_modify(t, &spec, c->pipe->epoch);
}

static int change_default(const struct change *c)
{
    struct vs_table *t = &c->pipe->tables[c->op->object];
    struct vs_act *act = NULL;
    if (c->op->action != NO_ACTION && (act = new_act(c)) == NULL)
        return VS_BAD_ARGUMENT;
    struct vs_act *former = t->fallback;
    vs_store(&t->fallback, act);
    vs_retire(c->pipe->epoch, former);
    return VS_OK;
}

static int change_member(const struct change *c)
{
    struct vs_hash **set = &c->pipe->members[c->op->object];
    u64 id = c->op->cell;
    struct vs_member *m = vs_hash_find(*set, &id, 1, offsetof(struct vs_member, id));
    if ((c->op->verb == INSERT) != (m == NULL))
        return VS_BAD_ARGUMENT;
    if (c->op->verb == DELETE) {
        vs_hash_remove(*set, m, offsetof(struct vs_member, id), 1);
        vs_retire(c->pipe->epoch, m->act);
        vs_retire(c->pipe->epoch, m);
        return VS_OK;
    }
    struct vs_act *act = new_act(c);
    if (act == NULL)
        return VS_NO_MEMORY;
    if (m != NULL) {
        struct vs_act *former = m->act;
        vs_store(&m->act, act);
        vs_retire(c->pipe->epoch, former);
        return VS_OK;
    }
    m = calloc(1, sizeof *m);
    if (m == NULL) {
        free(act);
        return VS_NO_MEMORY;
    }
    m->act = act;
    m->id = id;
    if (vs_hash_insert(set, m, offsetof(struct vs_member, id), 1, c->pipe->epoch))
        return VS_OK;
    free(act);
    free(m);
    return VS_NO_MEMORY;
}

static struct vs_buckets *new_buckets(const struct change *c, int *error)
{
    u32 given = c->op->data_bytes / (u32)sizeof(struct bucket), count = 0;
    const struct bucket *from = (const struct bucket *)(const void *)c->data;
    for (u32 i = 0; i < given; i++)
        count += from[i].weight;
    struct vs_buckets *b = calloc(1, sizeof *b + count * sizeof b->bucket[0]);
    *error = b == NULL ? VS_NO_MEMORY : VS_OK;
    for (u32 i = 0; b != NULL && i < given; i++) {
        u64 id = from[i].member;
        struct vs_member *m =
            vs_hash_find(c->pipe->members[c->op->object], &id, 1, offsetof(struct vs_member, id));
        if (m == NULL) {
            *error = VS_BAD_ARGUMENT;
            free(b);
            return NULL;
        }
        b->watched |= from[i].watch_port >= 0;
        for (u32 w = 0; w < from[i].weight; w++) {
            b->bucket[b->count].member = m;
            b->bucket[b->count++].port = from[i].watch_port;
        }
    }
    return b;
}

static int change_group(const struct change *c)
{
    struct vs_hash **set = &c->pipe->groups[c->op->object];
    u64 id = c->op->cell;
    struct vs_group *g = vs_hash_find(*set, &id, 1, offsetof(struct vs_group, id));
    int error;
    if ((c->op->verb == INSERT) != (g == NULL))
        return VS_BAD_ARGUMENT;
    if (c->op->verb == DELETE) {
        vs_hash_remove(*set, g, offsetof(struct vs_group, id), 1);
        vs_retire(c->pipe->epoch, g->buckets);
        vs_retire(c->pipe->epoch, g);
        return VS_OK;
    }
    struct vs_buckets *b = new_buckets(c, &error);
    if (b == NULL)
        return error;
    if (g != NULL) {
        struct vs_buckets *former = g->buckets;
        vs_store(&g->buckets, b);
        vs_retire(c->pipe->epoch, former);
        return VS_OK;
    }
    g = calloc(1, sizeof *g);
    if (g != NULL) {
        g->buckets = b;
        g->id = id;
        if (vs_hash_insert(set, g, offsetof(struct vs_group, id), 1, c->pipe->epoch))
            return VS_OK;
    }
    free(g);
    free(b);
    return VS_NO_MEMORY;
}

static int change_replicas(const struct change *c)
{
    struct vs_replicas **at =
        c->op->type == OP_MULTICAST ? &c->pipe->multicast[c->op->object] : &c->pipe->sessions[c->op->object];
    struct vs_replicas *fresh = NULL, *former = *at;
    if (c->op->verb != DELETE) {
        fresh = malloc(sizeof *fresh + c->op->data_bytes);
        if (fresh == NULL)
            return VS_NO_MEMORY;
        fresh->count = c->op->data_bytes / (u32)sizeof fresh->replica[0];
        fresh->truncate = (u32)c->op->number;
        memcpy(fresh->replica, c->data, c->op->data_bytes);
    }
    vs_store(at, fresh);
    vs_retire(c->pipe->epoch, former);
    return VS_OK;
}

/* Only on the packet thread, or before it has the program: it adds to the cells without locks. */
static int change_cell(const struct change *c)
{
    const struct vs_program *g = c->pipe->program;
    const u64 *value = (const u64 *)(const void *)c->data;
    if (c->op->type == OP_REGISTER) {
        u32 words = g->reg[c->op->object].words;
        memcpy(c->pipe->registers[c->op->object] + (size_t)c->op->cell * words, value, words * sizeof *value);
        return VS_OK;
    }
    const struct vs_array_desc *d = &g->counter[c->op->object];
    if (!d->direct) {
        c->pipe->counters[c->op->object][c->op->cell] = (struct vs_cell){value[0], value[1]};
        return VS_OK;
    }
    struct vs_entry *entry = vs_table_entry(&c->pipe->tables[d->table], c->op->cell);
    if (entry == NULL)
        return VS_BAD_ARGUMENT;
    vs_rest(entry)->packets = value[0];
    vs_rest(entry)->bytes = value[1];
    return VS_OK;
}

static int change_meter(const struct change *c)
{
    const struct vs_array_desc *d = &c->pipe->program->meter[c->op->object];
    const u64 *v = (const u64 *)(const void *)c->data; /* cir, cburst, pir, pburst */
    struct vs_meter **at, *fresh = NULL;
    if (d->direct) {
        struct vs_entry *entry = vs_table_entry(&c->pipe->tables[d->table], c->op->cell);
        if (entry == NULL)
            return VS_BAD_ARGUMENT;
        at = &vs_rest(entry)->meter;
    } else {
        at = &c->pipe->meters[c->op->object][c->op->cell];
    }
    if (c->op->verb != DELETE) {
        fresh = calloc(1, sizeof *fresh);
        if (fresh == NULL)
            return VS_NO_MEMORY;
        fresh->committed.rate = (double)v[0] / 1e6;
        fresh->committed.burst = fresh->committed.tokens = v[1];
        fresh->peak.rate = (double)v[2] / 1e6;
        fresh->peak.burst = fresh->peak.tokens = v[3];
        fresh->rates = d->rates;
        fresh->origin_us = (vs_clock_ns() - c->sw->start_ns) / 1000;
    }
    struct vs_meter *former = *at;
    vs_store(at, fresh);
    vs_retire(c->pipe->epoch, former);
    return VS_OK;
}

static int change_value_set(const struct change *c)
{
    u32 bytes = c->op->cell;
    struct vs_values *former = c->pipe->value_sets[c->op->object], *fresh = malloc(sizeof *fresh + c->op->data_bytes);
    if (fresh == NULL)
        return VS_NO_MEMORY;
    fresh->bytes = bytes;
    fresh->count = bytes == 0 ? 0 : c->op->data_bytes / (2 * bytes);
    memcpy(fresh->member, c->data, c->op->data_bytes);
    vs_store(&c->pipe->value_sets[c->op->object], fresh);
    vs_retire(c->pipe->epoch, former);
    return VS_OK;
}

static int change(const struct change *c)
{
    switch (c->op->type) {
    case OP_TABLE: return change_table(c);
    case OP_DEFAULT: return change_default(c);
    case OP_MEMBER: return change_member(c);
    case OP_GROUP: return change_group(c);
    case OP_MULTICAST:
    case OP_CLONE: return change_replicas(c);
    case OP_COUNTER:
    case OP_REGISTER: return change_cell(c);
    case OP_METER: return change_meter(c);
    case OP_VALUE_SET: return change_value_set(c);
    case OP_DIGEST: vs_poke(&c->pipe->digest_mode[c->op->object], (u8)c->op->cell); return VS_OK;
    default: return VS_BAD_ARGUMENT;
    }
}

u32 vs_ops_run(struct vs_switch *sw, struct vs_pipe *pipe, const u8 *ops, u32 count, int *errors)
{
    u32 failed = 0;
    for (u32 i = 0; i < count; i++) {
        struct change c = {sw, pipe, (const struct op *)(const void *)ops, NULL};
        /* The data starts on a word. */
        c.data = c.op->bytes + (c.op->key_bytes + c.op->mask_bytes + 7) / 8 * 8;
        errors[i] = change(&c);
        failed += errors[i] != VS_OK;
        ops += c.op->size;
    }
    return failed;
}
