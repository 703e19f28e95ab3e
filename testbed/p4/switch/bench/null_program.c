/* The null forwarder: what comes in on an even port leaves on the next one and the other way round. It is a program
 * like a generated one, so that it has the same packet I/O and the same way through the switch; what it lacks is
 * what the P4 program does. */
#include "vs_pipe.h"

struct vs_phv {
    u8 nothing;
};

static void ingress(struct vs_context *c, struct vs_phv *p, struct vs_packet *k)
{
    (void)c, (void)p;
    k->payload = k->data;
    k->payload_length = k->length;
    k->egress_spec = k->ingress_port ^ 1;
}

static void parse(struct vs_context *c, struct vs_phv *p, struct vs_packet *k) { ingress(c, p, k); }
static void egress(struct vs_context *c, struct vs_phv *p, struct vs_packet *k) { (void)c, (void)p, (void)k; }
static void deparse(const struct vs_phv *p, u8 *to) { (void)p, (void)to; }
static void reset_metadata(struct vs_phv *p) { (void)p; }

static u32 measure(struct vs_context *c, struct vs_phv *p, struct vs_packet *k)
{
    (void)c, (void)p, (void)k;
    return 0;
}

static void copy_list(struct vs_phv *to, const struct vs_phv *from, u32 list) { (void)to, (void)from, (void)list; }
static void learn(struct vs_context *c, const struct vs_phv *p, const struct vs_packet *k) { (void)c, (void)p, (void)k; }

VS_EXPORT const struct vs_program vs_program = {
    .abi = VS_ABI,
    .phv_bytes = sizeof(struct vs_phv),
    .ingress = ingress,
    .parse = parse,
    .egress = egress,
    .measure = measure,
    .deparse = deparse,
    .reset_metadata = reset_metadata,
    .copy_list = copy_list,
    .learn = learn,
};
