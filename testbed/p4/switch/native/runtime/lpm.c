/* Longest prefix match: a trie that takes six bits per node, with the entries and children of a node packed into
 * one array that bitmaps index (a "tree bitmap": Eatherton, Varghese and Dittia, 2004).
 *
 * Within a node a prefix of L < 6 bits and value v has bit (1 << L) - 1 + v in `inner`; a longer one goes on to
 * child number (its six bits) in `outer`. `slot` holds first the entries, then the children, in bitmap order.
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

static unsigned entries_in(const struct vs_node *n) { return (unsigned)__builtin_popcountll(n->inner); }
static unsigned children_in(const struct vs_node *n) { return (unsigned)__builtin_popcountll(n->outer); }
static unsigned below(u64 bitmap, u64 bit) { return (unsigned)__builtin_popcountll(bitmap & (bit - 1)); }

static struct vs_node *node_new(u64 inner, u64 outer)
{
    size_t slots = (size_t)__builtin_popcountll(inner) + (size_t)__builtin_popcountll(outer);
    struct vs_node *n = malloc(sizeof *n + slots * sizeof n->slot[0]);
    if (n != NULL) {
        n->inner = inner;
        n->outer = outer;
    }
    return n;
}

/* A copy of `n` (NULL: an empty node) with `what` put in at slot `at`, or with slot `at` left out (NULL). */
static struct vs_node *copy_with(const struct vs_node *n, u64 inner, u64 outer, unsigned at, void *what)
{
    struct vs_node *copy = node_new(inner, outer);
    if (copy == NULL)
        return NULL;
    unsigned slots = n == NULL ? 0 : entries_in(n) + children_in(n);
    if (at != 0)
        memcpy(copy->slot, n->slot, at * sizeof copy->slot[0]);
    if (what != NULL)
        copy->slot[at] = what;
    unsigned from = what == NULL ? at + 1 : at, to = what == NULL ? at : at + 1;
    if (slots > from)
        memcpy(copy->slot + to, n->slot + from, (slots - from) * sizeof copy->slot[0]);
    return copy;
}

static u64 entry_bit(const struct prefix *p, unsigned at)
{
    unsigned len = p->length - at;
    unsigned i = len == 0 ? 0 : vs_lpm_index(p->bits, p->words, at);
    return BIT((u64)i, len);
}

/* The node that takes the place of `n` once the entry is in it; NULL: no memory (nothing has changed). */
static struct vs_node *insert(struct vs_node *n, const struct prefix *p, unsigned at, void *entry, struct vs_epoch *e)
{
    struct vs_node *new;
    if (p->length - at < 6) {
        u64 bit = entry_bit(p, at);
        new = copy_with(n, (n == NULL ? 0 : n->inner) | bit, n == NULL ? 0 : n->outer,
                        n == NULL ? 0 : below(n->inner, bit), entry);
    } else {
        u64 bit = (u64)1 << vs_lpm_index(p->bits, p->words, at);
        unsigned slot = n == NULL ? 0 : entries_in(n) + below(n->outer, bit);
        bool present = n != NULL && (n->outer & bit) != 0;
        struct vs_node *child = insert(present ? n->slot[slot] : NULL, p, at + 6, entry, e);
        if (child == NULL)
            return NULL;
        if (present) {
            vs_store(&n->slot[slot], (void *)child);
            return n;
        }
        new = copy_with(n, n == NULL ? 0 : n->inner, (n == NULL ? 0 : n->outer) | bit, slot, child);
    }
    if (new != NULL)
        vs_retire(e, n);
    return new;
}

/* The node that takes the place of `n` once the entry is out of it (NULL: none is needed). */
static struct vs_node *cut(struct vs_node *n, const struct prefix *p, unsigned at, struct vs_epoch *e)
{
    u64 inner = n->inner, outer = n->outer;
    unsigned slot;
    if (p->length - at < 6) {
        u64 bit = entry_bit(p, at);
        slot = below(inner, bit);
        inner &= ~bit;
    } else {
        u64 bit = (u64)1 << vs_lpm_index(p->bits, p->words, at);
        slot = entries_in(n) + below(outer, bit);
        struct vs_node *child = cut(n->slot[slot], p, at + 6, e);
        if (child != NULL) {
            vs_store(&n->slot[slot], (void *)child);
            return n;
        }
        outer &= ~bit;
    }
    struct vs_node *new = NULL;
    if ((inner | outer) != 0) {
        new = copy_with(n, inner, outer, slot, NULL);
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
    unsigned first = entries_in(n), end = first + children_in(n);
    for (unsigned i = first; i < end; i++)
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
