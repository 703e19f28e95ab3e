/* Match tables: what a packet needs to look something up. Writers are in table.c, exact.c, lpm.c, ternary.c.
 *
 * One writer at a time changes a table while the packet thread reads it without locks. Everything a reader can
 * reach is either immutable or changed by storing one aligned word, and is freed only after the packet thread
 * has passed a quiescent point (epoch.c).
 *
 * A key is an array of 64-bit words that the generated program fills; `struct vs_field` says where each field of
 * the key goes. Fields wider than 64 bits take several words, the least significant first.
 */
#ifndef VS_TABLE_H
#define VS_TABLE_H

#include "vs_base.h"

#define VS_MAX_KEY_WORDS 64

enum vs_match { VS_KEYLESS, VS_EXACT, VS_LPM, VS_TERNARY };
enum vs_field_kind { VS_F_EXACT, VS_F_LPM, VS_F_TERNARY, VS_F_RANGE };
enum vs_act_kind { VS_DIRECT, VS_TO_MEMBER, VS_TO_GROUP };

/* Where one field of the key is: in the byte strings of the control plane, and in the words of the data plane. */
struct vs_field {
    u8 kind;    /* enum vs_field_kind */
    u8 shift;   /* bits to its left in its word; 0 if it has more than one word */
    u16 bits;
    u16 word;   /* first word */
};

/* What a table does with a packet: an action and its data. Never changed once published. */
struct vs_act {
    u32 kind;   /* enum vs_act_kind */
    u32 action; /* position in the program's actions, where kind is VS_DIRECT */
    union {
        struct vs_member *member;
        struct vs_group *group;
        u64 data[1]; /* action data: each parameter in whole words */
    };
};

struct vs_member {
    struct vs_act *act;
    u64 id;
};

/* The members of a group with their weights multiplied out. Replaced as a whole. */
struct vs_buckets {
    u32 count;
    bool watched; /* some bucket has a watch port */
    struct {
        struct vs_member *member;
        int port;
    } bucket[];
};

struct vs_group {
    struct vs_buckets *buckets;
    u64 id;
};

/* Two-rate three-colour meter as simple_switch runs it (meter.c); no meter: always green. Rates per microsecond. */
struct vs_meter {
    struct {
        double rate;
        u64 burst, tokens, given;
    } peak, committed;
    u64 origin_us;
    u32 rates;
};

/* An entry in two parts of a cache line each: in front what a lookup needs seldom; then what it needs, with the
 * action that came with the INSERT behind the key. A hit in a large plain table costs one line beside its slot. */
struct vs_entry_rest {
    u64 packets, bytes;
    u64 last_hit_us;
    u64 order;             /* priority << 32 | handle: the smaller wins */
    struct vs_entry *next; /* same masked key, larger order (ternary only) */
    struct vs_meter *meter;
    u64 idle_us;           /* 0: does not age */
    u32 handle;
    u16 prefix_len;
    u16 idle_told;         /* how many times idle_us has passed since the last hit, modulo 2^16 */
};

struct vs_entry {
    struct vs_act *act;
    u64 key[];             /* ternary: masked; then low and high of ranges; then the first action */
};

#define VS_LINE 64
_Static_assert(sizeof(struct vs_entry_rest) == VS_LINE, "the rest of an entry is a cache line");

VS_INLINE struct vs_entry_rest *vs_rest(const struct vs_entry *e)
{
    return (struct vs_entry_rest *)(void *)((u8 *)(uintptr_t)e - VS_LINE);
}

/* Open addressing with linear probing. A slot holds 16 bits of the hash and the pointer, so that one load tells
 * nearly always whether the entry's cache line is worth fetching. */
struct vs_hash {
    u64 mask;
    u64 seed;
    u64 used, dead; /* writer only */
    u64 slot[];
};

#define VS_SLOT_DEAD 1
#define VS_SLOT_PTR(s) ((void *)(uintptr_t)((s) & 0xffffffffffffu))

/* A node of the longest prefix trie: six bits of the prefix (lpm.c). A link to a subtree is a pointer to its first
 * node, or, where there is one prefix only, a leaf: the entry, its prefix length, and bit 0 set. */
struct vs_node {
    u64 inner; /* prefixes that end in this node, after fewer than its six bits */
    u64 full;  /* ... after all of them */
    u64 outer; /* subtrees */
    u64 slot[];
};

