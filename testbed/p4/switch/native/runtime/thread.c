/* The packet thread: bursts from the ports, jobs between them, asleep when there is nothing to do. */
#include <errno.h>
#include <linux/futex.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "vs_io.h"

enum { JOB, PACKET_OUT, RELEASE };

static long futex(int *word, int op, int value) { return syscall(SYS_futex, word, op, value, NULL, NULL, 0); }

void vs_wake(struct vs_switch *sw)
{
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    if (vs_load(&sw->sleeping) == 0)
        return;
    u64 one = 1;
    ssize_t written = write(sw->wake_fd, &one, sizeof one);
    (void)written;
}

/* What must not be refused, however much is waiting. */
static void put_job(struct vs_switch *sw, u32 kind, u64 number, const void *data, u32 length)
{
    struct vs_message *m = vs_message_new(kind, number, data, length);
    if (m == NULL)
        abort(); /* nothing sensible is left to do */
    vs_queue_put(&sw->jobs, m);
    vs_wake(sw);
}

void vs_call(struct vs_switch *sw, void (*run)(struct vs_switch *, void *), void *what)
{
    struct vs_job job = {run, what, 0};
    put_job(sw, JOB, (u64)(uintptr_t)&job, NULL, 0);
    while (vs_load(&job.done) == 0)
        futex(&job.done, FUTEX_WAIT_PRIVATE, 0);
}

bool vs_packet_out(struct vs_switch *sw, const u8 *data, u32 length)
{
    if (!vs_queue_send(&sw->jobs, PACKET_OUT, 0, data, length))
        return false;
    vs_wake(sw);
    return true;
}

/* Nobody waits for it: jobs are done in order, so whatever is asked for later finds the sample released. Never
 * refused: a sample that stays held is never delivered again. */
void vs_release(struct vs_switch *sw, u32 digest, const u8 *data, u32 length)
{
    put_job(sw, RELEASE, digest, data, length);
}

static void run_job(struct vs_switch *sw, struct vs_message *m)
{
    struct vs_job *job = (struct vs_job *)(uintptr_t)m->number;
    job->run(sw, job->what);
    int *done = &job->done;
    vs_store(done, 1);
    /* The job may be gone by now; its address is all the kernel looks at. */
    futex(done, FUTEX_WAKE_PRIVATE, 1);
}

/* True if there was something to do. */
static bool run_jobs(struct vs_switch *sw)
{
    struct vs_message *m;
    bool any = false;
    while ((m = vs_queue_take(&sw->jobs)) != NULL) {
        any = true;
        if (m->kind == JOB) {
            run_job(sw, m);
            free(m);
        } else if (m->kind == RELEASE) {
            vs_held_release(sw->held, (u32)m->number, m->data, m->length);
            free(m);
        } else {
            vs_note(sw, VS_PACKET_OUT);
            if (sw->pipe != NULL)
                vs_receive(&sw->live, sw->options.cpu_port, &(struct vs_frame){m->data, m->data, m->length}, 1);
            vs_flush(sw);
            free(m);
        }
    }
    return any;
}

static void sleep_until_event(struct vs_switch *sw)
{
    vs_store(&sw->sleeping, 1);
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    if (vs_queue_empty(&sw->jobs) && !vs_load(&sw->stop)) {
        vs_go_offline(&sw->epoch);
        vs_wait(sw);
    }
    vs_store(&sw->sleeping, 0);
    vs_quiescent(&sw->epoch);
}

/* As struct sched_attr of sched_setattr(2), which no header of libc has. */
struct scheduling {
    u32 size, policy;
    u64 flags;
    int32_t nice;
    u32 priority;
    u64 runtime, deadline, period;
};

/* Short turns, so that a packet does not wait for others' long ones: no larger share of the processor (Linux 6.12 and
 * later; before that it changes nothing). */
static void take_short_turns(void)
{
    struct scheduling s = {.size = sizeof s};
    if (syscall(SYS_sched_getattr, 0, &s, sizeof s, 0) != 0 || s.policy != SCHED_OTHER)
        return;
    s.runtime = 100000; /* ns, the least there is */
    (void)syscall(SYS_sched_setattr, 0, &s, 0);
}

static void *run(void *argument)
{
    struct vs_switch *sw = argument;
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, NULL);
    prctl(PR_SET_NAME, "vs-packets");
    take_short_turns();
    prctl(PR_SET_TIMERSLACK, 1000); /* ns: delay lines are exact to microseconds */
    vs_quiescent(&sw->epoch);
    while (!vs_load(&sw->stop)) {
        bool busy = run_jobs(sw);
        busy |= vs_poll_ports(sw);
        if (sw->live.waiting != 0) {
            vs_run_waiting(&sw->live, 64);
            vs_flush(sw);
            busy = true;
        }
        vs_quiescent(&sw->epoch);
        if (!busy)
            sleep_until_event(sw);
    }
    run_jobs(sw); /* nobody waits for ever */
    vs_go_offline(&sw->epoch);
    return NULL;
}

bool vs_thread_start(struct vs_switch *sw) { return pthread_create(&sw->thread, NULL, run, sw) == 0; }

void vs_thread_stop(struct vs_switch *sw)
{
    vs_store(&sw->stop, true);
    u64 one = 1;
    ssize_t written = write(sw->wake_fd, &one, sizeof one);
    (void)written;
    pthread_join(sw->thread, NULL);
}
