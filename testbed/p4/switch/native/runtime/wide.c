#include "vs_wide.h"

void vs_w_add(u64 *r, const u64 *a, const u64 *b, unsigned n)
{
    u64 carry = 0;
    for (unsigned i = 0; i < n; i++) {
        u128 s = (u128)a[i] + b[i] + carry;
        r[i] = (u64)s;
        carry = (u64)(s >> 64);
    }
}

void vs_w_sub(u64 *r, const u64 *a, const u64 *b, unsigned n)
{
    u64 borrow = 0;
    for (unsigned i = 0; i < n; i++) {
        u128 d = (u128)a[i] - b[i] - borrow;
        r[i] = (u64)d;
        borrow = (u64)(d >> 64) & 1;
    }
}

void vs_w_mul(u64 *r, const u64 *a, const u64 *b, unsigned n)
{
    u64 product[VS_WIDE_MAX] = {0};
    for (unsigned i = 0; i < n; i++) {
        u64 carry = 0;
        for (unsigned j = 0; i + j < n; j++) {
            u128 s = (u128)a[i] * b[j] + product[i + j] + carry;
            product[i + j] = (u64)s;
            carry = (u64)(s >> 64);
        }
    }
    memcpy(r, product, n * sizeof *r);
}

static void negate(u64 *r, const u64 *a, unsigned n)
{
    static const u64 zero[VS_WIDE_MAX];
    vs_w_sub(r, zero, a, n);
}

/* Shift and subtract: long division a bit at a time, on magnitudes. */
void vs_w_div(u64 *r, const u64 *a, const u64 *b, unsigned n, bool remainder, bool is_signed)
{
    u64 quotient[VS_WIDE_MAX] = {0}, rest[VS_WIDE_MAX] = {0}, x[VS_WIDE_MAX], y[VS_WIDE_MAX];
    bool x_negative = is_signed && vs_w_negative(a, n), y_negative = is_signed && vs_w_negative(b, n);
    memcpy(x, a, n * sizeof *x);
    memcpy(y, b, n * sizeof *y);
    if (x_negative)
        negate(x, a, n);
    if (y_negative)
        negate(y, b, n);
    for (size_t bit = vs_w_zero(y, n) ? 0 : (size_t)n * 64; bit-- > 0;) {
        vs_w_shl(rest, rest, 1, n);
        rest[0] |= x[bit / 64] >> (bit % 64) & 1;
        if (vs_w_cmp(rest, y, n, false) >= 0) {
            vs_w_sub(rest, rest, y, n);
            quotient[bit / 64] |= (u64)1 << (bit % 64);
        }
    }
    memcpy(r, remainder ? rest : quotient, n * sizeof *r);
    if (remainder ? x_negative : x_negative != y_negative)
        negate(r, r, n);
}

void vs_w_and(u64 *r, const u64 *a, const u64 *b, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        r[i] = a[i] & b[i];
}

void vs_w_or(u64 *r, const u64 *a, const u64 *b, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        r[i] = a[i] | b[i];
}

void vs_w_xor(u64 *r, const u64 *a, const u64 *b, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        r[i] = a[i] ^ b[i];
}

void vs_w_not(u64 *r, const u64 *a, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        r[i] = ~a[i];
}

void vs_w_shl(u64 *r, const u64 *a, u64 by, unsigned n)
{
    size_t words = by / 64, bits = by % 64;
    for (size_t i = n; i-- > 0;) {
        u64 high = i >= words ? a[i - words] : 0;
        u64 low = bits != 0 && i >= words + 1 ? a[i - words - 1] : 0;
        r[i] = bits == 0 ? high : high << bits | low >> (64 - bits);
    }
}

void vs_w_shr(u64 *r, const u64 *a, u64 by, unsigned n, bool is_signed)
{
    u64 fill = is_signed && vs_w_negative(a, n) ? ~(u64)0 : 0;
    u64 words = by / 64, bits = by % 64;
    for (unsigned i = 0; i < n; i++) {
        u64 low = words < n - i ? a[i + words] : fill;
        u64 high = words + 1 < n - i ? a[i + words + 1] : fill;
        r[i] = bits == 0 ? low : low >> bits | high << (64 - bits);
    }
}

void vs_w_trim(u64 *r, const u64 *a, unsigned bits, unsigned n, bool is_signed)
{
    bool negative = is_signed && bits != 0 && (a[(bits - 1) / 64] >> ((bits - 1) % 64) & 1) != 0;
    for (unsigned i = 0; i < n; i++) {
        unsigned left = bits > i * 64 ? bits - i * 64 : 0;
        u64 mask = vs_ones(left);
        r[i] = negative ? a[i] | ~mask : a[i] & mask;
    }
}

int vs_w_cmp(const u64 *a, const u64 *b, unsigned n, bool is_signed)
{
    if (is_signed && vs_w_negative(a, n) != vs_w_negative(b, n))
        return vs_w_negative(a, n) ? -1 : 1;
    for (unsigned i = n; i-- > 0;)
        if (a[i] != b[i])
            return a[i] < b[i] ? -1 : 1;
    return 0;
}

void vs_bits_get(u64 *r, unsigned n, const u8 *from, size_t at, size_t bits)
{
    memset(r, 0, n * sizeof *r);
    for (size_t done = 0; done < bits;) {
        /* from the end of the string: whole bytes where it is aligned, else what a byte has */
        size_t end = at + bits - done, in_byte = (end - 1) % 8 + 1;
        size_t take = in_byte < bits - done ? in_byte : bits - done;
        u64 value = (u64)(from[(end - 1) / 8] >> (8 - in_byte)) & vs_ones((unsigned)take);
        size_t word = done / 64, shift = done % 64;
        if (word < n)
            r[word] |= value << shift;
        if (shift + take > 64 && word + 1 < n)
            r[word + 1] |= value >> (64 - shift);
        done += take;
    }
}

void vs_bits_put(u8 *to, size_t at, const u64 *a, size_t bits)
{
    for (size_t done = 0; done < bits;) {
        size_t end = at + bits - done, in_byte = (end - 1) % 8 + 1;
        size_t take = in_byte < bits - done ? in_byte : bits - done;
        size_t word = done / 64, shift = done % 64;
        u64 value = a[word] >> shift;
        if (shift + take > 64)
            value |= a[word + 1] << (64 - shift);
        u8 mask = (u8)(vs_ones((unsigned)take) << (8 - in_byte));
        u8 *byte = &to[(end - 1) / 8];
        *byte = (u8)((*byte & ~mask) | ((value << (8 - in_byte)) & mask));
        done += take;
    }
}
