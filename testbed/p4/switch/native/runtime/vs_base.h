/* Types, byte order and memory order: what every other file of the runtime and every generated program uses. */
#ifndef VS_BASE_H
#define VS_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;
typedef int64_t i64;
__extension__ typedef unsigned __int128 u128;
__extension__ typedef __int128 i128;

#define VS_LIKELY(x) __builtin_expect(!!(x), 1)
#define VS_UNLIKELY(x) __builtin_expect(!!(x), 0)
#define VS_EXPORT __attribute__((visibility("default")))
#define VS_INLINE static inline __attribute__((always_inline))

/* Readers follow pointers that one writer publishes: acquire and release are all that takes (see epoch.c). */
#define vs_load(p) __atomic_load_n((p), __ATOMIC_ACQUIRE)
#define vs_store(p, v) __atomic_store_n((p), (v), __ATOMIC_RELEASE)
/* Counters have one writer and readers that want no tearing, nothing more. */
#define vs_peek(p) __atomic_load_n((p), __ATOMIC_RELAXED)
#define vs_poke(p, v) __atomic_store_n((p), (v), __ATOMIC_RELAXED)
#define vs_bump(p, n) vs_poke((p), *(p) + (n))

/* Big-endian loads and stores of any alignment. */
VS_INLINE u64 vs_be8(const u8 *p) { return p[0]; }
VS_INLINE u64 vs_be16(const u8 *p) { u16 v; memcpy(&v, p, 2); return __builtin_bswap16(v); }
VS_INLINE u64 vs_be32(const u8 *p) { u32 v; memcpy(&v, p, 4); return __builtin_bswap32(v); }
VS_INLINE u64 vs_be64(const u8 *p) { u64 v; memcpy(&v, p, 8); return __builtin_bswap64(v); }
VS_INLINE u64 vs_be24(const u8 *p) { return vs_be16(p) << 8 | p[2]; }
VS_INLINE u64 vs_be40(const u8 *p) { return vs_be32(p) << 8 | p[4]; }
VS_INLINE u64 vs_be48(const u8 *p) { return vs_be32(p) << 16 | vs_be16(p + 4); }
VS_INLINE u64 vs_be56(const u8 *p) { return vs_be32(p) << 24 | vs_be24(p + 4); }
VS_INLINE u128 vs_be128(const u8 *p) { return (u128)vs_be64(p) << 64 | vs_be64(p + 8); }

VS_INLINE void vs_put8(u8 *p, u64 v) { p[0] = (u8)v; }
VS_INLINE void vs_put16(u8 *p, u64 v) { u16 x = __builtin_bswap16((u16)v); memcpy(p, &x, 2); }
VS_INLINE void vs_put32(u8 *p, u64 v) { u32 x = __builtin_bswap32((u32)v); memcpy(p, &x, 4); }
VS_INLINE void vs_put64(u8 *p, u64 v) { u64 x = __builtin_bswap64(v); memcpy(p, &x, 8); }
VS_INLINE void vs_put24(u8 *p, u64 v) { vs_put16(p, v >> 8); p[2] = (u8)v; }
VS_INLINE void vs_put40(u8 *p, u64 v) { vs_put32(p, v >> 8); p[4] = (u8)v; }
VS_INLINE void vs_put48(u8 *p, u64 v) { vs_put32(p, v >> 16); vs_put16(p + 4, v); }
VS_INLINE void vs_put56(u8 *p, u64 v) { vs_put32(p, v >> 24); vs_put24(p + 4, v); }
VS_INLINE void vs_put128(u8 *p, u128 v) { vs_put64(p, (u64)(v >> 64)); vs_put64(p + 8, (u64)v); }

/* The low `bits` bits set; any width from 0 to 64. */
VS_INLINE u64 vs_ones(unsigned bits) { return bits >= 64 ? ~(u64)0 : ((u64)1 << bits) - 1; }

/* Shifts of any amount: C leaves shifts by the type's width and more undefined, P4 says zero. */
VS_INLINE u64 vs_shl64(u64 v, u64 n) { return n >= 64 ? 0 : v << n; }
VS_INLINE u64 vs_shr64(u64 v, u64 n) { return n >= 64 ? 0 : v >> n; }
VS_INLINE i64 vs_sar64(i64 v, u64 n) { return v >> (n >= 64 ? 63 : n); }
VS_INLINE u128 vs_shl128(u128 v, u64 n) { return n >= 128 ? 0 : v << n; }
VS_INLINE u128 vs_shr128(u128 v, u64 n) { return n >= 128 ? 0 : v >> n; }
VS_INLINE i128 vs_sar128(i128 v, u64 n) { return v >> (n >= 128 ? 127 : n); }

/* Sign-extend the low `bits` bits (1 to 64, 1 to 128). */
VS_INLINE i64 vs_sext64(u64 v, unsigned bits) { return (i64)(v << (64 - bits)) >> (64 - bits); }
VS_INLINE i128 vs_sext128(u128 v, unsigned bits) { return (i128)(v << (128 - bits)) >> (128 - bits); }

#endif
