/* Messages to the control plane, and what the generated code asks of the runtime. */
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "vs_switch.h"

u64 vs_clock_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (u64)t.tv_sec * 1000000000u + (u64)t.tv_nsec;
}

u64 vs_now_us(struct vs_context *c)
{
    if (!c->fixed_time)
        c->now_us = (vs_clock_ns() - c->sw->start_ns) / 1000;
    return c->now_us;
}

bool vs_event_send(struct vs_switch *sw, enum vs_event kind, u32 what, u64 number, const void *data, u32 length)
{
    if (!vs_queue_send(&sw->events[kind], what, number, data, length))
        return false;
    /* One wake-up is enough until the reader has come. */
    if (__atomic_exchange_n(&sw->signalled, 1, __ATOMIC_SEQ_CST) == 0) {
        u64 one = 1;
        ssize_t written = write(sw->event_fd, &one, sizeof one);
        (void)written; /* the counter cannot be full */
    }
    return true;
}

/* splitmix64, one draw per call: every engine gives the same numbers for a seed. */
u64 vs_random(struct vs_context *c, u64 low, u64 high)
{
    u64 z = c->sw->random += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    z ^= z >> 31;
    return high - low == ~(u64)0 ? z : low + z % (high - low + 1);
}

/* The numbers go along behind the text, in words with their count before them: Python prints large numbers. */
void vs_log_message(struct vs_context *c, const char *format, const u64 *const *values, const u32 *words, u32 count)
{
    size_t text = strlen(format), bytes = text;
    if (!vs_peek(&c->sw->logging))
        return;
    for (u32 i = 0; i < count; i++)
        bytes += sizeof(u32) + words[i] * sizeof(u64);
    u8 *message = vs_arena_take(c, bytes), *to = message;
    if (message == NULL)
        return;
    memcpy(to, format, text);
    to += text;
    for (u32 i = 0; i < count; i++) {
        memcpy(to, &words[i], sizeof words[i]);
        memcpy(to + sizeof words[i], values[i], words[i] * sizeof(u64));
        to += sizeof words[i] + words[i] * sizeof(u64);
    }
    vs_event_send(c->sw, VS_LOG, (u32)text, count, message, (u32)bytes);
}

void vs_assertion_failed(struct vs_context *c, const char *what) { vs_log_message(c, what, NULL, NULL, 0); }
