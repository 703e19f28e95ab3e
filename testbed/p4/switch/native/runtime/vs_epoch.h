/* When memory that a packet may still be looking at can be freed (quiescent-state-based reclamation). */
#ifndef VS_EPOCH_H
#define VS_EPOCH_H

#include "vs_heap.h"

struct vs_retired {
    void *memory;
    u64 epoch;
};

struct vs_epoch {
    u64 current; /* advanced by the writer with every retirement */
    u64 seen;    /* what the packet thread last saw of it, between two bursts; VS_ASLEEP: holds no pointer */
    struct vs_retired *list;
    size_t count, capacity, first;
};

#define VS_ASLEEP (~(u64)0)

/* Packet thread: I hold no pointer into the tables now. */
VS_INLINE void vs_quiescent(struct vs_epoch *e)
{
    vs_store(&e->seen, vs_load(&e->current));
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
}

/* Packet thread: ... nor will I until vs_quiescent. */
VS_INLINE void vs_go_offline(struct vs_epoch *e) { vs_store(&e->seen, VS_ASLEEP); }

void vs_epoch_init(struct vs_epoch *e);
void vs_epoch_free(struct vs_epoch *e);
/* Writer: `memory` is no longer reachable; give it back when the packet thread cannot hold it any more. */
void vs_retire(struct vs_epoch *e, void *memory);
/* Writer: free what can be freed. */
void vs_reclaim(struct vs_epoch *e);

#endif
