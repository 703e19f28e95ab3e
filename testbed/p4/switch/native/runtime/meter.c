#include "vs_pipe.h"

/* simple_switch computes what has flowed into a bucket since the beginning and subtracts what it gave before, so
 * that no fraction of a token is ever lost. */
static void refill(u64 elapsed_us, double rate, u64 burst, u64 *tokens, u64 *given)
{
    u64 total = (u64)((double)elapsed_us * rate);
    u64 fresh = total > *given ? total - *given : 0;
    *given = total;
    *tokens = *tokens + fresh < burst ? *tokens + fresh : burst;
}

/* 0 green, 1 yellow, 2 red: two-rate three-colour marker (RFC 2698, colour-blind); with one rate there is no red. */
u32 vs_meter_run(struct vs_meter *m, u64 now_us, u64 units)
{
    if (m == NULL)
        return 0;
    u64 elapsed = now_us > m->origin_us ? now_us - m->origin_us : 0;
    if (m->rates == 2) {
        refill(elapsed, m->peak.rate, m->peak.burst, &m->peak.tokens, &m->peak.given);
        if (m->peak.tokens < units)
            return 2;
        m->peak.tokens -= units;
    }
    refill(elapsed, m->committed.rate, m->committed.burst, &m->committed.tokens, &m->committed.given);
    if (m->committed.tokens < units)
        return 1;
    m->committed.tokens -= units;
    return 0;
}
