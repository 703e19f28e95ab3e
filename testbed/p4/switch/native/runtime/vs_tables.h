/* Changing match tables: the writer's side of vs_table.h. One writer at a time. */
#ifndef VS_TABLES_H
#define VS_TABLES_H

#include "vs_epoch.h"
#include "vs_table.h"

/* Hash sets of objects that hold their key at `key_offset` bytes (exact.c). */
struct vs_hash *vs_hash_new(u64 capacity, u64 seed);
bool vs_hash_insert(struct vs_hash **set, void *object, size_t key_offset, unsigned words, struct vs_epoch *e);
void vs_hash_remove(struct vs_hash *set, void *object, size_t key_offset, unsigned words);
/* Puts `object` in the place of `former`, which has the same key. */
void vs_hash_replace(struct vs_hash *set, void *former, void *object, size_t key_offset, unsigned words);

/* Entries of one match kind: insert and remove an entry whose key is filled in. False: no memory. */
bool vs_exact_insert(struct vs_table *t, struct vs_entry *entry, struct vs_epoch *e);
void vs_exact_remove(struct vs_table *t, struct vs_entry *entry);
bool vs_lpm_insert(struct vs_table *t, struct vs_entry *entry, struct vs_epoch *e);
void vs_lpm_remove(struct vs_table *t, struct vs_entry *entry, struct vs_epoch *e);
void vs_lpm_free(struct vs_table *t);
bool vs_ternary_insert(struct vs_table *t, struct vs_entry *entry, const u64 *mask, struct vs_epoch *e);
void vs_ternary_remove(struct vs_table *t, struct vs_entry *entry, struct vs_epoch *e);
bool vs_ternary_init(struct vs_table *t);
void vs_ternary_free(struct vs_table *t);

bool vs_table_init(struct vs_table *t, const struct vs_table_desc *desc, u64 seed);
void vs_table_free(struct vs_table *t);

/* What an operation says about an entry (see target.TableOp); `key` and `mask` are the packed byte strings. */
struct vs_entry_spec {
    u32 handle, priority;
    u16 prefix_len;
    const u8 *key, *mask;
    struct vs_act *act; /* taken over, also when the operation fails */
    size_t act_bytes;
    u64 idle_us, now_us;
};

enum { VS_OK = 0, VS_NO_MEMORY = 8, VS_BAD_ARGUMENT = 3 };

int vs_table_insert(struct vs_table *t, const struct vs_entry_spec *s, struct vs_epoch *e);
int vs_table_modify(struct vs_table *t, const struct vs_entry_spec *s, struct vs_epoch *e);
int vs_table_delete(struct vs_table *t, u32 handle, struct vs_epoch *e);

struct vs_entry *vs_table_entry(const struct vs_table *t, u32 handle);

#endif
