#include "vs_epoch.h"

/* Reclaiming costs a pass over the list: do it for a batch. */
#define RECLAIM_BATCH 256

void vs_epoch_init(struct vs_epoch *e)
{
    memset(e, 0, sizeof *e);
    e->current = 1;
    e->seen = VS_ASLEEP;
}

void vs_epoch_free(struct vs_epoch *e)
{
    for (size_t i = e->first; i < e->count; i++)
        vs_give(e->list[i].memory);
    free(e->list);
    e->list = NULL;
    e->count = e->capacity = e->first = 0;
}

void vs_retire(struct vs_epoch *e, void *memory)
{
    if (memory == NULL)
        return;
    if (e->count == e->capacity) {
        size_t live = e->count - e->first;
        size_t capacity = live * 2 > 1024 ? live * 2 : 1024;
        struct vs_retired *list = malloc(capacity * sizeof *list);
        if (list == NULL)
            return; /* leaked rather than freed too early */
        if (live != 0)
            memcpy(list, e->list + e->first, live * sizeof *list);
        free(e->list);
        e->list = list;
        e->capacity = capacity;
        e->count = live;
        e->first = 0;
    }
    e->list[e->count++] = (struct vs_retired){memory, __atomic_add_fetch(&e->current, 1, __ATOMIC_SEQ_CST)};
    if (e->count - e->first >= RECLAIM_BATCH && e->count % RECLAIM_BATCH == 0)
        vs_reclaim(e);
}

void vs_reclaim(struct vs_epoch *e)
{
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    u64 seen = vs_load(&e->seen);
    while (e->first < e->count && e->list[e->first].epoch <= seen)
        vs_give(e->list[e->first++].memory);
    if (e->first == e->count)
        e->first = e->count = 0;
}
