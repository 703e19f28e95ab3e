/* The pipeline by itself, without packet I/O, for the benchmark. */
#include <time.h>

#include "vs_switch.h"

/* As many copies of a frame as a burst of a port has. */
#define BURST 64
#define ROOM 512

struct measurement {
    u32 port, length;
    const u8 *frames; /* `kinds` frames of `length` bytes, taken in turn */
    u32 kinds;
    u64 count, left, ns;
};

static void sink(struct vs_context *c, u32 port, u8 *data, u32 length)
{
    (void)port, (void)data, (void)length;
    ((struct measurement *)c->user)->left++;
}

/* Of this thread: what others do on the machine is not the pipeline's time. */
static u64 processor_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (u64)t.tv_sec * 1000000000u + (u64)t.tv_nsec;
}

static void run(struct vs_switch *sw, void *what)
{
    struct measurement *m = what;
    struct vs_context *c = &sw->test;
    size_t stride = (ROOM + m->length + 63) / 64 * 64;
    u8 *buffers = malloc(stride * BURST);
    if (buffers == NULL || sw->pipe == NULL) {
        free(buffers);
        return;
    }
    c->user = m;
    c->emit = sink;
    c->fixed_time = false;
    u64 start = processor_ns();
    for (u64 done = 0; done < m->count;) {
        vs_now_us(c);
        for (u32 i = 0; i < BURST && done < m->count;) {
            struct vs_frame frame[VS_FRAMES];
            u32 n = 0;
            for (; n < VS_FRAMES && done < m->count; n++, i++, done++) {
                u8 *floor = buffers + stride * i;
                memcpy(floor + ROOM, m->frames + (size_t)(done % m->kinds) * m->length, m->length);
                frame[n] = (struct vs_frame){floor, floor + ROOM, m->length};
            }
            vs_receive(c, m->port, frame, n);
        }
        vs_run_waiting(c, BURST);
        vs_burst_done(c);
    }
    m->ns = processor_ns() - start;
    vs_run_waiting(c, ~(u32)0);
    vs_burst_done(c);
    free(buffers);
}

/* Nanoseconds of processor time for `count` frames; `*left`: how many left the switch. */
VS_EXPORT u64 vs_measure(struct vs_switch *sw, u32 port, const u8 *frames, u32 length, u32 kinds, u64 count, u64 *left)
{
    struct measurement m = {port, length, frames, kinds, count, 0, 0};
    vs_call(sw, run, &m);
    *left = m.left;
    return m.ns;
}
