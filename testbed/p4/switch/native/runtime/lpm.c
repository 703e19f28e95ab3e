/* Longest prefix match: a trie that takes six bits per node, with the entries and children of a node packed into
 * one array that bitmaps index (a "tree bitmap": Eatherton, Varghese and Dittia, 2004).
 *
 * Within a node a prefix of L < 6 bits and value v has bit (1 << L) - 1 + v in `inner`, one of six bits has its value's
 * bit in `full`; a longer one goes on to child number (its six bits) in `outer`. `slot` holds first the entries of
 * `inner`, then those of `full`, then the children, each in bitmap order. Only the root has a prefix of no bits.
 * A node whose bitmaps change is copied, and the copy is published with one pointer. */
#include "vs_tables.h"

/* For six bits i: the bits in `inner` of the prefixes of 0 to 5 bits of i. */
#define BIT(i, len) ((u64)1 << ((1 << (len)) - 1 + ((i) >> (6 - (len)))))
#define PATH(i) (BIT(i, 0) | BIT(i, 1) | BIT(i, 2) | BIT(i, 3) | BIT(i, 4) | BIT(i, 5))
#define PATH4(i) PATH(i), PATH((i) + 1), PATH((i) + 2), PATH((i) + 3)
#define PATH16(i) PATH4(i), PATH4((i) + 4), PATH4((i) + 8), PATH4((i) + 12)
const u64 vs_lpm_path[64] = {PATH16(0), PATH16(16), PATH16(32), PATH16(48)};

struct prefix {
    const u64 *bits;
    unsigned words, length;
};

struct shape {
    u64 inner, full, outer;
};

static const struct shape nothing;

static unsigned ones(u64 bitmap) { return (unsigned)__builtin_popcountll(bitmap); }
static unsigned below(u64 bitmap, u64 bit) { return ones(bitmap & (bit - 1)); }
static unsigned slots(const struct shape *s) { return ones(s->inner) + ones(s->full) + ones(s->outer); }

static struct shape shape_of(const struct vs_node *n)
{
    return n == NULL ? nothing : (struct shape){n->inner, n->full, n->outer};
}

/* A copy of `n` (NULL: an empty node) in another shape: with `what` put in at slot `at`, or, if that is NULL, with
 * slot `at` left out. */
static struct vs_node *copy_with(const struct vs_node *n, const struct shape *shape, unsigned at, void *what)
{
    struct shape former = shape_of(n);
    unsigned count = slots(&former), from = what == NULL ? at + 1 : at, to = what == NULL ? at : at + 1;
    struct vs_node *copy = malloc(sizeof *copy + slots(shape) * sizeof copy->slot[0]);
    if (copy == NULL)
        return NULL;
    copy->inner = shape->inner;
    copy->full = shape->full;
    copy->outer = shape->outer;
    if (at != 0)
        memcpy(copy->slot, n->slot, at * sizeof copy->slot[0]);
    if (what != NULL)
        copy->slot[at] = what;
    if (count > from)
        memcpy(copy->slot + to, n->slot + from, (count - from) * sizeof copy->slot[0]);
    return copy;
}

/* Where something of a node is: the bitmap and bit that stand for it, and its slot (if it is there). */
struct place {
    u64 *bitmap;
    u64 bit;
    unsigned slot;
};

static struct place place_of_entry(struct shape *s, const struct prefix *p, unsigned at)
{
    unsigned length = p->length - at;
    unsigned i = length == 0 ? 0 : vs_lpm_index(p->bits, p->words, at);
    if (length == 6)
        return (struct place){&s->full, (u64)1 << i, ones(s->inner) + below(s->full, (u64)1 << i)};
    u64 bit = BIT((u64)i, length);
    return (struct place){&s->inner, bit, below(s->inner, bit)};
}

static struct place place_of_child(struct shape *s, const struct prefix *p, unsigned at)
{
    u64 bit = (u64)1 << vs_lpm_index(p->bits, p->words, at);
    return (struct place){&s->outer, bit, ones(s->inner) + ones(s->full) + below(s->outer, bit)};
}

/* The node that takes the place of `n` once the entry is in it; NULL: no memory (nothing has changed). */
static struct vs_node *insert(struct vs_node *n, const struct prefix *p, unsigned at, void *entry, struct vs_epoch *e)
{
    struct shape shape = shape_of(n);
    bool ends_here = p->length - at <= 6;
    struct place place = ends_here ? place_of_entry(&shape, p, at) : place_of_child(&shape, p, at);
    void *what = entry;
    if (!ends_here) {
        bool present = (shape.outer & place.bit) != 0;
        what = insert(present ? n->slot[place.slot] : NULL, p, at + 6, entry, e);
        if (what == NULL)
            return NULL;
        if (present) {
            vs_store(&n->slot[place.slot], what);
            return n;
        }
    }
    *place.bitmap |= place.bit;
    struct vs_node *new = copy_with(n, &shape, place.slot, what);
    if (new != NULL)
        vs_retire(e, n);
    return new;
}

