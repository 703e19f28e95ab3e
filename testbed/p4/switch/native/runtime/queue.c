#include "vs_queue.h"

void vs_queue_init(struct vs_queue *q, u32 capacity)
{
    memset(q, 0, sizeof *q);
    q->head = q->tail = &q->stub;
    q->capacity = capacity;
}

void vs_queue_free(struct vs_queue *q)
{
    struct vs_message *m;
    while ((m = vs_queue_take(q)) != NULL)
        free(m);
}

static void link_in(struct vs_queue *q, struct vs_message *m)
{
    m->next = NULL;
    struct vs_message *former = __atomic_exchange_n(&q->head, m, __ATOMIC_ACQ_REL);
    vs_store(&former->next, m);
}

void vs_queue_put(struct vs_queue *q, struct vs_message *m)
{
    link_in(q, m);
    __atomic_add_fetch(&q->count, 1, __ATOMIC_SEQ_CST);
}

struct vs_message *vs_message_new(u32 kind, u64 number, const void *data, u32 length)
{
    struct vs_message *m = malloc(sizeof *m + length);
    if (m == NULL)
        return NULL;
    m->kind = kind;
    m->number = number;
    m->length = length;
    if (length != 0)
        memcpy(m->data, data, length);
    return m;
}

bool vs_queue_send(struct vs_queue *q, u32 kind, u64 number, const void *data, u32 length)
{
    struct vs_message *m =
        vs_peek(&q->count) < q->capacity ? vs_message_new(kind, number, data, length) : NULL;
    if (m == NULL) {
        __atomic_add_fetch(&q->dropped, 1, __ATOMIC_RELAXED);
        return false;
    }
    vs_queue_put(q, m);
    return true;
}

/* The message after the consumer's, or NULL while a producer is between its two steps. */
static struct vs_message *advance(struct vs_queue *q)
{
    struct vs_message *tail = q->tail, *next = vs_load(&tail->next);
    if (tail == &q->stub) {
        if (next == NULL)
            return NULL;
        q->tail = tail = next;
        next = vs_load(&tail->next);
    }
    if (next == NULL && tail == vs_load(&q->head)) {
        link_in(q, &q->stub);
        next = vs_load(&tail->next);
    }
    if (next == NULL)
        return NULL;
    q->tail = next;
    return tail;
}

struct vs_message *vs_queue_take(struct vs_queue *q)
{
    struct vs_message *m = advance(q);
    if (m != NULL)
        __atomic_sub_fetch(&q->count, 1, __ATOMIC_SEQ_CST);
    return m;
}
