/* The hash algorithms that simple_switch knows, over bytes. All give 64 bits, the value right-aligned. */
#ifndef VS_CALC_H
#define VS_CALC_H

#include "vs_base.h"

u64 vs_crc8_custom(const u8 *p, size_t n);
u64 vs_crc16(const u8 *p, size_t n);
u64 vs_crc16_custom(const u8 *p, size_t n);
u64 vs_crcCCITT(const u8 *p, size_t n);
u64 vs_crc32(const u8 *p, size_t n);
u64 vs_crc32_custom(const u8 *p, size_t n);
u64 vs_crc64_custom(const u8 *p, size_t n);
u64 vs_xor16(const u8 *p, size_t n);
u64 vs_xor32(const u8 *p, size_t n);
u64 vs_identity(const u8 *p, size_t n);
u64 vs_toeplitz(const u8 *p, size_t n);
u64 vs_xxh64(const u8 *p, size_t n);
u64 vs_hash_ex(const u8 *p, size_t n);

/* One's complement sum of big-endian 16-bit words (RFC 1071), not yet folded; an odd last byte is a high byte. */
u64 vs_sum16(u64 sum, const u8 *p, size_t n);

/* Adds a 64-bit number that stands for the same sum modulo 2^16 - 1. */
VS_INLINE u64 vs_sum_add(u64 sum, u64 v) { return sum + (v & 0xffffffff) + (v >> 32); }

VS_INLINE u64 vs_sum_fold(u64 sum)
{
    sum = (sum & 0xffffffff) + (sum >> 32);
    sum = (sum & 0xffff) + (sum >> 16);
    sum = (sum & 0xffff) + (sum >> 16);
    sum = (sum & 0xffff) + (sum >> 16);
    return ~sum & 0xffff;
}

VS_INLINE u64 vs_csum16(const u8 *p, size_t n) { return vs_sum_fold(vs_sum16(0, p, n)); }

#endif
