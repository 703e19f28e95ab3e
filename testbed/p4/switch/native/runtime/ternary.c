/* Ternary, optional and range match by tuple space search (Srinivasan, Suri and Varghese, 1999): entries with the
 * same mask are in one hash set; the sets are searched in the order of the best entry each may hold, until none
 * that is left can win.
 *
 * A range counts as the bits that its bounds have in common, and is compared in full on the entries that are left. Of
 * ranges that do not overlap no two fall together: both would have to cross the middle of what they have in common. */
#include "vs_tables.h"

static unsigned words_of(unsigned bits) { return (bits + 63) / 64; }

bool vs_in_ranges(const struct vs_table_desc *d, const struct vs_entry *e, const u64 *key)
{
    const u64 *bound = e->key + d->key_words;
    for (unsigned i = 0; i < d->key_fields; i++) {
        const struct vs_field *f = &d->fields[i];
        if (f->kind != VS_F_RANGE)
            continue;
        unsigned words = words_of(f->bits);
        const u64 *value = key + f->word, *low = bound, *high = bound + words;
        bound = high + words;
        bool above = false, below = false; /* decided by more significant words */
        for (unsigned w = words; w-- > 0 && !(above && below);) {
            if ((!above && value[w] < low[w]) || (!below && value[w] > high[w]))
                return false;
            above |= value[w] > low[w];
            below |= value[w] < high[w];
        }
    }
    return true;
}

bool vs_ternary_init(struct vs_table *t)
{
    t->tuples = calloc(1, sizeof *t->tuples);
    return t->tuples != NULL;
}

static struct vs_tuple *find_tuple(const struct vs_table *t, const u64 *mask)
{
    for (u32 i = 0; i < t->tuples->count; i++)
        if (vs_key_equal(t->tuples->tuple[i]->mask, mask, t->desc->key_words))
            return t->tuples->tuple[i];
    return NULL;
}

/* Publishes the tuples anew: without `out`, and with `in` where its `best` puts it. */
static bool republish(struct vs_table *t, const struct vs_tuple *out, struct vs_tuple *in, struct vs_epoch *e)
{
    struct vs_tuples *old = t->tuples;
    struct vs_tuples *new = malloc(sizeof *new + (old->count + 1) * sizeof new->tuple[0]);
    if (new == NULL)
        return false;
    new->count = 0;
    for (u32 i = 0; i < old->count; i++) {
        struct vs_tuple *tuple = old->tuple[i];
        if (tuple == out)
            continue;
        if (in != NULL && in->best < tuple->best) {
            new->tuple[new->count++] = in;
            in = NULL;
        }
        new->tuple[new->count++] = tuple;
    }
    if (in != NULL)
        new->tuple[new->count++] = in;
    vs_store(&t->tuples, new);
    vs_retire(e, old);
    return true;
}

static struct vs_tuple *add_tuple(struct vs_table *t, const u64 *mask, u64 best, struct vs_epoch *e)
{
    unsigned words = t->desc->key_words;
    struct vs_tuple *tuple = calloc(1, sizeof *tuple + words * sizeof tuple->mask[0]);
    if (tuple == NULL)
        return NULL;
    tuple->best = best;
    memcpy(tuple->mask, mask, words * sizeof mask[0]);
    tuple->hash = vs_hash_new(0, vs_mix((u64)(uintptr_t)tuple, 0x2545f4914f6cdd1du));
    if (tuple->hash == NULL || !republish(t, NULL, tuple, e)) {
        free(tuple->hash);
        free(tuple);
        return NULL;
    }
    return tuple;
}

/* Puts `entry` among those with the same masked key, in order. */
static bool chain(struct vs_tuple *tuple, struct vs_entry *entry, unsigned words, struct vs_epoch *e)
{
    size_t offset = offsetof(struct vs_entry, key);
    struct vs_entry *head = vs_hash_find(tuple->hash, entry->key, words, offset);
    if (head == NULL)
        return vs_hash_insert(&tuple->hash, entry, offset, words, e);
    if (vs_rest(entry)->order < vs_rest(head)->order) {
        vs_rest(entry)->next = head;
        vs_hash_replace(tuple->hash, head, entry, offset, words);
        return true;
    }
    while (vs_rest(head)->next != NULL && vs_rest(vs_rest(head)->next)->order < vs_rest(entry)->order)
        head = vs_rest(head)->next;
    vs_rest(entry)->next = vs_rest(head)->next;
    vs_store(&vs_rest(head)->next, entry);
    return true;
}

bool vs_ternary_insert(struct vs_table *t, struct vs_entry *entry, const u64 *mask, struct vs_epoch *e)
{
    struct vs_tuple *tuple = find_tuple(t, mask);
    if (tuple == NULL) {
        tuple = add_tuple(t, mask, vs_rest(entry)->order, e);
        if (tuple == NULL)
            return false;
    } else if (vs_rest(entry)->order < tuple->best) {
        /* Move the tuple forward before the entry is in it: a search must not stop too early. */
        vs_poke(&tuple->best, vs_rest(entry)->order);
        if (!republish(t, tuple, tuple, e))
            return false;
    }
    if (!chain(tuple, entry, t->desc->key_words, e))
        return false;
    tuple->count++;
    return true;
}

/* The tuple that holds the entry: its key is masked, so several masks may fit; only one has it. */
static struct vs_tuple *tuple_of(const struct vs_table *t, const struct vs_entry *entry)
{
    unsigned words = t->desc->key_words;
    for (u32 i = 0; i < t->tuples->count; i++) {
        struct vs_tuple *tuple = t->tuples->tuple[i];
        struct vs_entry *at = vs_hash_find(tuple->hash, entry->key, words, offsetof(struct vs_entry, key));
        for (; at != NULL; at = vs_rest(at)->next)
            if (at == entry)
                return tuple;
    }
    return NULL;
}

void vs_ternary_remove(struct vs_table *t, struct vs_entry *entry, struct vs_epoch *e)
{
    unsigned words = t->desc->key_words;
    size_t offset = offsetof(struct vs_entry, key);
    struct vs_tuple *tuple = tuple_of(t, entry);
    struct vs_entry *head = vs_hash_find(tuple->hash, entry->key, words, offset);
    if (head == entry && vs_rest(entry)->next == NULL) {
        vs_hash_remove(tuple->hash, entry, offset, words);
    } else if (head == entry) {
        vs_hash_replace(tuple->hash, entry, vs_rest(entry)->next, offset, words);
    } else {
        while (vs_rest(head)->next != entry)
            head = vs_rest(head)->next;
        vs_store(&vs_rest(head)->next, vs_rest(entry)->next);
    }
    if (--tuple->count == 0 && republish(t, tuple, NULL, e)) {
        vs_retire(e, tuple->hash);
        vs_retire(e, tuple);
    }
}

void vs_ternary_free(struct vs_table *t)
{
    if (t->tuples == NULL)
        return;
    for (u32 i = 0; i < t->tuples->count; i++) {
        free(t->tuples->tuple[i]->hash);
        free(t->tuples->tuple[i]);
    }
    free(t->tuples);
}
