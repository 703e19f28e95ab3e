/* Memory for what lookups touch: entries and trie nodes, on whole cache lines and huge pages. A lookup among 100,000
 * entries misses the TLB more often than the cache otherwise.
 *
 * One stretch of addresses is reserved and opened chunk by chunk; a chunk is cut into runs of objects of one size.
 * What is given back waits for the next object of its size. The addresses tell these objects from malloc's. */
#include <pthread.h>
#include <sys/mman.h>

#include "vs_heap.h"

#define LINE ((size_t)64)
#define LARGEST ((size_t)2048)
#define RUN ((size_t)32 << 10)
#define CHUNK ((size_t)2 << 20) /* a huge page */
#define RESERVED ((size_t)64 << 30)

struct unused {
    struct unused *next;
};

static struct {
    pthread_mutex_t lock;
    u8 *base, *next, *open;              /* reserved from, runs from, usable up to */
    bool failed;
    struct unused *unused[LARGEST / LINE + 1]; /* by size in lines */
    u8 lines[RESERVED / RUN];            /* size of the objects of each run */
} heap = {.lock = PTHREAD_MUTEX_INITIALIZER};

static bool reserve(void)
{
    if (heap.base == NULL && !heap.failed) {
        u8 *at = mmap(NULL, RESERVED + CHUNK, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        heap.failed = at == MAP_FAILED;
        if (!heap.failed)
            heap.base = heap.next = heap.open = at + (CHUNK - (uintptr_t)at % CHUNK) % CHUNK;
    }
    return heap.base != NULL;
}

static u8 *take_run(void)
{
    if (!reserve() || (size_t)(heap.next - heap.base) + RUN > RESERVED)
        return NULL;
    if (heap.next == heap.open) {
        if (mprotect(heap.open, CHUNK, PROT_READ | PROT_WRITE) != 0)
            return NULL;
        (void)madvise(heap.open, CHUNK, MADV_HUGEPAGE);
        heap.open += CHUNK;
    }
    u8 *run = heap.next;
    heap.next += RUN;
    return run;
}

static bool refill(size_t lines)
{
    u8 *run = take_run();
    if (run == NULL)
        return false;
    heap.lines[(size_t)(run - heap.base) / RUN] = (u8)lines;
    size_t bytes = lines * LINE;
    for (size_t at = RUN / bytes * bytes; at >= bytes; at -= bytes) {
        struct unused *object = (struct unused *)(void *)(run + at - bytes);
        object->next = heap.unused[lines];
        heap.unused[lines] = object;
    }
    return true;
}

void *vs_take(size_t bytes)
{
    size_t lines = (bytes + LINE - 1) / LINE;
    if (bytes > LARGEST)
        return aligned_alloc(LINE, lines * LINE);
    pthread_mutex_lock(&heap.lock);
    struct unused *object = heap.unused[lines];
    if (object == NULL && refill(lines))
        object = heap.unused[lines];
    if (object != NULL)
        heap.unused[lines] = object->next;
    pthread_mutex_unlock(&heap.lock);
    return object != NULL ? (void *)object : aligned_alloc(LINE, lines * LINE);
}

void vs_give(void *memory)
{
    size_t offset = (size_t)((u8 *)memory - heap.base);
    if (memory == NULL || heap.base == NULL || offset >= RESERVED) {
        free(memory);
        return;
    }
    pthread_mutex_lock(&heap.lock);
    struct unused *object = memory;
    size_t lines = heap.lines[offset / RUN];
    object->next = heap.unused[lines];
    heap.unused[lines] = object;
    pthread_mutex_unlock(&heap.lock);
}

void *vs_take_large(size_t bytes)
{
    if (bytes < CHUNK / 2)
        return calloc(1, bytes);
    size_t whole = (bytes + CHUNK - 1) / CHUNK * CHUNK;
    void *memory = aligned_alloc(CHUNK, whole);
    if (memory != NULL) {
        (void)madvise(memory, whole, MADV_HUGEPAGE);
        memset(memory, 0, bytes);
    }
    return memory;
}
