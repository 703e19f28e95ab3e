#include "vs_switch.h"

static void free_values(void **list, u32 count)
{
    for (u32 i = 0; list != NULL && i < count; i++)
        free(list[i]);
    free(list);
}

static bool make_arrays(struct vs_pipe *pipe, u64 seed)
{
    const struct vs_program *g = pipe->program;
    for (u32 i = 0; i < g->tables; i++)
        if (!vs_table_init(&pipe->tables[i], &g->table[i], vs_mix(seed + i, 0x9e3779b97f4a7c15u)))
            return false;
    for (u32 i = 0; i < g->profiles; i++) {
        pipe->members[i] = vs_hash_new(0, seed);
        pipe->groups[i] = vs_hash_new(0, seed);
        if (pipe->members[i] == NULL || pipe->groups[i] == NULL)
            return false;
    }
    /* One cell more than the program has: calloc(0) may give NULL. */
    for (u32 i = 0; i < g->counters; i++)
        if (!g->counter[i].direct && (pipe->counters[i] = calloc(g->counter[i].size + 1, sizeof(struct vs_cell))) == NULL)
            return false;
    for (u32 i = 0; i < g->meters; i++)
        if (!g->meter[i].direct && (pipe->meters[i] = calloc(g->meter[i].size + 1, sizeof(void *))) == NULL)
            return false;
    for (u32 i = 0; i < g->registers; i++)
        if ((pipe->registers[i] = calloc((size_t)g->reg[i].size * g->reg[i].words + 1, sizeof(u64))) == NULL)
            return false;
    return true;
}

struct vs_pipe *vs_pipe_new(const struct vs_program *program, struct vs_epoch *epoch, u64 seed)
{
    struct vs_pipe *pipe = calloc(1, sizeof *pipe);
    if (pipe == NULL)
        return NULL;
    pipe->program = program;
    pipe->epoch = epoch;
    pipe->tables = calloc(program->tables + 1, sizeof *pipe->tables);
    pipe->members = calloc(program->profiles + 1, sizeof *pipe->members);
    pipe->groups = calloc(program->profiles + 1, sizeof *pipe->groups);
    pipe->counters = calloc(program->counters + 1, sizeof *pipe->counters);
    pipe->meters = calloc(program->meters + 1, sizeof *pipe->meters);
    pipe->registers = calloc(program->registers + 1, sizeof *pipe->registers);
    pipe->value_sets = calloc(program->value_sets + 1, sizeof *pipe->value_sets);
    pipe->digest_mode = calloc(program->digests + 1, 1);
    /* Large and mostly empty: calloc maps pages that cost nothing until they are used. */
    pipe->multicast = calloc(VS_MAX_GROUPS, sizeof *pipe->multicast);
    pipe->sessions = calloc(VS_MAX_SESSIONS, sizeof *pipe->sessions);
    if (pipe->tables == NULL || pipe->members == NULL || pipe->groups == NULL || pipe->counters == NULL ||
        pipe->meters == NULL || pipe->registers == NULL || pipe->value_sets == NULL || pipe->digest_mode == NULL ||
        pipe->multicast == NULL || pipe->sessions == NULL || !make_arrays(pipe, seed)) {
        vs_pipe_free(pipe);
        return NULL;
    }
    return pipe;
}

static void free_members(struct vs_hash *set, bool groups)
{
    for (u64 i = 0; set != NULL && i <= set->mask; i++) {
        if (set->slot[i] > VS_SLOT_DEAD) {
            /* A member holds an action first, a group its buckets. */
            void *object = VS_SLOT_PTR(set->slot[i]);
            free(groups ? (void *)((struct vs_group *)object)->buckets : (void *)((struct vs_member *)object)->act);
            free(object);
        }
    }
    free(set);
}

void vs_pipe_free(struct vs_pipe *pipe)
{
    if (pipe == NULL)
        return;
    const struct vs_program *g = pipe->program;
    for (u32 i = 0; pipe->tables != NULL && i < g->tables; i++)
        vs_table_free(&pipe->tables[i]);
    for (u32 i = 0; i < g->profiles; i++) {
        if (pipe->members != NULL)
            free_members(pipe->members[i], false);
        if (pipe->groups != NULL)
            free_members(pipe->groups[i], true);
    }
    for (u32 i = 0; pipe->meters != NULL && i < g->meters; i++)
        free_values((void **)pipe->meters[i], g->meter[i].size);
    free_values((void **)pipe->counters, g->counters);
    free_values((void **)pipe->registers, g->registers);
    free_values((void **)pipe->value_sets, g->value_sets);
    free_values((void **)pipe->multicast, VS_MAX_GROUPS);
    free_values((void **)pipe->sessions, VS_MAX_SESSIONS);
    free(pipe->meters);
    free(pipe->tables);
    free(pipe->members);
    free(pipe->groups);
    free(pipe->digest_mode);
    free(pipe);
}

bool vs_in_value_set(const struct vs_values *v, const u8 *key, const u8 *case_mask)
{
    for (u32 i = 0; v != NULL && i < v->count; i++) {
        const u8 *value = v->member + (size_t)i * 2 * v->bytes, *mask = value + v->bytes;
        u8 differs = 0;
        for (u32 b = 0; b < v->bytes; b++)
            differs |= (u8)((key[b] ^ value[b]) & mask[b] & (case_mask == NULL ? 0xff : case_mask[b]));
        if (differs == 0)
            return true;
    }
    return false;
}

/* Which of the buckets with a live watch port the hash chooses. */
const struct vs_act *vs_resolve_group(struct vs_context *c, const struct vs_group *group, u64 hash)
{
    const struct vs_buckets *b = vs_load(&group->buckets);
    if (!b->watched)
        return b->count == 0 ? NULL : vs_load(&b->bucket[hash % b->count].member->act);
    u32 live = 0;
    for (u32 i = 0; i < b->count; i++)
        live += vs_bucket_live(c, b->bucket[i].port);
    if (live == 0)
        return NULL;
    u64 choice = hash % live;
    for (u32 i = 0; i < b->count; i++)
        if (vs_bucket_live(c, b->bucket[i].port) && choice-- == 0)
            return vs_load(&b->bucket[i].member->act);
    return NULL;
}
