/* Longest prefix match: a trie that takes six bits per node, with the entries and subtrees of a node packed into
 * one array that bitmaps index (a "tree bitmap": Eatherton, Varghese and Dittia, 2004). A subtree of one prefix is a
 * leaf and has no nodes, as in most places of a large table.
 *
 * Within a node a prefix of L < 6 bits and value v has bit (1 << L) - 1 + v in `inner`, one of six bits has its value's
 * bit in `full`; a longer one goes on in subtree number (its six bits) in `outer`. `slot` holds first the entries of
 * `inner`, then those of `full`, then the links of `outer`, each in bitmap order. Only the root has a prefix of no bits.
 * A node whose bitmaps change is copied, and the copy is published with one link. */
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

static struct vs_node *node_of(u64 link) { return (struct vs_node *)(uintptr_t)link; }
static u64 link_to(const void *node) { return (u64)(uintptr_t)node; }

/* A copy of `n` (NULL: an empty node) in another shape: with `what` put in at slot `at`, or, if that is 0, with
 * slot `at` left out. */
static struct vs_node *copy_with(const struct vs_node *n, const struct shape *shape, unsigned at, u64 what)
{
    struct shape former = shape_of(n);
    unsigned count = slots(&former), from = what == 0 ? at + 1 : at, to = what == 0 ? at : at + 1;
    struct vs_node *copy = vs_take(sizeof *copy + slots(shape) * sizeof copy->slot[0]);
    if (copy == NULL)
        return NULL;
    copy->inner = shape->inner;
    copy->full = shape->full;
    copy->outer = shape->outer;
    if (at != 0)
        memcpy(copy->slot, n->slot, at * sizeof copy->slot[0]);
    if (what != 0)
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

static struct prefix prefix_of(const struct vs_table *t, const struct vs_entry *entry)
{
    const struct vs_table_desc *d = t->desc;
    return (struct prefix){entry->key + d->hash_words, d->key_words - d->hash_words, vs_rest(entry)->prefix_len};
}

static void free_subtree(u64 link)
{
    if (link == 0 || VS_IS_LEAF(link))
        return;
    struct vs_node *n = node_of(link);
    struct shape shape = shape_of(n);
    for (unsigned i = ones(shape.inner) + ones(shape.full); i < slots(&shape); i++)
        free_subtree(n->slot[i]);
    vs_give(n);
}

static u64 insert(const struct vs_table *t, u64 link, struct vs_entry *entry, unsigned at, struct vs_epoch *e);

/* The same where there is a node, NULL for a new one. */
static u64 insert_in_node(const struct vs_table *t, struct vs_node *n, struct vs_entry *entry, unsigned at,
                          struct vs_epoch *e)
{
    struct prefix p = prefix_of(t, entry);
    struct shape shape = shape_of(n);
    bool ends_here = p.length - at <= 6;
    struct place place = ends_here ? place_of_entry(&shape, &p, at) : place_of_child(&shape, &p, at);
    u64 what = link_to(entry);
    if (!ends_here) {
        bool present = (shape.outer & place.bit) != 0;
        what = insert(t, present ? n->slot[place.slot] : 0, entry, at + 6, e);
        if (what == 0)
            return 0;
        if (present) {
            vs_store(&n->slot[place.slot], what);
            return link_to(n);
        }
    }
    *place.bitmap |= place.bit;
    struct vs_node *new = copy_with(n, &shape, place.slot, what);
    if (new != NULL)
        vs_retire(e, n);
    return link_to(new);
}

/* The link that takes the place of `link` (0: nothing is there yet) once the entry is beneath; 0: no memory (nothing
 * that packets see has changed). */
static u64 insert(const struct vs_table *t, u64 link, struct vs_entry *entry, unsigned at, struct vs_epoch *e)
{
    if (link == 0)
        return VS_LEAF(entry, vs_rest(entry)->prefix_len);
    if (!VS_IS_LEAF(link))
        return insert_in_node(t, node_of(link), entry, at, e);
    /* Two prefixes: nodes down to where they part. Nobody sees them before all are there. */
    u64 first = insert_in_node(t, NULL, VS_LEAF_ENTRY(link), at, e);
    u64 both = first == 0 ? 0 : insert_in_node(t, node_of(first), entry, at, e);
    if (both == 0)
        free_subtree(first);
    return both;
}

/* The link to a node of this shape after slot `at` was left out of `n`: a leaf where one prefix remains. */
static u64 shrunk(struct vs_node *n, const struct shape *shape, unsigned at)
{
    if (slots(shape) == 0)
        return 0;
    if (slots(shape) == 1) {
        u64 last = n->slot[at == 0 ? 1 : 0];
        if (shape->outer == 0)
            return VS_LEAF(last, vs_rest((struct vs_entry *)(uintptr_t)last)->prefix_len);
        if (VS_IS_LEAF(last))
            return last;
    }
    struct vs_node *new = copy_with(n, shape, at, 0);
    if (new == NULL)
        abort(); /* not even the memory for a smaller node: to go on would be to keep a route that is gone */
    return link_to(new);
}

/* The link that takes the place of `link` once the entry is no longer beneath (0: nothing is left). */
static u64 cut(u64 link, const struct prefix *p, unsigned at, struct vs_epoch *e)
{
    if (VS_IS_LEAF(link))
        return 0;
    struct vs_node *n = node_of(link);
    struct shape shape = shape_of(n);
    bool ends_here = p->length - at <= 6;
    struct place place = ends_here ? place_of_entry(&shape, p, at) : place_of_child(&shape, p, at);
    if (!ends_here) {
        u64 left = cut(n->slot[place.slot], p, at + 6, e);
        if (left != 0) {
            vs_store(&n->slot[place.slot], left);
            return link;
        }
    }
    *place.bitmap &= ~place.bit;
    u64 new = shrunk(n, &shape, place.slot);
    vs_retire(e, n);
    return new;
}

static struct vs_root *root_of(struct vs_table *t, const u64 *key)
{
    return vs_hash_find(t->roots, key, t->desc->hash_words, offsetof(struct vs_root, key));
}

static bool insert_below_root(struct vs_table *t, struct vs_entry *entry, struct vs_epoch *e)
{
    unsigned words = t->desc->hash_words;
    struct vs_root *r = root_of(t, entry->key);
    if (r != NULL) {
        u64 link = insert(t, r->link, entry, 0, e);
        if (link != 0)
            vs_store(&r->link, link);
        return link != 0;
    }
    r = vs_take(sizeof *r + words * sizeof r->key[0]);
    if (r == NULL)
        return false;
    r->link = insert(t, 0, entry, 0, e);
    memcpy(r->key, entry->key, words * sizeof r->key[0]);
    if (vs_hash_insert(&t->roots, r, offsetof(struct vs_root, key), words, e))
        return true;
    vs_give(r);
    return false;
}

bool vs_lpm_insert(struct vs_table *t, struct vs_entry *entry, struct vs_epoch *e)
{
    if (vs_rest(entry)->prefix_len == t->desc->lpm_bits) {
        if (!vs_exact_insert(t, entry, e))
            return false;
        vs_poke(&t->full_prefixes, t->full_prefixes + 1);
        return true;
    }
    if (t->desc->hash_words != 0)
        return insert_below_root(t, entry, e);
    u64 link = insert(t, t->root, entry, 0, e);
    if (link != 0)
        vs_store(&t->root, link);
    return link != 0;
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
    vs_store(&r->link, cut(r->link, &p, 0, e));
    if (r->link == 0) {
        vs_hash_remove(t->roots, r, offsetof(struct vs_root, key), t->desc->hash_words);
        vs_retire(e, r);
    }
}

void vs_lpm_free(struct vs_table *t)
{
    free_subtree(t->root);
    if (t->roots == NULL)
        return;
    for (u64 i = 0; i <= t->roots->mask; i++) {
        if (t->roots->slot[i] > VS_SLOT_DEAD) {
            struct vs_root *r = VS_SLOT_PTR(t->roots->slot[i]);
            free_subtree(r->link);
            vs_give(r);
        }
    }
    free(t->roots);
}
