/* Packet sockets: a TPACKET_V2 ring to receive from, the same socket to send to.
 *
 * Version 2 hands over every frame at once; version 3 waits for a block of them or a timer, which is good for
 * captures and ruins round-trip times. */
#include "vs_io.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/ethtool.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#define RING_FRAME 2048
#define RING_FRAMES 1024
#define RING_BLOCK (64 * 1024)
/* Room in front of each frame for headers that the program adds. */
#define HEADROOM 192
#define SOCKET_BUFFER (8 * 1024 * 1024)

/* Segments that are not segmented yet and checksums that are not there yet must not reach the switch. What a
 * driver does not know it refuses, which is fine. */
VS_EXPORT void vs_offloads_off(const char *interface)
{
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    static const u32 commands[] = {ETHTOOL_SRXCSUM, ETHTOOL_STXCSUM, ETHTOOL_SSG, ETHTOOL_STSO, ETHTOOL_SGSO,
                                   ETHTOOL_SGRO};
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        struct ethtool_value value = {.cmd = commands[i], .data = 0};
        struct ifreq request = {.ifr_data = (void *)&value};
        memcpy(request.ifr_name, interface, strnlen(interface, sizeof request.ifr_name - 1));
        (void)ioctl(fd, SIOCETHTOOL, &request);
    }
    if (fd >= 0)
        close(fd);
}

bool vs_interface_up(const char *interface, int *ifindex)
{
    struct ifreq request = {0};
    bool up = false;
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    strncpy(request.ifr_name, interface, sizeof request.ifr_name - 1);
    *ifindex = 0;
    if (fd >= 0 && ioctl(fd, SIOCGIFINDEX, &request) == 0) {
        *ifindex = request.ifr_ifindex;
        if (ioctl(fd, SIOCGIFFLAGS, &request) == 0)
            up = (request.ifr_flags & IFF_UP) != 0 && (request.ifr_flags & IFF_RUNNING) != 0;
    }
    if (fd >= 0)
        close(fd);
    return up;
}

static bool set(int fd, int level, int option, int value) { return setsockopt(fd, level, option, &value, sizeof value) == 0; }

static bool make_ring(struct vs_port *p)
{
    struct tpacket_req request = {
        .tp_block_size = RING_BLOCK,
        .tp_frame_size = RING_FRAME,
        .tp_block_nr = RING_FRAMES * RING_FRAME / RING_BLOCK,
        .tp_frame_nr = RING_FRAMES,
    };
    if (!set(p->fd, SOL_PACKET, PACKET_VERSION, TPACKET_V2) || !set(p->fd, SOL_PACKET, PACKET_RESERVE, HEADROOM))
        return false;
    /* What is longer than a ring frame goes to the socket's queue, whole. */
    set(p->fd, SOL_PACKET, PACKET_COPY_THRESH, 1);
    if (setsockopt(p->fd, SOL_PACKET, PACKET_RX_RING, &request, sizeof request) != 0)
        return false;
    p->ring_bytes = (size_t)RING_FRAMES * RING_FRAME;
    p->ring = mmap(NULL, p->ring_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, p->fd, 0);
    if (p->ring == MAP_FAILED) {
        p->ring = NULL;
        return false;
    }
    p->frame_bytes = RING_FRAME;
    p->frames = RING_FRAMES;
    p->next = 0;
    return true;
}

bool vs_port_open(struct vs_port *p, char *error, size_t room)
{
    p->up = vs_interface_up(p->interface, &p->ifindex);
    if (p->ifindex == 0) {
        snprintf(error, room, "there is no interface '%s'", p->interface);
        return false;
    }
    /* Protocol 0: nothing arrives before bind() says from where. */
    p->fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (p->fd < 0) {
        snprintf(error, room, "cannot open '%s': %s", p->interface, strerror(errno));
        return false;
    }
    vs_offloads_off(p->interface);
    set(p->fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, 1);
    if (!set(p->fd, SOL_SOCKET, SO_RCVBUFFORCE, SOCKET_BUFFER))
        set(p->fd, SOL_SOCKET, SO_RCVBUF, SOCKET_BUFFER);
    if (!set(p->fd, SOL_SOCKET, SO_SNDBUFFORCE, SOCKET_BUFFER))
        set(p->fd, SOL_SOCKET, SO_SNDBUF, SOCKET_BUFFER);
    struct packet_mreq promiscuous = {.mr_ifindex = p->ifindex, .mr_type = PACKET_MR_PROMISC};
    setsockopt(p->fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &promiscuous, sizeof promiscuous);
    struct sockaddr_ll address = {.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL), .sll_ifindex = p->ifindex};
    if (!make_ring(p) || bind(p->fd, (struct sockaddr *)&address, sizeof address) != 0) {
        snprintf(error, room, "cannot receive from '%s': %s", p->interface, strerror(errno));
        vs_port_close(p);
        return false;
    }
    return true;
}

void vs_port_close(struct vs_port *p)
{
    if (p->ring != NULL)
        munmap(p->ring, p->ring_bytes);
    p->ring = NULL;
    if (p->fd >= 0)
        close(p->fd);
    p->fd = -1;
}
