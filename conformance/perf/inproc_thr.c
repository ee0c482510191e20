/* Throughput within a process: a thread pushes, the main thread pulls. */
#include "perf.h"
#include <pthread.h>

static void *context;
static struct arguments a;

static void *sender (void *unused)
{
    struct arguments own = a;
    own.buffer = malloc (own.size + 1);
    CHECK (own.buffer);
    memset (own.buffer, 'x', own.size);
    void *push = make (context, ZMQ_PUSH, NULL, a.endpoint);
    for (long turn = 0; turn <= own.count; turn++)
        put (push, &own, turn);
    CHECK (zmq_close (push) == 0);
    free (own.buffer);
    return unused;
}

int main (int argc, char **argv)
{
    a = arguments (argc, argv);
    context = zmq_ctx_new ();
    void *pull = make (context, ZMQ_PULL, a.endpoint, NULL);
    pthread_t thread;
    zmq_msg_t message;
    CHECK (zmq_msg_init (&message) == 0);
    CHECK (pthread_create (&thread, NULL, sender, NULL) == 0);
    get (pull, &a, 0, &message);
    double begun = seconds ();
    for (long turn = 1; turn <= a.count; turn++)
        get (pull, &a, turn, &message);
    report_throughput (seconds () - begun, &a);
    CHECK (pthread_join (thread, NULL) == 0);
    CHECK (zmq_msg_close (&message) == 0 && zmq_close (pull) == 0 && zmq_ctx_term (context) == 0);
    return 0;
}
