/* Entries: from the control plane's byte strings to keys in words, and their life. */
#include "vs_tables.h"

/* Inserting this many slots ahead saves copying the array of entries for every handle. */
#define ENTRIES_MIN 64

static unsigned bytes_of(unsigned bits) { return (bits + 7) / 8; }
static unsigned words_of(unsigned bits) { return (bits + 63) / 64; }

/* ORs a big-endian number of `bits` bits into words, least significant first, `shift` to the left. */
static void put_number(u64 *words, const u8 *bytes, unsigned bits, unsigned shift)
{
    unsigned n = bytes_of(bits);
    for (unsigned i = 0; i < n; i++)
        words[i / 8] |= (u64)bytes[n - 1 - i] << (i % 8 * 8 + shift);
}

/* The same number as a left-aligned bit string, most significant word first. */
static void put_left_aligned(u64 *words, const u8 *bytes, unsigned bits)
{
    u64 number[VS_MAX_KEY_WORDS] = {0};
    unsigned n = words_of(bits), shift = n * 64 - bits;
    put_number(number, bytes, bits, 0);
    for (unsigned i = 0; i < n; i++) {
        u64 high = number[n - 1 - i] << shift;
        u64 low = shift != 0 && i + 1 < n ? number[n - 2 - i] >> (64 - shift) : 0;
        words[i] = high | low;
    }
}

/* The leading bits that the low and the high end of a range, one after the other in `bound`, have in common. */
static void put_common_bits(u64 *key, u64 *mask, const u64 *bound, unsigned words)
{
    bool common = true;
    for (unsigned w = words; w-- > 0;) {
        u64 differing = bound[w] ^ bound[words + w];
        u64 same = differing == 0 ? ~(u64)0 : ~(~(u64)0 >> __builtin_clzll(differing));
        mask[w] = common ? same : 0;
        key[w] = bound[w] & mask[w];
        common = common && differing == 0;
    }
}

/* Fills `key` (zeroed) and, where the table has masks, `mask`. */
static void pack_key(const struct vs_table_desc *d, const struct vs_entry_spec *s, u64 *key, u64 *mask)
{
    const u8 *key_bytes = s->key, *mask_bytes = s->mask;
    u64 *bound = key + d->key_words;
    for (unsigned i = 0; i < d->key_fields; i++) {
        const struct vs_field *f = &d->fields[i];
        if (f->kind == VS_F_RANGE) {
            unsigned words = words_of(f->bits);
            put_number(bound, key_bytes, f->bits, 0);
            put_number(bound + words, mask_bytes, f->bits, 0);
            put_common_bits(key + f->word, mask + f->word, bound, words);
            bound += 2 * words;
        } else if (d->match == VS_LPM && f->kind == VS_F_LPM) {
            put_left_aligned(key + f->word, key_bytes, f->bits);
        } else {
            put_number(key + f->word, key_bytes, f->bits, f->shift);
            if (d->match == VS_TERNARY)
                put_number(mask + f->word, mask_bytes, f->bits, f->shift);
        }
        key_bytes += bytes_of(f->bits);
        mask_bytes += bytes_of(f->bits);
    }
}

static unsigned stored_words(const struct vs_table_desc *d)
{
    return d->match == VS_TERNARY ? d->key_words + 2 * (d->key_words - d->hash_words) : d->key_words;
}

bool vs_table_init(struct vs_table *t, const struct vs_table_desc *desc, u64 seed)
{
    t->desc = desc;
    if (desc->match == VS_TERNARY)
        return vs_ternary_init(t);
    if (desc->match == VS_EXACT || desc->match == VS_LPM)
        t->hash = vs_hash_new(0, seed);
    if (desc->match == VS_LPM && desc->hash_words != 0) {
        t->roots = vs_hash_new(0, seed);
        if (t->roots == NULL)
            return false;
    }
    return desc->match == VS_KEYLESS || t->hash != NULL;
}

/* Where the action that came with the INSERT is. */
static struct vs_act *first_act(const struct vs_table *t, struct vs_entry *entry)
{
    return (struct vs_act *)(void *)(entry->key + stored_words(t->desc));
}

/* An empty entry with the action of `s` in it. */
static struct vs_entry *new_entry(const struct vs_table *t, const struct vs_entry_spec *s)
{
    size_t bytes = VS_LINE + sizeof(struct vs_entry) + stored_words(t->desc) * sizeof(u64) + s->act_bytes;
    u8 *memory = vs_take(bytes);
    if (memory == NULL)
        return NULL;
    memset(memory, 0, bytes);
    struct vs_entry *entry = (struct vs_entry *)(void *)(memory + VS_LINE);
    entry->act = first_act(t, entry);
    memcpy(entry->act, s->act, s->act_bytes);
    return entry;
}

