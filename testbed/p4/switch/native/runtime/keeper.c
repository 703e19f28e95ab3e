/* The keeper, a thread that does what must not make packets wait: interfaces that come, go and change carrier
 * (from netlink, at once), and entries that nobody has hit for too long (once a second, like simple_switch). */
#include "vs_io.h"

#include <errno.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <unistd.h>

#define SWEEP_MS 1000

struct move {
    struct vs_port *port;
    bool up;
};

static void attach(struct vs_switch *sw, void *what) { vs_port_attach(sw, ((struct move *)what)->port); }
static void detach(struct vs_switch *sw, void *what) { vs_port_detach(sw, ((struct move *)what)->port); }

void vs_port_state(struct vs_switch *sw, struct vs_port *p, bool up)
{
    bool former = p->up;
    vs_poke(&p->up, up);
    vs_poke(&sw->port_up[p->number], up);
    if (former != up)
        vs_event_send(sw, VS_PORT_STATUS, p->number, up, NULL, 0);
}

/* Bring one port in line with its interface. */
static void look_at(struct vs_switch *sw, struct vs_port *p)
{
    char error[256];
    int ifindex;
    bool up = vs_interface_up(p->interface, &ifindex);
    struct move m = {p, up};
    if (p->fd >= 0 && ifindex != p->ifindex) {
        vs_port_state(sw, p, false);
        vs_call(sw, detach, &m);
        vs_port_close(p);
    }
    if (p->fd < 0 && ifindex != 0) {
        if (!vs_port_open(p, error, sizeof error))
            return;
        bool now_up = p->up;
        p->up = false;
        vs_call(sw, attach, &m);
        vs_port_state(sw, p, now_up);
        return;
    }
    if (p->fd >= 0)
        vs_port_state(sw, p, up);
}

static void look_at_all(struct vs_switch *sw)
{
    pthread_mutex_lock(&sw->io->ports_lock);
    for (u32 i = 0; i < VS_MAX_PORTS; i++)
        if (sw->io->port[i] != NULL && sw->io->port[i]->has_interface)
            look_at(sw, sw->io->port[i]);
    pthread_mutex_unlock(&sw->io->ports_lock);
}

/* What the messages say is looked up: several may have become one state. */
static void drain(int fd)
{
    char buffer[16384];
    while (recv(fd, buffer, sizeof buffer, MSG_DONTWAIT) > 0 || errno == ENOBUFS)
        errno = 0;
}

/* -- ageing -------------------------------------------------------------------------------------------------- */

static void sweep_table(struct vs_switch *sw, u32 position, u64 now_us)
{
    const struct vs_table *t = &sw->pipe->tables[position];
    for (u32 i = 0; t->aging != 0 && i < t->capacity; i++) {
        struct vs_entry *e = t->entries[i];
        if (e == NULL || vs_rest(e)->idle_us == 0)
            continue;
        u64 hit = vs_peek(&vs_rest(e)->last_hit_us);
        u64 times = now_us > hit ? (now_us - hit) / vs_rest(e)->idle_us : 0;
        if (times != 0 && (u16)times != vs_rest(e)->idle_told)
            vs_event_send(sw, VS_IDLE, position, i, NULL, 0);
        vs_rest(e)->idle_told = (u16)times;
    }
}

static void sweep(struct vs_switch *sw)
{
    pthread_mutex_lock(&sw->writer);
    u64 now_us = (vs_clock_ns() - sw->start_ns) / 1000;
    for (u32 i = 0; sw->pipe != NULL && i < sw->pipe->program->tables; i++)
        sweep_table(sw, i, now_us);
    vs_reclaim(&sw->epoch);
    pthread_mutex_unlock(&sw->writer);
}

/* -- the thread ---------------------------------------------------------------------------------------------- */

static int open_netlink(void)
{
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);
    struct sockaddr_nl address = {.nl_family = AF_NETLINK, .nl_groups = RTMGRP_LINK};
    if (fd >= 0 && bind(fd, (struct sockaddr *)&address, sizeof address) != 0) {
        close(fd);
        fd = -1;
    }
    return fd;
}

static void *run(void *argument)
{
    struct vs_switch *sw = argument;
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, NULL);
    prctl(PR_SET_NAME, "vs-keeper");
    u64 due = vs_clock_ns() + SWEEP_MS * 1000000ull;
    for (;;) {
        struct pollfd fds[] = {{sw->io->keeper_stop, POLLIN, 0}, {sw->io->netlink_fd, POLLIN, 0}};
        u64 now = vs_clock_ns();
        poll(fds, 2, now < due ? (int)((due - now) / 1000000) + 1 : 0);
        if (fds[0].revents != 0)
            return NULL;
        if ((fds[1].revents & (POLLIN | POLLERR)) != 0) {
            drain(sw->io->netlink_fd);
            look_at_all(sw);
        }
        if (vs_clock_ns() >= due) {
            sweep(sw);
            due = vs_clock_ns() + SWEEP_MS * 1000000ull;
        }
    }
}

bool vs_keeper_start(struct vs_switch *sw)
{
    struct vs_io *io = sw->io;
    pthread_mutex_init(&io->ports_lock, NULL);
    io->keeper_stop = eventfd(0, EFD_CLOEXEC);
    io->netlink_fd = open_netlink();
    if (io->keeper_stop < 0)
        return false;
    io->keeper_runs = pthread_create(&io->keeper, NULL, run, sw) == 0;
    return io->keeper_runs;
}

void vs_keeper_stop(struct vs_switch *sw)
{
    struct vs_io *io = sw->io;
    if (io == NULL)
        return;
    if (io->keeper_runs) {
        u64 one = 1;
        ssize_t written = write(io->keeper_stop, &one, sizeof one);
        (void)written;
        pthread_join(io->keeper, NULL);
        io->keeper_runs = false;
    }
    if (io->keeper_stop >= 0)
        close(io->keeper_stop);
    if (io->netlink_fd >= 0)
        close(io->netlink_fd);
    pthread_mutex_destroy(&io->ports_lock);
}
