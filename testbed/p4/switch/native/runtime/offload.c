/* Frames of a host on this machine whose interface still offloads checksums: the checksum is left for hardware that
 * is not there. A switch has to see what a wire would carry. */
#include "vs_calc.h"
#include "vs_io.h"

enum { ETHERTYPE_OFFSET = 12, ETHERNET_BYTES = 14, TCP = 6, UDP = 17 };

/* The transport header: where it starts and where what it covers ends; its protocol, 0 if there is none. */
static u8 find_transport(const u8 *data, u32 length, u32 *start, u32 *end)
{
    u32 at = ETHERNET_BYTES;
    if (length < at)
        return 0;
    u64 type = vs_be16(data + ETHERTYPE_OFFSET);
    for (; (type == 0x8100 || type == 0x88a8) && length >= at + 4; at += 4)
        type = vs_be16(data + at + 2);
    if (type == 0x0800 && length >= at + 20) {
        *start = at + (data[at] & 0xfu) * 4;
        *end = at + (u32)vs_be16(data + at + 2);
        return data[at + 9];
    }
    if (type == 0x86dd && length >= at + 40) {
        *start = at + 40;
        *end = *start + (u32)vs_be16(data + at + 4);
        return data[at + 6];
    }
    return 0;
}

/* The checksum field holds the sum of the pseudo header already (what hardware would be given). */
void vs_complete_checksum(u8 *data, u32 length)
{
    u32 start = 0, end = 0;
    u8 protocol = find_transport(data, length, &start, &end);
    u32 field = start + (protocol == TCP ? 16 : 6);
    if ((protocol != TCP && protocol != UDP) || end > length || field + 2 > end)
        return;
    u64 sum = vs_sum_fold(vs_sum16(0, data + start, end - start));
    vs_put16(data + field, protocol == UDP && sum == 0 ? 0xffff : sum);
}
