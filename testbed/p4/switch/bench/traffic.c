/* A traffic generator for the benchmark: raw frames, no stack.
 *
 *   traffic send IF FRAME_HEX LENGTH PPS SECONDS     (PPS 0: as fast as it goes)
 *   traffic latency IF_TX IF_RX FRAME_HEX LENGTH PPS COUNT
 *
 * The frame is padded to LENGTH. `send` prints the frames it sent and the nanoseconds it took; `latency` prints one
 * line of nanoseconds per frame that came back, -1 for a lost one. */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define BATCH 64
#define MAX_FRAME 65536

static uint64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static int open_socket(const char *interface, int protocol)
{
    struct sockaddr_ll address = {.sll_family = AF_PACKET, .sll_protocol = htons((uint16_t)protocol)};
    int one = 1, fd = socket(AF_PACKET, SOCK_RAW, 0);
    address.sll_ifindex = (int)if_nametoindex(interface);
    if (fd < 0 || address.sll_ifindex == 0) {
        perror(interface);
        exit(1);
    }
    setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &one, sizeof one);
    setsockopt(fd, SOL_PACKET, PACKET_QDISC_BYPASS, &one, sizeof one);
    if (bind(fd, (struct sockaddr *)&address, sizeof address) != 0) {
        perror(interface);
        exit(1);
    }
    return fd;
}

static size_t read_frame(uint8_t *frame, const char *hex, const char *length)
{
    size_t given = strlen(hex) / 2, wanted = strtoul(length, NULL, 10);
    for (size_t i = 0; i < given && i < MAX_FRAME; i++) {
        unsigned byte;
        sscanf(hex + 2 * i, "%2x", &byte);
        frame[i] = (uint8_t)byte;
    }
    return wanted > given && wanted <= MAX_FRAME ? wanted : given;
}

static void send_frames(int fd, uint8_t *frame, size_t length, double pps, double seconds)
{
    struct iovec vector = {frame, length};
    struct mmsghdr message[BATCH];
    uint64_t sent = 0, start = now_ns(), end = start + (uint64_t)(seconds * 1e9), now = start;
    memset(message, 0, sizeof message);
    for (int i = 0; i < BATCH; i++)
        message[i].msg_hdr = (struct msghdr){.msg_iov = &vector, .msg_iovlen = 1};
    while (now < end) {
        unsigned batch = BATCH;
        if (pps > 0) {
            double owed = (double)(now - start) * 1e-9 * pps - (double)sent;
            if (owed < 1) {
                uint64_t wait = (uint64_t)((1 - owed) / pps * 1e9);
                nanosleep(&(struct timespec){0, (long)(wait < 999999999 ? wait : 999999999)}, NULL);
                now = now_ns();
                continue;
            }
            batch = owed < BATCH ? (unsigned)owed : BATCH;
        }
        int n = sendmmsg(fd, message, batch, 0);
        if (n > 0)
            sent += (uint64_t)n;
        now = now_ns();
    }
    printf("%llu %llu\n", (unsigned long long)sent, (unsigned long long)(now - start));
}

/* The last 16 bytes of each frame are a number and nothing else that the switch may change. */
static void measure(int tx, int rx, uint8_t *frame, size_t length, double pps, unsigned count)
{
    uint8_t received[MAX_FRAME];
    uint64_t magic = now_ns(), gap = (uint64_t)(1e9 / pps);
    for (unsigned i = 0; i < count; i++) {
        uint64_t tag[2] = {magic, i};
        memcpy(frame + length - sizeof tag, tag, sizeof tag);
        uint64_t start = now_ns(), deadline = start + 20000000;
        int64_t took = -1;
        if (send(tx, frame, length, 0) < 0)
            perror("send");
        /* Spinning: to be woken up would take as long as the switch does, and is not its time. */
        for (uint64_t now = start; now < deadline && took < 0; now = now_ns()) {
            ssize_t n = recv(rx, received, sizeof received, MSG_DONTWAIT);
            if (n >= (ssize_t)sizeof tag && memcmp(received + n - sizeof tag, tag, sizeof tag) == 0)
                took = (int64_t)(now_ns() - start);
        }
        printf("%lld\n", (long long)took);
        uint64_t next = start + gap, now = now_ns();
        if (next > now)
            nanosleep(&(struct timespec){(time_t)((next - now) / 1000000000u), (long)((next - now) % 1000000000u)}, NULL);
    }
}

int main(int argc, char **argv)
{
    static uint8_t frame[MAX_FRAME];
    if (argc == 7 && strcmp(argv[1], "send") == 0) {
        size_t length = read_frame(frame, argv[3], argv[4]);
        send_frames(open_socket(argv[2], 0), frame, length, atof(argv[5]), atof(argv[6]));
        return 0;
    }
    if (argc == 8 && strcmp(argv[1], "latency") == 0) {
        size_t length = read_frame(frame, argv[4], argv[5]);
        measure(open_socket(argv[2], 0), open_socket(argv[3], ETH_P_ALL), frame, length, atof(argv[6]),
                (unsigned)atoi(argv[7]));
        return 0;
    }
    fprintf(stderr, "usage: traffic send|latency ...\n");
    return 2;
}
