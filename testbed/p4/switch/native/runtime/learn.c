/* Digests: samples go to the control plane; with `hold` an equal one waits until the first was acknowledged. */
#include "vs_switch.h"

/* Samples that wait for an acknowledgement; beyond it they are delivered again rather than lost. */
#define HELD_MAX 65536

/* A set by chaining; the packet thread alone uses it. */
struct sample {
    struct sample *next;
    u64 hash;
    u32 digest, length;
    u8 data[];
};

struct vs_held {
    u32 count;
    struct sample *chain[4096];
};

struct vs_held *vs_held_new(void) { return calloc(1, sizeof(struct vs_held)); }

void vs_held_clear(struct vs_held *h)
{
    for (size_t i = 0; i < sizeof h->chain / sizeof h->chain[0]; i++) {
        while (h->chain[i] != NULL) {
            struct sample *next = h->chain[i]->next;
            free(h->chain[i]);
            h->chain[i] = next;
        }
    }
    h->count = 0;
}

static u64 hash_of(u32 digest, const u8 *data, u32 length) { return vs_mix(vs_xxh64(data, length) ^ digest, 0x9e3779b97f4a7c15u); }

static struct sample **find(struct vs_held *h, u64 hash, u32 digest, const u8 *data, u32 length)
{
    struct sample **at = &h->chain[hash % (sizeof h->chain / sizeof h->chain[0])];
    while (*at != NULL && ((*at)->hash != hash || (*at)->digest != digest || (*at)->length != length ||
                           memcmp((*at)->data, data, length) != 0))
        at = &(*at)->next;
    return at;
}

void vs_held_release(struct vs_held *h, u32 digest, const u8 *data, u32 length)
{
    struct sample **at = find(h, hash_of(digest, data, length), digest, data, length), *gone = *at;
    if (gone == NULL)
        return;
    *at = gone->next;
    free(gone);
    h->count--;
}

static bool hold(struct vs_held *h, u32 digest, const u8 *data, u32 length)
{
    u64 hash = hash_of(digest, data, length);
    struct sample **at = find(h, hash, digest, data, length);
    if (*at != NULL)
        return false;
    struct sample *s = h->count < HELD_MAX ? malloc(sizeof *s + length) : NULL;
    if (s != NULL) {
        *s = (struct sample){NULL, hash, digest, length};
        memcpy(s->data, data, length);
        *at = s;
        h->count++;
    }
    return true;
}

void vs_learned(struct vs_context *c, u32 digest, const u8 *sample, u32 length)
{
    u8 mode = vs_peek(&c->pipe->digest_mode[digest]);
    if (mode == VS_DIGEST_OFF || (mode == VS_DIGEST_HOLD && !hold(c->sw->held, digest, sample, length)))
        return;
    /* What was lost is reported when it occurs again: nobody will acknowledge it. */
    if (!vs_event_send(c->sw, VS_DIGEST, digest, 0, sample, length) && mode == VS_DIGEST_HOLD)
        vs_held_release(c->sw->held, digest, sample, length);
}
