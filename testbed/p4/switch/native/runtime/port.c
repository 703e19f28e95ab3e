/* Ports as Python adds and removes them. */
#include "vs_io.h"

#include <errno.h>
#include <linux/if_packet.h>

static void attach(struct vs_switch *sw, void *what)
{
    struct vs_port *p = what;
    sw->io->port[p->number] = p;
    if (p->fd >= 0)
        vs_port_attach(sw, p);
}

static void detach(struct vs_switch *sw, void *what)
{
    struct vs_port *p = what;
    sw->io->port[p->number] = NULL;
    if (p->fd >= 0)
        vs_port_detach(sw, p);
}

static void publish(struct vs_switch *sw, struct vs_port *p)
{
    bool up = p->up;
    vs_call(sw, attach, p);
    vs_poke(&sw->port_up[p->number], up);
    vs_event_send(sw, VS_PORT_STATUS, p->number, up, NULL, 0);
}

static void close_captures(struct vs_port *p)
{
    for (int i = 0; i < 2; i++)
        if (p->pcap[i] != NULL)
            fclose(p->pcap[i]);
}

static bool open_captures(struct vs_port *p, const char *directory, char *error, u32 room)
{
    static const char *const direction[] = {"in", "out"};
    for (int i = 0; i < 2; i++) {
        p->pcap[i] = vs_pcap_open(directory, p->interface, direction[i]);
        if (p->pcap[i] == NULL) {
            snprintf(error, room, "cannot capture '%s' in '%s': %s", p->interface, directory, strerror(errno));
            close_captures(p);
            return false;
        }
    }
    return true;
}

/* False: `error` says why. */
VS_EXPORT bool vs_add_port(struct vs_switch *sw, u32 number, const char *interface, double delay_ms, double rate_mbps,
                           const char *pcap_dir, char *error, u32 room)
{
    struct vs_io *io = sw->io;
    if (number >= VS_MAX_PORTS || strlen(interface) >= IFNAMSIZ) {
        snprintf(error, room, "no port can have number %u and interface '%s'", number, interface);
        return false;
    }
    pthread_mutex_lock(&io->ports_lock);
    struct vs_port *p = io->port[number] == NULL ? calloc(1, sizeof *p) : NULL;
    bool done = false;
    if (p == NULL) {
        snprintf(error, room, "port %u is taken", number);
    } else {
        p->number = number;
        p->fd = -1;
        p->has_interface = true;
        strcpy(p->interface, interface);
        p->line.delay_ns = (u64)(delay_ms * 1e6);
        p->line.ns_per_byte = rate_mbps > 0 ? 8000.0 / rate_mbps : 0;
        p->delayed = p->line.delay_ns != 0 || p->line.ns_per_byte > 0;
        done = vs_port_open(p, error, room);
        if (done && pcap_dir != NULL && !open_captures(p, pcap_dir, error, room)) {
            vs_port_close(p);
            done = false;
        }
        if (done)
            publish(sw, p);
        else
            free(p);
    }
    pthread_mutex_unlock(&io->ports_lock);
    return done;
}

VS_EXPORT bool vs_remove_port(struct vs_switch *sw, u32 number)
{
    struct vs_io *io = sw->io;
    pthread_mutex_lock(&io->ports_lock);
    struct vs_port *p = number < VS_MAX_PORTS ? io->port[number] : NULL;
    if (p != NULL) {
        vs_call(sw, detach, p);
        vs_poke(&sw->port_up[number], 0);
        vs_port_close(p);
        vs_line_clear(&p->line);
        close_captures(p);
        free(p);
    }
    pthread_mutex_unlock(&io->ports_lock);
    return p != NULL;
}

/* A port without an interface, for tests. */
VS_EXPORT bool vs_set_port(struct vs_switch *sw, u32 number, bool up)
{
    struct vs_io *io = sw->io;
    if (number >= VS_MAX_PORTS)
        return false;
    pthread_mutex_lock(&io->ports_lock);
    struct vs_port *p = io->port[number];
    if (p == NULL && (p = calloc(1, sizeof *p)) != NULL) {
        p->number = number;
        p->fd = -1;
        p->up = up;
        publish(sw, p);
    } else if (p != NULL) {
        vs_port_state(sw, p, up);
    }
    pthread_mutex_unlock(&io->ports_lock);
    return p != NULL;
}

/* Frames that found the receive ring full; the kernel counts them since it was last asked. */
void vs_count_losses(struct vs_switch *sw)
{
    struct vs_io *io = sw->io;
    pthread_mutex_lock(&io->ports_lock);
    for (u32 i = 0; i < VS_MAX_PORTS; i++) {
        struct tpacket_stats lost;
        socklen_t size = sizeof lost;
        struct vs_port *p = io->port[i];
        if (p != NULL && p->fd >= 0 && getsockopt(p->fd, SOL_PACKET, PACKET_STATISTICS, &lost, &size) == 0)
            __atomic_add_fetch(&sw->counts[VS_RX_LOST], lost.tp_drops, __ATOMIC_RELAXED);
    }
    pthread_mutex_unlock(&io->ports_lock);
}

/* Fills `numbers` and `up` (room for VS_MAX_PORTS each); returns how many there are. */
VS_EXPORT u32 vs_list_ports(struct vs_switch *sw, u32 *numbers, u8 *up)
{
    struct vs_io *io = sw->io;
    u32 n = 0;
    pthread_mutex_lock(&io->ports_lock);
    for (u32 i = 0; i < VS_MAX_PORTS; i++) {
        if (io->port[i] != NULL) {
            numbers[n] = i;
            up[n++] = vs_peek(&io->port[i]->up);
        }
    }
    pthread_mutex_unlock(&io->ports_lock);
    return n;
}
