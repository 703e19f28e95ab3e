/* The packet thread's way from rings through the pipeline to sockets. */
#include "vs_io.h"

#include <errno.h>
#include <linux/if_packet.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define LARGE_FRAME (256 * 1024)
#define VLAN_TAG 4

bool vs_io_init(struct vs_switch *sw)
{
    struct vs_io *io = calloc(1, sizeof *io);
    if (io == NULL)
        return false;
    sw->io = io;
    io->sw = sw;
    io->keeper_stop = io->netlink_fd = -1;
    io->large = malloc(LARGE_FRAME);
    io->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event event = {.events = EPOLLIN, .data.fd = sw->wake_fd};
    return io->large != NULL && io->epoll_fd >= 0 &&
           epoll_ctl(io->epoll_fd, EPOLL_CTL_ADD, sw->wake_fd, &event) == 0 && vs_keeper_start(sw);
}

void vs_io_free(struct vs_switch *sw)
{
    struct vs_io *io = sw->io;
    if (io == NULL)
        return;
    for (u32 i = 0; i < VS_MAX_PORTS; i++) {
        struct vs_port *p = io->port[i];
        if (p == NULL)
            continue;
        vs_port_close(p);
        vs_line_clear(&p->line);
        for (int d = 0; d < 2; d++)
            if (p->pcap[d] != NULL)
                fclose(p->pcap[d]);
        free(p);
    }
    if (io->epoll_fd >= 0)
        close(io->epoll_fd);
    free(io->large);
    free(io);
    sw->io = NULL;
}

/* -- sending ------------------------------------------------------------------------------------------------- */

static void send_pending(struct vs_switch *sw, struct vs_port *p)
{
    u32 done = 0;
    while (done < p->pending && p->fd >= 0) {
        int sent = sendmmsg(p->fd, p->message + done, p->pending - done, MSG_DONTWAIT);
        if (sent > 0) {
            vs_bump(&sw->counts[VS_TX], (u64)sent);
            done += (u32)sent;
        } else if (errno != EINTR) {
            /* The first one is at fault: longer than the MTU, or the queue behind it is full. */
            vs_note(sw, VS_DROP_TX);
            done++;
        }
    }
    p->pending = 0;
}

void vs_port_send(struct vs_io *io, struct vs_port *p, u8 *data, u32 length)
{
    if (p->pending == VS_BURST)
        send_pending(io->sw, p);
    if (!p->dirty) {
        p->dirty = true;
        io->dirty[io->dirty_count++] = p;
    }
    p->vector[p->pending] = (struct iovec){data, length};
    p->pending++;
    if (p->pcap[1] != NULL)
        vs_pcap_write(p->pcap[1], data, length);
}

void vs_emit(struct vs_context *c, u32 port, u8 *data, u32 length)
{
    struct vs_switch *sw = c->sw;
    if (port == sw->options.cpu_port) {
        vs_event_send(sw, VS_PACKET_IN, 0, 0, data, length);
        return;
    }
    struct vs_port *p = port < VS_MAX_PORTS ? sw->io->port[port] : NULL;
    if (p == NULL)
        vs_note(sw, VS_DROP_NO_PORT);
    else if (!vs_peek(&p->up) || p->fd < 0)
        vs_note(sw, VS_DROP_PORT_DOWN);
    else if (!p->delayed)
        vs_port_send(sw->io, p, data, length);
    else if (!vs_line_put(&p->line, data, length))
        vs_note(sw, VS_DROP_QUEUE);
}

void vs_flush(struct vs_switch *sw)
{
    struct vs_io *io = sw->io;
    for (u32 i = 0; i < io->dirty_count; i++) {
        struct vs_port *p = io->dirty[i];
        if (p->pcap[1] != NULL)
            fflush(p->pcap[1]); /* before the frames leave: who receives one finds it in the capture */
        send_pending(sw, p);
        p->dirty = false;
        vs_line_free_sent(&p->line);
    }
    io->dirty_count = 0;
    vs_burst_done(&sw->live);
}

/* -- receiving ----------------------------------------------------------------------------------------------- */

static struct tpacket2_hdr *frame_at(struct vs_port *p, u32 i)
{
    return (struct tpacket2_hdr *)(void *)(p->ring + (size_t)i * p->frame_bytes);
}

/* The kernel takes the outer VLAN tag out of the frame: put it back behind the addresses. */
static u8 *put_vlan_tag(u8 *data, u32 *length, const struct tpacket2_hdr *h)
{
    u32 protocol = (h->tp_status & TP_STATUS_VLAN_TPID_VALID) != 0 ? h->tp_vlan_tpid : 0x8100;
    memmove(data - VLAN_TAG, data, 12);
    data -= VLAN_TAG;
    vs_put16(data + 12, protocol);
    vs_put16(data + 14, h->tp_vlan_tci);
    *length += VLAN_TAG;
    return data;
}

/* False: it was dropped. */
static bool take_frame(struct vs_switch *sw, struct vs_port *p, struct tpacket2_hdr *h, struct vs_frame *f)
{
    *f = (struct vs_frame){(u8 *)(h + 1), (u8 *)h + h->tp_mac, h->tp_snaplen};
    if (VS_UNLIKELY((h->tp_status & TP_STATUS_COPY) != 0)) {
        ssize_t got = recv(p->fd, sw->io->large + VLAN_TAG, LARGE_FRAME - VLAN_TAG, MSG_DONTWAIT);
        if (got < 0) {
            vs_note(sw, VS_DROP_TOO_LONG);
            return false;
        }
        *f = (struct vs_frame){sw->io->large, sw->io->large + VLAN_TAG, (u32)got};
    } else if (VS_UNLIKELY(f->length < h->tp_len)) {
        vs_note(sw, VS_DROP_TOO_LONG);
        return false;
    }
    if (VS_UNLIKELY((h->tp_status & TP_STATUS_CSUMNOTREADY) != 0))
        vs_complete_checksum(f->data, f->length);
    if ((h->tp_status & TP_STATUS_VLAN_VALID) != 0 && f->length >= 12)
        f->data = put_vlan_tag(f->data, &f->length, h);
    vs_note(sw, VS_RX);
    if (p->pcap[0] != NULL)
        vs_pcap_write(p->pcap[0], f->data, f->length);
    return true;
}

