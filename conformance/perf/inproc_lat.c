/* Round trips within a process: a thread echoes. */
#include "perf.h"
#include <pthread.h>

static void *context;
static struct arguments a;

static void *echo (void *unused)
{
    void *rep = make (context, ZMQ_REP, NULL, a.endpoint);
    zmq_msg_t message;
    CHECK (zmq_msg_init (&message) == 0);
    for (long turn = 0; turn <= a.count; turn++) {
        CHECK (zmq_msg_recv (&message, rep, 0) == (int) a.size);
        CHECK (zmq_msg_send (&message, rep, 0) == (int) a.size);
    }
    CHECK (zmq_msg_close (&message) == 0 && zmq_close (rep) == 0);
    return unused;
}

int main (int argc, char **argv)
{
    a = arguments (argc, argv);
    context = zmq_ctx_new ();
    void *req = make (context, ZMQ_REQ, a.endpoint, NULL);
    pthread_t thread;
    zmq_msg_t message;
    CHECK (zmq_msg_init (&message) == 0);
    CHECK (pthread_create (&thread, NULL, echo, NULL) == 0);
    put (req, &a, 0);
    get (req, &a, 0, &message);
    double begun = seconds ();
    for (long turn = 1; turn <= a.count; turn++) {
        put (req, &a, turn);
        get (req, &a, turn, &message);
    }
    report_latency (seconds () - begun, &a);
    CHECK (pthread_join (thread, NULL) == 0);
    CHECK (zmq_msg_close (&message) == 0 && zmq_close (req) == 0 && zmq_ctx_term (context) == 0);
    return 0;
}
