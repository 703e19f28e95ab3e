/* Delay cables in user space: every frame that comes in on one interface goes out on another, later.
 *
 *     delay_cable A B MICROSECONDS [A B MICROSECONDS ...]
 *
 * Writes "ready\n" to standard output once every interface is open, and runs until it is killed. The delay of
 * a cable is constant, so each direction is a first-in first-out ring ordered by time of departure. A ring
 * that is full drops what arrives. Times are CLOCK_MONOTONIC.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#ifndef PACKET_IGNORE_OUTGOING
#define PACKET_IGNORE_OUTGOING 23
#endif

enum { RING = 1 << 15, MAX_FRAME = 65536, TAG = 4, BURST = 64, EVENTS = 64 };

struct frame {
    uint64_t departs; /* ns */
    uint32_t length;
    unsigned char *bytes;
};

struct direction {
    int in, out;
    uint64_t delay; /* ns */
    uint32_t head, tail;
    struct frame ring[RING];
};

static uint64_t now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void fail(const char *what, const char *name) {
    fprintf(stderr, "delay_cable: %s: %s: %s\n", name, what, strerror(errno));
    exit(1);
}

static int open_wire(const char *name) {
    struct sockaddr_ll address = {.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL)};
    int wire = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int one = 1, megabytes = 4 << 20;
    if (wire < 0) fail("socket", name);
    setsockopt(wire, SOL_PACKET, PACKET_IGNORE_OUTGOING, &one, sizeof one);
    setsockopt(wire, SOL_PACKET, PACKET_AUXDATA, &one, sizeof one);
    setsockopt(wire, SOL_SOCKET, SO_RCVBUFFORCE, &megabytes, sizeof megabytes);
    setsockopt(wire, SOL_SOCKET, SO_SNDBUFFORCE, &megabytes, sizeof megabytes);
    address.sll_ifindex = (int)if_nametoindex(name);
    if (address.sll_ifindex == 0 || bind(wire, (struct sockaddr *)&address, sizeof address) < 0)
        fail("cannot be opened", name);
    return wire;
}

/* Receive a frame to `bytes`, which has TAG bytes of room in front of it. The kernel takes the outer VLAN tag
 * off and tells it beside the frame: put it back. Returns where the frame starts, or NULL if none waits. */
static unsigned char *receive(int wire, unsigned char *bytes, size_t room, size_t *length) {
    char control[CMSG_SPACE(sizeof(struct tpacket_auxdata))];
    struct iovec data = {bytes, room};
    struct msghdr message = {.msg_iov = &data, .msg_iovlen = 1, .msg_control = control,
                             .msg_controllen = sizeof control};
    ssize_t count = recvmsg(wire, &message, 0);
    if (count < 0) return NULL;
    *length = (size_t)count;
    for (struct cmsghdr *c = CMSG_FIRSTHDR(&message); c; c = CMSG_NXTHDR(&message, c)) {
        struct tpacket_auxdata aux;
        if (c->cmsg_level != SOL_PACKET || c->cmsg_type != PACKET_AUXDATA) continue;
        memcpy(&aux, CMSG_DATA(c), sizeof aux);
        if (!(aux.tp_status & TP_STATUS_VLAN_VALID) || count < 12) continue;
        uint16_t tag[2] = {htons(aux.tp_vlan_tpid ? aux.tp_vlan_tpid : ETH_P_8021Q), htons(aux.tp_vlan_tci)};
        memmove(bytes - TAG, bytes, 12);
        memcpy(bytes - TAG + 12, tag, TAG);
        *length += TAG;
        return bytes - TAG;
    }
    return bytes;
}

/* Take in what has arrived, at most one burst, so that departures of other cables are not held up. */
static void take_in(struct direction *d) {
    static unsigned char buffer[MAX_FRAME];
    for (int i = 0; i < BURST; i++) {
        size_t length;
        unsigned char *bytes = receive(d->in, buffer + TAG, sizeof buffer - TAG, &length);
        if (bytes == NULL) return;
        struct frame *f = &d->ring[d->tail % RING];
        if (d->tail - d->head == RING || (f->bytes = malloc(length)) == NULL) continue;
        memcpy(f->bytes, bytes, length);
        f->length = (uint32_t)length;
        f->departs = now() + d->delay;
        d->tail++;
    }
}

/* Send what is due. A frame that the far end refuses is lost, as on a wire. */
static void send_due(struct direction *d, uint64_t time) {
    while (d->head != d->tail && d->ring[d->head % RING].departs <= time) {
        struct frame *f = &d->ring[d->head++ % RING];
        (void)!send(d->out, f->bytes, f->length, 0);
        free(f->bytes);
    }
}

int main(int argc, char **argv) {
    int cables = (argc - 1) / 3, poll = epoll_create1(EPOLL_CLOEXEC);
    int alarm = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    struct direction *all = calloc((size_t)cables * 2 + 1, sizeof *all);
    struct epoll_event event = {.events = EPOLLIN}, events[EVENTS];
    if (argc < 4 || (argc - 1) % 3 || all == NULL || poll < 0 || alarm < 0) {
        fprintf(stderr, "usage: delay_cable A B MICROSECONDS ...\n");
        return 2;
    }
    prctl(PR_SET_TIMERSLACK, 1000, 0, 0, 0);
    for (int i = 0; i < cables; i++) {
        int a = open_wire(argv[1 + 3 * i]), b = open_wire(argv[2 + 3 * i]);
        uint64_t delay = strtoull(argv[3 + 3 * i], NULL, 10) * 1000;
        for (int way = 0; way < 2; way++) {
            struct direction *d = &all[2 * i + way];
            d->in = way ? b : a, d->out = way ? a : b, d->delay = delay;
            event.data.ptr = d;
            epoll_ctl(poll, EPOLL_CTL_ADD, d->in, &event);
        }
    }
    event.data.ptr = NULL;
    epoll_ctl(poll, EPOLL_CTL_ADD, alarm, &event);
    if (write(1, "ready\n", 6) < 0) return 1;
    for (;;) {
        int count = epoll_wait(poll, events, EVENTS, -1);
        uint64_t time, next = UINT64_MAX, ticks;
        for (int i = 0; i < count; i++) {
            if (events[i].data.ptr)
                take_in(events[i].data.ptr);
            else
                (void)!read(alarm, &ticks, sizeof ticks);
        }
        time = now();
        for (int i = 0; i < 2 * cables; i++) {
            send_due(&all[i], time);
            if (all[i].head != all[i].tail && all[i].ring[all[i].head % RING].departs < next)
                next = all[i].ring[all[i].head % RING].departs;
        }
        struct itimerspec when = {{0, 0}, {0, 0}}; /* zero: nothing waits */
        if (next != UINT64_MAX)
            when.it_value.tv_sec = (time_t)(next / 1000000000u), when.it_value.tv_nsec = (long)(next % 1000000000u);
        timerfd_settime(alarm, TFD_TIMER_ABSTIME, &when, NULL);
    }
}