/* Frames that are looked at together; returns how many places of the ring they, and those dropped, have. */
static u32 receive_group(struct vs_switch *sw, struct vs_port *p)
{
    struct vs_frame frame[VS_FRAMES];
    u32 places = 0, count = 0;
    bool large = false; /* its buffer is needed for the next one */
    while (places < VS_FRAMES && !large) {
        struct tpacket2_hdr *h = frame_at(p, p->next);
        if ((vs_load(&h->tp_status) & TP_STATUS_USER) == 0)
            break;
        p->next = p->next + 1 == p->frames ? 0 : p->next + 1;
        __builtin_prefetch(frame_at(p, p->next));
        places++;
        if (take_frame(sw, p, h, &frame[count]))
            large = frame[count++].floor == sw->io->large;
    }
    if (VS_LIKELY(sw->pipe != NULL))
        vs_receive(&sw->live, p->number, frame, count);
    else
        vs_bump(&sw->counts[VS_DROP_NO_PIPELINE], count);
    if (VS_UNLIKELY(large))
        vs_flush(sw);
    return places;
}

static u32 receive_burst(struct vs_switch *sw, struct vs_port *p)
{
    u32 first = p->next, count = 0;
    for (u32 places = VS_FRAMES; places == VS_FRAMES && count < VS_BURST; count += places)
        places = receive_group(sw, p);
    if (count == 0)
        return 0;
    if (p->pcap[0] != NULL)
        fflush(p->pcap[0]);
    /* Frames were changed and sent in place: only now they are the kernel's again. */
    vs_flush(sw);
    for (u32 i = 0; i < count; i++)
        vs_store(&frame_at(p, (first + i) % p->frames)->tp_status, (u32)TP_STATUS_KERNEL);
    return count;
}

bool vs_poll_ports(struct vs_switch *sw)
{
    struct vs_io *io = sw->io;
    bool any = false;
    for (u32 i = 0; i < io->active_count; i++) {
        if (sw->pipe != NULL && !sw->pipe->program->wants_time)
            vs_now_us(&sw->live);
        any |= receive_burst(sw, io->active[i]) != 0;
    }
    if (io->lines != 0) {
        u64 now = vs_clock_ns();
        bool sent = false;
        for (u32 i = 0; i < io->active_count; i++)
            if (io->active[i]->delayed)
                sent |= vs_line_run(io, io->active[i], now);
        if (sent)
            vs_flush(sw);
        any |= sent;
    }
    return any;
}

/* -- sleeping ------------------------------------------------------------------------------------------------ */

static u64 next_due(const struct vs_io *io)
{
    u64 due = ~(u64)0;
    for (u32 i = 0; i < io->active_count; i++) {
        const struct vs_delayed *d = io->active[i]->line.first;
        if (d != NULL && d->due_ns < due)
            due = d->due_ns;
    }
    return due;
}

void vs_wait(struct vs_switch *sw)
{
    struct vs_io *io = sw->io;
    struct epoll_event ready[16];
    u64 due = io->lines == 0 ? ~(u64)0 : next_due(io);
    struct timespec timeout, *limit = NULL;
    if (due != ~(u64)0) {
        u64 now = vs_clock_ns(), left = due > now ? due - now : 0;
        timeout = (struct timespec){(time_t)(left / 1000000000u), (long)(left % 1000000000u)};
        limit = &timeout;
    }
    long n = syscall(SYS_epoll_pwait2, io->epoll_fd, ready, 16, limit, NULL, 0);
    for (long i = 0; i < n; i++) {
        if (ready[i].data.fd == sw->wake_fd) {
            u64 ignored;
            ssize_t got = read(sw->wake_fd, &ignored, sizeof ignored);
            (void)got;
        } else if ((ready[i].events & EPOLLERR) != 0) {
            /* The interface went down: the error is reported once and must be taken away. */
            int error;
            socklen_t size = sizeof error;
            getsockopt(ready[i].data.fd, SOL_SOCKET, SO_ERROR, &error, &size);
        }
    }
}

/* -- ports --------------------------------------------------------------------------------------------------- */

void vs_port_attach(struct vs_switch *sw, struct vs_port *p)
{
    struct vs_io *io = sw->io;
    struct epoll_event event = {.events = EPOLLIN, .data.fd = p->fd};
    for (u32 i = 0; i < VS_BURST; i++)
        p->message[i].msg_hdr = (struct msghdr){.msg_iov = &p->vector[i], .msg_iovlen = 1};
    epoll_ctl(io->epoll_fd, EPOLL_CTL_ADD, p->fd, &event);
    io->active[io->active_count++] = p;
    io->lines += p->delayed;
}

void vs_port_detach(struct vs_switch *sw, struct vs_port *p)
{
    struct vs_io *io = sw->io;
    epoll_ctl(io->epoll_fd, EPOLL_CTL_DEL, p->fd, NULL);
    for (u32 i = 0; i < io->active_count; i++) {
        if (io->active[i] == p) {
            io->active[i] = io->active[--io->active_count];
            io->lines -= p->delayed;
            break;
        }
    }
    vs_line_clear(&p->line);
    p->pending = 0;
}