/* The node that takes the place of `n` once the entry is out of it (NULL: none is needed). */
static struct vs_node *cut(struct vs_node *n, const struct prefix *p, unsigned at, struct vs_epoch *e)
{
    struct shape shape = shape_of(n);
    bool ends_here = p->length - at <= 6;
    struct place place = ends_here ? place_of_entry(&shape, p, at) : place_of_child(&shape, p, at);
    if (!ends_here) {
        struct vs_node *child = cut(n->slot[place.slot], p, at + 6, e);
        if (child != NULL) {
            vs_store(&n->slot[place.slot], (void *)child);
            return n;
        }
    }
    *place.bitmap &= ~place.bit;
    struct vs_node *new = NULL;
    if (slots(&shape) != 0) {
        new = copy_with(n, &shape, place.slot, NULL);
        if (new == NULL)
            abort(); /* not even the memory for a smaller node: to go on would be to keep a route that is gone */
    }
    vs_retire(e, n);
    return new;
}

static struct prefix prefix_of(const struct vs_table *t, const struct vs_entry *entry)
{
    const struct vs_table_desc *d = t->desc;
    return (struct prefix){entry->key + d->hash_words, d->key_words - d->hash_words, vs_rest(entry)->prefix_len};
}

static struct vs_root *root_of(struct vs_table *t, const u64 *key)
{
    return vs_hash_find(t->roots, key, t->desc->hash_words, offsetof(struct vs_root, key));
}

static bool insert_below_root(struct vs_table *t, struct vs_entry *entry, const struct prefix *p, struct vs_epoch *e)
{
    unsigned words = t->desc->hash_words;
    struct vs_root *r = root_of(t, entry->key);
    bool fresh = r == NULL;
    if (fresh) {
        r = calloc(1, sizeof *r + words * sizeof r->key[0]);
        if (r == NULL)
            return false;
        memcpy(r->key, entry->key, words * sizeof r->key[0]);
    }
    struct vs_node *n = insert(r->node, p, 0, entry, e);
    if (n != NULL)
        vs_store(&r->node, n);
    if (n == NULL || (fresh && !vs_hash_insert(&t->roots, r, offsetof(struct vs_root, key), words, e))) {
        if (fresh)
            free(r);
        return false;
    }
    r->count++;
    return true;
}

bool vs_lpm_insert(struct vs_table *t, struct vs_entry *entry, struct vs_epoch *e)
{
    struct prefix p = prefix_of(t, entry);
    if (p.length == t->desc->lpm_bits) {
        if (!vs_exact_insert(t, entry, e))
            return false;
        vs_poke(&t->full_prefixes, t->full_prefixes + 1);
        return true;
    }
    if (t->desc->hash_words != 0)
        return insert_below_root(t, entry, &p, e);
    struct vs_node *n = insert(t->root, &p, 0, entry, e);
    if (n != NULL)
        vs_store(&t->root, n);
    return n != NULL;
}

void vs_lpm_remove(struct vs_table *t, struct vs_entry *entry, struct vs_epoch *e)
{
    struct prefix p = prefix_of(t, entry);
    if (p.length == t->desc->lpm_bits) {
        vs_exact_remove(t, entry);
        vs_poke(&t->full_prefixes, t->full_prefixes - 1);
        return;
    }
    if (t->desc->hash_words == 0) {
        vs_store(&t->root, cut(t->root, &p, 0, e));
        return;
    }
    struct vs_root *r = root_of(t, entry->key);
    vs_store(&r->node, cut(r->node, &p, 0, e));
    if (--r->count == 0) {
        vs_hash_remove(t->roots, r, offsetof(struct vs_root, key), t->desc->hash_words);
        vs_retire(e, r);
    }
}

static void free_node(struct vs_node *n)
{
    if (n == NULL)
        return;
    struct shape shape = shape_of(n);
    for (unsigned i = ones(shape.inner) + ones(shape.full); i < slots(&shape); i++)
        free_node(n->slot[i]);
    free(n);
}

void vs_lpm_free(struct vs_table *t)
{
    free_node(t->root);
    if (t->roots == NULL)
        return;
    for (u64 i = 0; i <= t->roots->mask; i++) {
        if (t->roots->slot[i] > VS_SLOT_DEAD) {
            struct vs_root *r = VS_SLOT_PTR(t->roots->slot[i]);
            free_node(r->node);
            free(r);
        }
    }
    free(t->roots);
}
