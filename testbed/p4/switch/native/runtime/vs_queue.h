/* Queues of messages between threads: any number of producers, one consumer, no locks (after Vyukov's intrusive
 * queue). Producing never waits. */
#ifndef VS_QUEUE_H
#define VS_QUEUE_H

#include "vs_base.h"

struct vs_message {
    struct vs_message *next;
    u32 kind, length;
    u64 number;
    u8 data[];
};

struct vs_queue {
    struct vs_message *head; /* producers exchange this */
    struct vs_message *tail; /* consumer only */
    struct vs_message stub;
    u32 count, capacity;
    u64 dropped;
};

void vs_queue_init(struct vs_queue *q, u32 capacity);
void vs_queue_free(struct vs_queue *q);
/* NULL: no memory. */
struct vs_message *vs_message_new(u32 kind, u64 number, const void *data, u32 length);
/* False: full (counted in `dropped`) or no memory. */
bool vs_queue_send(struct vs_queue *q, u32 kind, u64 number, const void *data, u32 length);
void vs_queue_put(struct vs_queue *q, struct vs_message *m);
/* The oldest message, now the caller's to free; NULL: none. */
struct vs_message *vs_queue_take(struct vs_queue *q);

VS_INLINE bool vs_queue_empty(const struct vs_queue *q) { return vs_peek(&q->count) == 0; }

#endif
