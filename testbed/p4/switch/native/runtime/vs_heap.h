/* Memory for what lookups touch (heap.c). */
#ifndef VS_HEAP_H
#define VS_HEAP_H

#include "vs_base.h"

/* Whole cache lines, not cleared; NULL: no memory. */
void *vs_take(size_t bytes);
/* Zeros, for arrays; goes back with vs_give or free. */
void *vs_take_large(size_t bytes);
/* Gives back what came from vs_take or from malloc. */
void vs_give(void *memory);

#endif
