/* Looking ahead: what the packets of a burst are going to look up is fetched into the cache before the first one runs.
 *
 * A lookup in a large table waits for memory several times, each time for an address that it only then knows: slot and
 * entry, or one node of a trie after the other. The lookups of several packets can wait at the same time. So packets
 * are parsed together, the keys that follow from their headers alone are made, and the probes for them go forward in
 * step: each asks for the memory of its next step, and has it when its turn comes again. Nothing changes by that; where
 * a program rewrites a header before it looks it up, some work was in vain. */
#include "vs_switch.h"

/* Smaller tables stay in the cache anyway. */
#define LARGE_TABLE 4096
/* Fewer packets do not wait at the same time for long enough. */
#define FEWEST 4
/* The nodes of a trie down to here are so few that they are in the cache. */
#define HOT_BITS 12
/* Of a node: its bitmaps, and most of its slots. */
#define NODE_LINES 4
#define MOST (VS_FRAMES * VS_AHEAD_TABLES)

struct hash_probe {
    const struct vs_table_desc *desc;
    const u64 *slot;
    u64 tag;
};

struct trie_probe {
    const struct vs_table_desc *desc;
    const u64 *key;
    u64 link; /* to a node */
    unsigned at;
};

struct probes {
    u32 hashes, tries;
    struct hash_probe hash[MOST];
    struct trie_probe trie[MOST];
};

static void fetch_entry(const struct vs_table_desc *d, const struct vs_entry *e)
{
    __builtin_prefetch(e);
    if (d->counted || d->ages || d->metered)
        __builtin_prefetch(vs_rest(e), 1);
}

static void start_in_hash(struct probes *all, const struct vs_table *t, const u64 *key)
{
    const struct vs_hash *h = vs_load(&t->hash);
    u64 hv = vs_hash_key(key, t->desc->key_words, h->seed);
    const u64 *slot = &h->slot[hv & h->mask];
    __builtin_prefetch(slot);
    all->hash[all->hashes++] = (struct hash_probe){t->desc, slot, vs_tag(hv)};
}

static void read_slot(const struct hash_probe *b)
{
    u64 slot = vs_load(b->slot);
    if (slot >> 48 == b->tag)
        fetch_entry(b->desc, VS_SLOT_PTR(slot));
}

/* One node down; false: the search ends here. */
static bool descend(struct trie_probe *b)
{
    const struct vs_table_desc *d = b->desc;
    const struct vs_node *n = (const struct vs_node *)(uintptr_t)b->link;
    if (b->at >= d->lpm_bits)
        return false;
    unsigned i = vs_lpm_index(b->key + d->hash_words, d->key_words - d->hash_words, b->at);
    if ((n->outer >> i & 1) == 0) {
        if ((n->full >> i & 1) != 0)
            fetch_entry(d, (const struct vs_entry *)(uintptr_t)vs_load(vs_full(n, i)));
        return false;
    }
    b->link = vs_load(vs_child(n, i));
    b->at += 6;
    if (!VS_IS_LEAF(b->link))
        return true;
    fetch_entry(d, VS_LEAF_ENTRY(b->link));
    return false;
}

static void fetch_node(const struct trie_probe *b)
{
    for (unsigned line = 0; line < NODE_LINES; line++)
        __builtin_prefetch((const u8 *)(uintptr_t)b->link + line * VS_LINE);
}

static void start_in_trie(struct probes *all, const struct vs_table *t, const u64 *key)
{
    struct trie_probe b = {t->desc, key, vs_lpm_root(t, key, t->desc->hash_words), 0};
    if (b.link == 0 || VS_IS_LEAF(b.link))
        return;
    while (b.at < HOT_BITS)
        if (!descend(&b))
            return;
    fetch_node(&b);
    all->trie[all->tries++] = b;
}

static void start(struct probes *all, const struct vs_table *t, const u64 *key)
{
    if (t->desc->match == VS_EXACT || vs_peek(&t->full_prefixes) != 0)
        start_in_hash(all, t, key);
    if (t->desc->match == VS_LPM)
        start_in_trie(all, t, key);
}

static void run(struct probes *all)
{
    for (u32 i = 0; i < all->hashes; i++)
        read_slot(&all->hash[i]);
    while (all->tries != 0) {
        u32 left = 0;
        for (u32 i = 0; i < all->tries; i++) {
            struct trie_probe b = all->trie[i];
            if (descend(&b)) {
                fetch_node(&b);
                all->trie[left++] = b;
            }
        }
        all->tries = left;
    }
}

/* The tables among `program->ahead` that are large, by position there; returns how many. */
static u32 large_tables(const struct vs_pipe *pipe, u32 *which)
{
    const struct vs_program *program = pipe->program;
    u32 count = 0;
    for (u32 i = 0; i < program->ahead; i++)
        if (vs_peek(&pipe->tables[program->ahead_table[i]].count) >= LARGE_TABLE)
            which[count++] = i;
    return count;
}

bool vs_look_ahead(struct vs_context *c, u32 port, const struct vs_frame *frame, u32 count, struct vs_packet *packet)
{
    const struct vs_program *program = c->pipe->program;
    u32 which[VS_AHEAD_TABLES], tables = large_tables(c->pipe, which);
    if (tables == 0 || count < FEWEST)
        return false;
    struct probes all;
    u64 keys[VS_FRAMES][VS_AHEAD_TABLES][VS_AHEAD_WORDS];
    all.hashes = all.tries = 0;
    if (program->wants_time)
        vs_now_us(c);
    for (u32 f = 0; f < count; f++) {
        struct vs_phv *p = c->phv[VS_PHV_AHEAD + f];
        memset(p, 0, c->phv_bytes);
        vs_arrive(&packet[f], port, frame[f]);
        program->look_ahead(c, p, &packet[f], keys[f]);
        for (u32 i = 0; i < tables; i++)
            start(&all, &c->pipe->tables[program->ahead_table[which[i]]], keys[f][which[i]]);
    }
    run(&all);
    return true;
}