static void free_entry(const struct vs_table *t, struct vs_entry *entry)
{
    if (entry->act != first_act(t, entry))
        free(entry->act);
    free(vs_rest(entry)->meter);
    vs_give(vs_rest(entry));
}

void vs_table_free(struct vs_table *t)
{
    for (u32 i = 0; i < t->capacity; i++)
        if (t->entries[i] != NULL)
            free_entry(t, t->entries[i]);
    free(t->entries);
    free(t->hash);
    vs_lpm_free(t);
    vs_ternary_free(t);
    free(t->fallback);
}

struct vs_entry *vs_table_entry(const struct vs_table *t, u32 handle)
{
    return handle < t->capacity ? t->entries[handle] : NULL;
}

static bool reserve_handle(struct vs_table *t, u32 handle)
{
    if (handle < t->capacity)
        return true;
    u32 capacity = t->capacity * 2 > ENTRIES_MIN ? t->capacity * 2 : ENTRIES_MIN;
    while (capacity <= handle)
        capacity *= 2;
    struct vs_entry **entries = realloc(t->entries, capacity * sizeof *entries);
    if (entries == NULL)
        return false;
    memset(entries + t->capacity, 0, (capacity - t->capacity) * sizeof *entries);
    t->entries = entries;
    t->capacity = capacity;
    return true;
}

static void set_idle_timeout(struct vs_table *t, struct vs_entry *entry, u64 idle_us)
{
    t->aging += (idle_us != 0) - (vs_rest(entry)->idle_us != 0);
    vs_rest(entry)->idle_us = idle_us;
}

static bool link_entry(struct vs_table *t, struct vs_entry *entry, const u64 *mask, struct vs_epoch *e)
{
    switch (t->desc->match) {
    case VS_EXACT: return vs_exact_insert(t, entry, e);
    case VS_LPM: return vs_lpm_insert(t, entry, e);
    case VS_TERNARY: return vs_ternary_insert(t, entry, mask, e);
    default: return false;
    }
}

int vs_table_insert(struct vs_table *t, const struct vs_entry_spec *s, struct vs_epoch *e)
{
    u64 mask[VS_MAX_KEY_WORDS] = {0};
    if (vs_table_entry(t, s->handle) != NULL || s->handle > 0x7fffffff) {
        free(s->act);
        return VS_BAD_ARGUMENT;
    }
    struct vs_entry *entry = reserve_handle(t, s->handle) ? new_entry(t, s) : NULL;
    free(s->act);
    if (entry == NULL)
        return VS_NO_MEMORY;
    *vs_rest(entry) = (struct vs_entry_rest){
        .handle = s->handle,
        .order = (u64)s->priority << 32 | s->handle,
        .prefix_len = s->prefix_len,
        .last_hit_us = s->now_us,
    };
    pack_key(t->desc, s, entry->key, mask);
    if (!link_entry(t, entry, mask, e)) {
        free_entry(t, entry);
        return VS_NO_MEMORY;
    }
    set_idle_timeout(t, entry, s->idle_us);
    t->entries[s->handle] = entry;
    t->count++;
    return VS_OK;
}

int vs_table_modify(struct vs_table *t, const struct vs_entry_spec *s, struct vs_epoch *e)
{
    struct vs_entry *entry = vs_table_entry(t, s->handle);
    if (entry == NULL) {
        free(s->act);
        return VS_BAD_ARGUMENT;
    }
    struct vs_act *former = entry->act;
    vs_store(&entry->act, s->act);
    if (former != first_act(t, entry))
        vs_retire(e, former);
    set_idle_timeout(t, entry, s->idle_us);
    vs_rest(entry)->idle_told = 0;
    return VS_OK;
}

int vs_table_delete(struct vs_table *t, u32 handle, struct vs_epoch *e)
{
    struct vs_entry *entry = vs_table_entry(t, handle);
    if (entry == NULL)
        return VS_BAD_ARGUMENT;
    switch (t->desc->match) {
    case VS_EXACT: vs_exact_remove(t, entry); break;
    case VS_LPM: vs_lpm_remove(t, entry, e); break;
    default: vs_ternary_remove(t, entry, e);
    }
    set_idle_timeout(t, entry, 0);
    t->entries[handle] = NULL;
    t->count--;
    if (entry->act != first_act(t, entry))
        vs_retire(e, entry->act);
    vs_retire(e, vs_rest(entry)->meter);
    vs_retire(e, vs_rest(entry));
    return VS_OK;
}
