/* What lies between a port and its interface: a rate, then a delay. Frames stay in order. */
#include "vs_io.h"

/* Beyond this a line is full; large enough for a second of a gigabit. */
#define LINE_BYTES (128u * 1024 * 1024)
#define LINE_FRAMES (1u << 18)

bool vs_line_put(struct vs_line *l, const u8 *data, u32 length)
{
    if (l->frames >= LINE_FRAMES || l->bytes + length > LINE_BYTES)
        return false;
    struct vs_delayed *d = malloc(sizeof *d + length);
    if (d == NULL)
        return false;
    u64 now = vs_clock_ns();
    u64 start = now > l->free_ns ? now : l->free_ns;
    l->free_ns = start + (u64)((double)length * l->ns_per_byte);
    d->next = NULL;
    d->due_ns = l->free_ns + l->delay_ns;
    d->length = length;
    memcpy(d->data, data, length);
    if (l->last == NULL)
        l->first = d;
    else
        l->last->next = d;
    l->last = d;
    l->bytes += length;
    l->frames++;
    return true;
}

bool vs_line_run(struct vs_io *io, struct vs_port *p, u64 now_ns)
{
    struct vs_line *l = &p->line;
    bool any = false;
    while (l->first != NULL && l->first->due_ns <= now_ns) {
        struct vs_delayed *d = l->first;
        l->first = d->next;
        if (l->first == NULL)
            l->last = NULL;
        l->bytes -= d->length;
        l->frames--;
        vs_port_send(io, p, d->data, d->length);
        d->next = l->sent;
        l->sent = d;
        any = true;
    }
    return any;
}

static void free_list(struct vs_delayed *d)
{
    while (d != NULL) {
        struct vs_delayed *next = d->next;
        free(d);
        d = next;
    }
}

void vs_line_free_sent(struct vs_line *l)
{
    free_list(l->sent);
    l->sent = NULL;
}

void vs_line_clear(struct vs_line *l)
{
    vs_line_free_sent(l);
    free_list(l->first);
    l->first = l->last = NULL;
    l->bytes = l->frames = 0;
}
