/* Round trips within a process: a thread echoes. */
#include "perf.h"
#include <pthread.h>

static void *context;
static struct arguments a;

static void *echo (void *unused)
{
    struct arguments mine = own (&a);
    void *rep = make (context, ZMQ_REP, NULL, a.endpoint);
    echo_all (rep, &mine);
    CHECK (zmq_close (rep) == 0);
    free (mine.buffer);
    return unused;
}

int main (int argc, char **argv)
{
    a = arguments (argc, argv);
    context = zmq_ctx_new ();
    void *req = make (context, ZMQ_REQ, a.endpoint, NULL);
    pthread_t thread;
    CHECK (pthread_create (&thread, NULL, echo, NULL) == 0);
    round_trips (req, &a);
    CHECK (pthread_join (thread, NULL) == 0);
    CHECK (zmq_close (req) == 0 && zmq_ctx_term (context) == 0);
    return 0;
}
