/* Memory for the copies that one burst makes: handed out from large chunks, all given back at once. */
#include "vs_switch.h"

#define CHUNK_BYTES (256 * 1024)

struct vs_chunk {
    struct vs_chunk *next;
    size_t used, size;
    u8 *bytes;
};

u8 *vs_arena_take(struct vs_context *c, size_t bytes)
{
    bytes = (bytes + 63) / 64 * 64;
    struct vs_chunk *chunk = c->chunks;
    if (chunk == NULL || chunk->used + bytes > chunk->size) {
        size_t size = bytes > CHUNK_BYTES ? bytes : CHUNK_BYTES;
        chunk = malloc(sizeof *chunk + size);
        if (chunk == NULL)
            return NULL;
        *chunk = (struct vs_chunk){c->chunks, 0, size, (u8 *)(chunk + 1)};
        c->chunks = chunk;
    }
    u8 *taken = chunk->bytes + chunk->used;
    chunk->used += bytes;
    return taken;
}

/* Keeps one chunk: the next burst needs it. */
void vs_arena_reset(struct vs_context *c)
{
    if (c->chunks == NULL)
        return;
    while (c->chunks->next != NULL) {
        struct vs_chunk *next = c->chunks->next;
        free(c->chunks);
        c->chunks = next;
    }
    c->chunks->used = 0;
}

void vs_arena_free(struct vs_context *c)
{
    vs_arena_reset(c);
    free(c->chunks);
    c->chunks = NULL;
}