#define VS_LEAF(entry, length) ((u64)(length) << 48 | (u64)(uintptr_t)(entry) | 1)
#define VS_IS_LEAF(link) (((link) & 1) != 0)
#define VS_LEAF_ENTRY(link) ((struct vs_entry *)(uintptr_t)((link) & 0xfffffffffffeu))
#define VS_LEAF_LENGTH(link) ((unsigned)((link) >> 48))

/* The roots of an LPM table with exact fields beside the prefix, one per value of those. */
struct vs_root {
    u64 link;
    u64 key[];
};

/* Ternary entries with the same mask. */
struct vs_tuple {
    u64 best;             /* no entry in it has a smaller order */
    struct vs_hash *hash;
    u32 count;
    u64 mask[];
};

struct vs_tuples {
    u32 count;
    struct vs_tuple *tuple[]; /* by ascending `best` */
};

struct vs_table_desc {
    const char *name;
    u8 match;            /* enum vs_match */
    bool counted, ages, metered;
    u16 key_fields;
    u16 key_words;       /* all words of a lookup key */
    u16 hash_words;      /* words before the prefix or the ranges */
    u16 lpm_bits;
    u32 max_size;
    int profile;         /* -1: actions are in the entries */
    const struct vs_field *fields;
};

struct vs_table {
    const struct vs_table_desc *desc;
    struct vs_act *fallback;   /* default action, NULL: none */
    struct vs_hash *hash;      /* exact: all entries; LPM: prefixes of full length */
    u64 root;                  /* LPM without exact fields: a link */
    struct vs_hash *roots;     /* LPM with exact fields */
    struct vs_tuples *tuples;  /* ternary, optional, range */
    struct vs_entry **entries; /* by handle; writer only */
    u32 capacity, count;
    u32 aging;                 /* entries with an idle timeout */
    u32 full_prefixes;
};

extern const u64 vs_lpm_path[64];

VS_INLINE u64 vs_mix(u64 a, u64 b)
{
    u128 r = (u128)a * b;
    return (u64)r ^ (u64)(r >> 64);
}

VS_INLINE u64 vs_hash_key(const u64 *key, unsigned words, u64 seed)
{
    u64 h = seed;
    for (unsigned i = 0; i < words; i++)
        h = vs_mix(h ^ key[i], 0x9e3779b97f4a7c15u);
    return h;
}

VS_INLINE bool vs_key_equal(const u64 *a, const u64 *b, unsigned words)
{
    u64 diff = 0;
    for (unsigned i = 0; i < words; i++)
        diff |= a[i] ^ b[i];
    return diff == 0;
}

/* What a slot says of a hash value when it may lead to the key. */
VS_INLINE u64 vs_tag(u64 hv) { return hv >> 48 | 1; }

/* Finds what has this key at `key_offset` bytes; NULL: nothing. */
VS_INLINE void *vs_hash_find(const struct vs_hash *h, const u64 *key, unsigned words, size_t key_offset)
{
    u64 hv = vs_hash_key(key, words, h->seed);
    u64 tag = vs_tag(hv);
    for (u64 i = hv;; i++) {
        u64 slot = vs_load(&h->slot[i & h->mask]);
        if (slot == 0)
            return NULL;
        if (slot >> 48 == tag) {
            u8 *object = VS_SLOT_PTR(slot);
            if (VS_LIKELY(vs_key_equal((const u64 *)(object + key_offset), key, words)))
                return object;
        }
    }
}

VS_INLINE struct vs_entry *vs_exact_find(const struct vs_table *t, const u64 *key, unsigned words)
{
    return vs_hash_find(vs_load(&t->hash), key, words, offsetof(struct vs_entry, key));
}

/* Six bits of a left-aligned bit string of `words` words (most significant first) from bit `at`. */
VS_INLINE unsigned vs_lpm_index(const u64 *bits, unsigned words, unsigned at)
{
    unsigned w = at >> 6, s = at & 63;
    u64 v = bits[w] << s;
    if (s > 58 && w + 1 < words)
        v |= bits[w + 1] >> (64 - s);
    return (unsigned)(v >> 58);
}

/* Whether the first `length` bits are the same. */
VS_INLINE bool vs_same_prefix(const u64 *a, const u64 *b, unsigned length)
{
    unsigned i = 0;
    for (; length > 64; length -= 64, i++)
        if (a[i] != b[i])
            return false;
    return length == 0 || (a[i] ^ b[i]) >> (64 - length) == 0;
}

