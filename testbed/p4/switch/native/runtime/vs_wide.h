/* Integers wider than 128 bits: n 64-bit words, least significant first, two's complement, modulo 2^(64 n).
 * The code generator chooses n so that nothing that matters is lost; speed does not matter here. */
#ifndef VS_WIDE_H
#define VS_WIDE_H

#include "vs_base.h"

#define VS_WIDE_MAX 2056 /* words of the longest intermediate result */

VS_INLINE void vs_w_from64(u64 *r, u64 v, bool negative, unsigned n)
{
    r[0] = v;
    for (unsigned i = 1; i < n; i++)
        r[i] = negative ? ~(u64)0 : 0;
}

VS_INLINE void vs_w_from128(u64 *r, u128 v, bool negative, unsigned n)
{
    vs_w_from64(r, (u64)v, negative, n);
    if (n > 1)
        r[1] = (u64)(v >> 64);
}

VS_INLINE u128 vs_w_to128(const u64 *a) { return (u128)a[1] << 64 | a[0]; }
VS_INLINE bool vs_w_negative(const u64 *a, unsigned n) { return a[n - 1] >> 63 != 0; }

VS_INLINE bool vs_w_zero(const u64 *a, unsigned n)
{
    u64 any = 0;
    for (unsigned i = 0; i < n; i++)
        any |= a[i];
    return any == 0;
}

/* Widen or narrow. */
VS_INLINE void vs_w_copy(u64 *r, unsigned n, const u64 *a, unsigned m, bool is_signed)
{
    bool negative = is_signed && vs_w_negative(a, m);
    for (unsigned i = 0; i < n; i++)
        r[i] = i < m ? a[i] : negative ? ~(u64)0 : 0;
}

void vs_w_add(u64 *r, const u64 *a, const u64 *b, unsigned n);
void vs_w_sub(u64 *r, const u64 *a, const u64 *b, unsigned n);
void vs_w_mul(u64 *r, const u64 *a, const u64 *b, unsigned n);
/* Truncated towards zero; division by zero gives zero. */
void vs_w_div(u64 *r, const u64 *a, const u64 *b, unsigned n, bool remainder, bool is_signed);
void vs_w_and(u64 *r, const u64 *a, const u64 *b, unsigned n);
void vs_w_or(u64 *r, const u64 *a, const u64 *b, unsigned n);
void vs_w_xor(u64 *r, const u64 *a, const u64 *b, unsigned n);
void vs_w_not(u64 *r, const u64 *a, unsigned n);
void vs_w_shl(u64 *r, const u64 *a, u64 by, unsigned n);
void vs_w_shr(u64 *r, const u64 *a, u64 by, unsigned n, bool is_signed);
/* Keep the low `bits` bits; sign-extended or zero-extended. */
void vs_w_trim(u64 *r, const u64 *a, unsigned bits, unsigned n, bool is_signed);
/* Less than zero, zero, greater than zero. */
int vs_w_cmp(const u64 *a, const u64 *b, unsigned n, bool is_signed);

/* As an index: whatever is negative or does not fit is larger than any array. */
VS_INLINE u64 vs_w_index(const u64 *a, unsigned n) { return n > 1 && !vs_w_zero(a + 1, n - 1) ? ~(u64)0 : a[0]; }

/* `bits` bits of a byte string, `at` bits from its start, to and from words. */
void vs_bits_get(u64 *r, unsigned n, const u8 *from, size_t at, size_t bits);
void vs_bits_put(u8 *to, size_t at, const u64 *a, size_t bits);

#endif
