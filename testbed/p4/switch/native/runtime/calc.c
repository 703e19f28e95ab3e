#include "vs_calc.h"

/* A CRC by the usual parameters, with the table of its bytes. Reflected ones run on the reflected polynomial. */
struct crc {
    unsigned width;
    u64 polynomial, initial, final;
    bool reflected;
    u64 table[256];
};

static struct crc crc8_custom = {.width = 8, .polynomial = 0x07};
static struct crc crc16 = {.width = 16, .polynomial = 0x8005, .reflected = true};
static struct crc crc_ccitt = {.width = 16, .polynomial = 0x1021, .initial = 0xffff};
static struct crc crc32 = {.width = 32, .polynomial = 0x04c11db7, .initial = 0xffffffff, .final = 0xffffffff,
                           .reflected = true};
static struct crc crc64_custom = {.width = 64, .polynomial = 0x1b, .reflected = true};

static u64 reflect(u64 v, unsigned bits)
{
    u64 r = 0;
    for (unsigned i = 0; i < bits; i++)
        r |= (v >> i & 1) << (bits - 1 - i);
    return r;
}

static void fill_table(struct crc *c)
{
    u64 top = (u64)1 << (c->width - 1), mask = vs_ones(c->width), polynomial = reflect(c->polynomial, c->width);
    for (unsigned i = 0; i < 256; i++) {
        u64 v = c->reflected ? i : (u64)i << (c->width - 8);
        for (int bit = 0; bit < 8; bit++) {
            if (c->reflected)
                v = v >> 1 ^ ((v & 1) != 0 ? polynomial : 0);
            else
                v = (v << 1 ^ ((v & top) != 0 ? c->polynomial : 0)) & mask;
        }
        c->table[i] = v;
    }
}

__attribute__((constructor)) static void fill_tables(void)
{
    struct crc *all[] = {&crc8_custom, &crc16, &crc_ccitt, &crc32, &crc64_custom};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        fill_table(all[i]);
}

static u64 run(const struct crc *c, const u8 *p, size_t n)
{
    u64 v = c->initial, mask = vs_ones(c->width);
    if (c->reflected) {
        v = reflect(v, c->width);
        for (size_t i = 0; i < n; i++)
            v = v >> 8 ^ c->table[(v ^ p[i]) & 0xff];
    } else {
        for (size_t i = 0; i < n; i++)
            v = (v << 8 ^ c->table[(v >> (c->width - 8) ^ p[i]) & 0xff]) & mask;
    }
    return v ^ c->final;
}

u64 vs_crc8_custom(const u8 *p, size_t n) { return run(&crc8_custom, p, n); }
u64 vs_crc16(const u8 *p, size_t n) { return run(&crc16, p, n); }
u64 vs_crc16_custom(const u8 *p, size_t n) { return run(&crc16, p, n); }
u64 vs_crcCCITT(const u8 *p, size_t n) { return run(&crc_ccitt, p, n); }
u64 vs_crc32(const u8 *p, size_t n) { return run(&crc32, p, n); }
u64 vs_crc32_custom(const u8 *p, size_t n) { return run(&crc32, p, n); }
u64 vs_crc64_custom(const u8 *p, size_t n) { return run(&crc64_custom, p, n); }

/* XOR of big-endian words, the last one padded with zeros. */
static u64 xor_words(const u8 *p, size_t n, unsigned bytes)
{
    u64 v = 0;
    for (size_t i = 0; i < n; i++)
        v ^= (u64)p[i] << (8 * (bytes - 1 - i % bytes));
    return v;
}

u64 vs_xor16(const u8 *p, size_t n) { return xor_words(p, n, 2); }
u64 vs_xor32(const u8 *p, size_t n) { return xor_words(p, n, 4); }

/* The first eight bytes as a number. */
u64 vs_identity(const u8 *p, size_t n)
{
    u64 v = 0;
    for (size_t i = 0; i < n && i < 8; i++)
        v = v << 8 | p[i];
    return v;
}

/* Its key is all zeros until someone sets one, which P4Runtime cannot. */
u64 vs_toeplitz(const u8 *p, size_t n)
{
    (void)p;
    (void)n;
    return 0;
}

/* bmv2's example of a hash: FNV-1 with a different order of its two steps, on signed bytes. */
u64 vs_hash_ex(const u8 *p, size_t n)
{
    u32 h = 2166136261u;
    for (size_t i = 0; i < n; i++)
        h = (h ^ (u32)(int8_t)p[i]) * 16777619u;
    h += h << 13;
    h ^= h >> 7;
    h += h << 3;
    h ^= h >> 17;
    h += h << 5;
    return h;
}

#define XX1 0x9e3779b185ebca87u
#define XX2 0xc2b2ae3d27d4eb4fu
#define XX3 0x165667b19e3779f9u
#define XX4 0x85ebca77c2b2ae63u
#define XX5 0x27d4eb2f165667c5u

static u64 rotate(u64 v, unsigned by) { return v << by | v >> (64 - by); }
static u64 le64(const u8 *p) { return __builtin_bswap64(vs_be64(p)); }
static u64 xx_round(u64 acc, u64 v) { return rotate(acc + v * XX2, 31) * XX1; }
static u64 xx_merge(u64 acc, u64 v) { return (acc ^ xx_round(0, v)) * XX1 + XX4; }

/* XXH64 with seed 0, from its specification. */
u64 vs_xxh64(const u8 *p, size_t n)
{
    const u8 *end = p + n;
    u64 h = XX5;
    if (n >= 32) {
        u64 a = XX1 + XX2, b = XX2, c = 0, d = 0 - XX1;
        for (; end - p >= 32; p += 32) {
            a = xx_round(a, le64(p));
            b = xx_round(b, le64(p + 8));
            c = xx_round(c, le64(p + 16));
            d = xx_round(d, le64(p + 24));
        }
        h = rotate(a, 1) + rotate(b, 7) + rotate(c, 12) + rotate(d, 18);
        h = xx_merge(xx_merge(xx_merge(xx_merge(h, a), b), c), d);
    }
    h += n;
    for (; end - p >= 8; p += 8)
        h = rotate(h ^ xx_round(0, le64(p)), 27) * XX1 + XX4;
    if (end - p >= 4) {
        h = rotate(h ^ (u64)__builtin_bswap32((u32)vs_be32(p)) * XX1, 23) * XX2 + XX3;
        p += 4;
    }
    for (; p < end; p++)
        h = rotate(h ^ *p * XX5, 11) * XX1;
    h = (h ^ h >> 33) * XX2;
    h = (h ^ h >> 29) * XX3;
    return h ^ h >> 32;
}

u64 vs_sum16(u64 sum, const u8 *p, size_t n)
{
    for (; n >= 8; n -= 8, p += 8)
        sum = vs_sum_add(sum, vs_be64(p));
    for (; n >= 2; n -= 2, p += 2)
        sum += vs_be16(p);
    if (n != 0)
        sum += (u64)p[0] << 8;
    return sum;
}
