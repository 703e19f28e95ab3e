/* Hash sets with one writer and lock-free readers, and exact-match tables on top.
 *
 * A removed slot becomes a tombstone: moving other entries into it, as a set with one user would, could hide one
 * from a reader that is on its way. Tombstones go when the set is rebuilt; the reader gets the new array with one
 * pointer. */
#include "vs_tables.h"

#define MIN_SLOTS 16

struct vs_hash *vs_hash_new(u64 capacity, u64 seed)
{
    u64 slots = MIN_SLOTS;
    while (slots < capacity * 2)
        slots *= 2;
    struct vs_hash *h = vs_take_large(sizeof *h + slots * sizeof h->slot[0]);
    if (h != NULL) {
        h->mask = slots - 1;
        h->seed = seed;
    }
    return h;
}

static const u64 *key_of(const void *object, size_t key_offset)
{
    return (const u64 *)(const void *)((const u8 *)object + key_offset);
}

static void put(struct vs_hash *h, void *object, u64 hv)
{
    u64 i = hv;
    while (h->slot[i & h->mask] > VS_SLOT_DEAD)
        i++;
    if (h->slot[i & h->mask] == VS_SLOT_DEAD)
        h->dead--;
    h->used++;
    vs_store(&h->slot[i & h->mask], vs_tag(hv) << 48 | (u64)(uintptr_t)object);
}

static bool rebuild(struct vs_hash **set, size_t key_offset, unsigned words, struct vs_epoch *e)
{
    struct vs_hash *old = *set;
    struct vs_hash *new = vs_hash_new(old->used * 2, old->seed);
    if (new == NULL)
        return false;
    for (u64 i = 0; i <= old->mask; i++) {
        if (old->slot[i] > VS_SLOT_DEAD) {
            void *object = VS_SLOT_PTR(old->slot[i]);
            put(new, object, vs_hash_key(key_of(object, key_offset), words, new->seed));
        }
    }
    vs_store(set, new);
    vs_retire(e, old);
    return true;
}

bool vs_hash_insert(struct vs_hash **set, void *object, size_t key_offset, unsigned words, struct vs_epoch *e)
{
    struct vs_hash *h = *set;
    if ((h->used + h->dead + 1) * 2 > h->mask + 1 && !rebuild(set, key_offset, words, e))
        return false;
    h = *set;
    put(h, object, vs_hash_key(key_of(object, key_offset), words, h->seed));
    return true;
}

static u64 *slot_of(struct vs_hash *h, const void *object, size_t key_offset, unsigned words)
{
    u64 i = vs_hash_key(key_of(object, key_offset), words, h->seed);
    while (VS_SLOT_PTR(h->slot[i & h->mask]) != object)
        i++;
    return &h->slot[i & h->mask];
}

void vs_hash_remove(struct vs_hash *h, void *object, size_t key_offset, unsigned words)
{
    vs_store(slot_of(h, object, key_offset, words), (u64)VS_SLOT_DEAD);
    h->used--;
    h->dead++;
}

void vs_hash_replace(struct vs_hash *h, void *former, void *object, size_t key_offset, unsigned words)
{
    u64 *slot = slot_of(h, former, key_offset, words);
    vs_store(slot, *slot >> 48 << 48 | (u64)(uintptr_t)object);
}

bool vs_exact_insert(struct vs_table *t, struct vs_entry *entry, struct vs_epoch *e)
{
    return vs_hash_insert(&t->hash, entry, offsetof(struct vs_entry, key), t->desc->key_words, e);
}

void vs_exact_remove(struct vs_table *t, struct vs_entry *entry)
{
    vs_hash_remove(t->hash, entry, offsetof(struct vs_entry, key), t->desc->key_words);
}
