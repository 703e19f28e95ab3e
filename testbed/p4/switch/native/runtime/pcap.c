/* Captures in the classic pcap format, microseconds, Ethernet. */
#include "vs_io.h"

#include <errno.h>
#include <time.h>

FILE *vs_pcap_open(const char *directory, const char *interface, const char *direction)
{
    static const struct {
        u32 magic;
        u16 major, minor;
        u32 zone, accuracy, longest, link;
    } header = {0xa1b2c3d4, 2, 4, 0, 0, 262144, 1};
    char path[4096];
    int n = snprintf(path, sizeof path, "%s/%s_%s.pcap", directory, interface, direction);
    if (n < 0 || (size_t)n >= sizeof path) {
        errno = ENAMETOOLONG;
        return NULL;
    }
    FILE *f = fopen(path, "wbe");
    if (f != NULL) {
        fwrite(&header, sizeof header, 1, f);
        fflush(f);
    }
    return f;
}

void vs_pcap_write(FILE *f, const u8 *data, u32 length)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    const u32 header[] = {(u32)t.tv_sec, (u32)(t.tv_nsec / 1000), length, length};
    fwrite(header, sizeof header, 1, f);
    fwrite(data, length, 1, f);
}
