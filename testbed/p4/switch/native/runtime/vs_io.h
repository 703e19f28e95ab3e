/* Ports: packet sockets with a receive ring in shared memory, batches of frames to send, delay lines. */
#ifndef VS_IO_H
#define VS_IO_H

#include <net/if.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "vs_switch.h"

/* Frames from one port before the next one has its turn, and frames sent with one system call. */
#define VS_BURST 64

/* A frame that waits in a delay line. */
struct vs_delayed {
    struct vs_delayed *next;
    u64 due_ns;
    u32 length;
    u8 data[];
};

/* The egress of a port: frames leave at a rate, then take their time on the way (line.c). */
struct vs_line {
    u64 delay_ns;
    double ns_per_byte;   /* 0: no limit */
    u64 free_ns;          /* when the last bit of what is queued will have left */
    struct vs_delayed *first, *last, *sent;
    u64 bytes, frames;
};

struct vs_port {
    u32 number;
    char interface[IFNAMSIZ];
    int fd;               /* -1: the interface is not there */
    int ifindex;
    bool up;              /* carrier; a port without interface: as set */
    bool has_interface;
    u8 *ring;
    size_t ring_bytes;
    u32 frame_bytes, frames, next;
    struct mmsghdr message[VS_BURST];
    struct iovec vector[VS_BURST];
    u32 pending;
    bool dirty;           /* is in vs_io.dirty */
    struct vs_line line;
    bool delayed;         /* `line` has something to do */
    FILE *pcap[2];        /* received, sent */
};

struct vs_io {
    struct vs_switch *sw;
    pthread_mutex_t ports_lock;           /* whoever adds, removes, opens or closes ports */
    int epoll_fd;
    int netlink_fd;
    struct vs_port *port[VS_MAX_PORTS];
    /* Packet thread only. */
    struct vs_port *active[VS_MAX_PORTS]; /* with an interface */
    u32 active_count;
    struct vs_port *dirty[VS_MAX_PORTS];  /* with frames to send */
    u32 dirty_count;
    u32 lines;                            /* active ports with a delay or a rate */
    u8 *large;                            /* one frame that does not fit into the ring */
    pthread_t keeper;
    int keeper_stop;                      /* eventfd */
    bool keeper_runs;
};

bool vs_io_init(struct vs_switch *sw);
void vs_io_free(struct vs_switch *sw);

/* A context's `emit` for frames that leave for real. */
void vs_emit(struct vs_context *c, u32 port, u8 *data, u32 length);
/* Send everything that was emitted; its memory is free again. */
void vs_flush(struct vs_switch *sw);
/* Take a burst from every port; false: there was nothing. */
bool vs_poll_ports(struct vs_switch *sw);
/* Sleep until a port, a job or a delay line wants something. */
void vs_wait(struct vs_switch *sw);

/* Queue a frame of a port's egress into its buffers. */
void vs_port_send(struct vs_io *io, struct vs_port *p, u8 *data, u32 length);

/* Delay lines (line.c). False: the line is full. */
bool vs_line_put(struct vs_line *l, const u8 *data, u32 length);
/* Sends what is due; false: nothing was. */
bool vs_line_run(struct vs_io *io, struct vs_port *p, u64 now_ns);
void vs_line_free_sent(struct vs_line *l);
void vs_line_clear(struct vs_line *l);

/* Sockets (socket.c). `error` gets a sentence. */
bool vs_port_open(struct vs_port *p, char *error, size_t room);
void vs_port_close(struct vs_port *p);
void vs_count_losses(struct vs_switch *sw);
void vs_offloads_off(const char *interface);
bool vs_interface_up(const char *interface, int *ifindex);

/* Carrier, interfaces that come and go, idle timeouts (keeper.c). */
bool vs_keeper_start(struct vs_switch *sw);
void vs_keeper_stop(struct vs_switch *sw);
/* Packet thread: a socket joins or leaves the burst loop. */
void vs_port_attach(struct vs_switch *sw, struct vs_port *p);
void vs_port_detach(struct vs_switch *sw, struct vs_port *p);
void vs_port_state(struct vs_switch *sw, struct vs_port *p, bool up);

/* Fill in a transport checksum that was left to hardware (offload.c). */
void vs_complete_checksum(u8 *data, u32 length);

/* Captures (pcap.c). */
FILE *vs_pcap_open(const char *directory, const char *interface, const char *direction);
void vs_pcap_write(FILE *f, const u8 *data, u32 length);

#endif
