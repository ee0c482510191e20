/* Throughput within a process: a thread pushes, the main thread pulls. */
#include "perf.h"
#include <pthread.h>

static void *context;
static struct arguments a;

static void *sender (void *unused)
{
    struct arguments mine = own (&a);
    void *push = make (context, ZMQ_PUSH, NULL, a.endpoint);
    for (long turn = 0; turn <= mine.count; turn++)
        put (push, &mine, turn);
    CHECK (zmq_close (push) == 0);
    free (mine.buffer);
    return unused;
}

int main (int argc, char **argv)
{
    a = arguments (argc, argv);
    context = zmq_ctx_new ();
    void *pull = make (context, ZMQ_PULL, a.endpoint, NULL);
    pthread_t thread;
    CHECK (pthread_create (&thread, NULL, sender, NULL) == 0);
    receive_all (pull, &a);
    CHECK (pthread_join (thread, NULL) == 0);
    CHECK (zmq_close (pull) == 0 && zmq_ctx_term (context) == 0);
    return 0;
}