/* The slot of subtree `i` of a node that has it. */
VS_INLINE const u64 *vs_child(const struct vs_node *n, unsigned i)
{
    u64 below = ((u64)1 << i) - 1;
    return &n->slot[__builtin_popcountll(n->inner) + __builtin_popcountll(n->full) + __builtin_popcountll(n->outer & below)];
}

/* The slot of the entry of all six bits `i` of a node that has it. */
VS_INLINE const u64 *vs_full(const struct vs_node *n, unsigned i)
{
    return &n->slot[__builtin_popcountll(n->inner) + __builtin_popcountll(n->full & (((u64)1 << i) - 1))];
}

/* `key`: `hash_words` exact words, then the prefix left-aligned in `words` more, most significant word first. */
VS_INLINE struct vs_entry *vs_trie_find(u64 link, const u64 *key, unsigned hash_words, unsigned words, unsigned width)
{
    const u64 *best = NULL, *bits = key + hash_words;
    for (unsigned at = 0; link != 0; at += 6) {
        if (VS_IS_LEAF(link)) {
            struct vs_entry *e = VS_LEAF_ENTRY(link);
            if (vs_same_prefix(e->key + hash_words, bits, VS_LEAF_LENGTH(link)))
                return e;
            break;
        }
        const struct vs_node *n = (const struct vs_node *)(uintptr_t)link;
        unsigned i = at < width ? vs_lpm_index(bits, words, at) : 0;
        u64 ending = n->inner & vs_lpm_path[i];
        if ((n->full >> i & 1) != 0) {
            best = vs_full(n, i);
        } else if (ending != 0) {
            u64 bit = (u64)1 << (63 - __builtin_clzll(ending));
            best = &n->slot[__builtin_popcountll(n->inner & (bit - 1))];
        }
        if ((n->outer >> i & 1) == 0)
            break;
        link = vs_load(vs_child(n, i));
    }
    return best == NULL ? NULL : (struct vs_entry *)(uintptr_t)vs_load(best);
}

/* The link to the trie of a key's exact words; 0: there is none. */
VS_INLINE u64 vs_lpm_root(const struct vs_table *t, const u64 *key, unsigned hash_words)
{
    if (hash_words == 0)
        return vs_load(&t->root);
    struct vs_root *r = vs_hash_find(vs_load(&t->roots), key, hash_words, offsetof(struct vs_root, key));
    return r == NULL ? 0 : vs_load(&r->link);
}

/* `key`: as for vs_trie_find; `words` is all of it. */
VS_INLINE struct vs_entry *vs_lpm_find(const struct vs_table *t, const u64 *key, unsigned hash_words,
                                       unsigned words, unsigned width)
{
    /* Host routes are in a hash: no prefix is longer, so a hit there ends the search. */
    if (vs_peek(&t->full_prefixes) != 0) {
        struct vs_entry *e = vs_exact_find(t, key, words);
        if (e != NULL)
            return e;
    }
    return vs_trie_find(vs_lpm_root(t, key, hash_words), key, hash_words, words - hash_words, width);
}

bool vs_in_ranges(const struct vs_table_desc *d, const struct vs_entry *e, const u64 *key);

VS_INLINE struct vs_entry *vs_ternary_find(const struct vs_table *t, const u64 *key, unsigned words, bool ranges)
{
    const struct vs_tuples *all = vs_load(&t->tuples);
    struct vs_entry *best = NULL;
    u64 best_order = ~(u64)0;
    u64 masked[VS_MAX_KEY_WORDS];
    for (u32 i = 0; i < all->count; i++) {
        const struct vs_tuple *tuple = all->tuple[i];
        if (vs_peek(&tuple->best) > best_order)
            break;
        for (unsigned w = 0; w < words; w++)
            masked[w] = key[w] & tuple->mask[w];
        struct vs_entry *e = vs_hash_find(vs_load(&tuple->hash), masked, words, offsetof(struct vs_entry, key));
        for (; e != NULL && vs_rest(e)->order < best_order; e = vs_load(&vs_rest(e)->next)) {
            if (!ranges || vs_in_ranges(t->desc, e, key)) {
                best = e;
                best_order = vs_rest(e)->order;
                break;
            }
        }
    }
    return best;
}

#endif
