/* Throughput, the sender: PUSH connects. */
#include "perf.h"

int main (int argc, char **argv)
{
    struct arguments a = arguments (argc, argv);
    void *context = zmq_ctx_new ();
    void *push = make (context, ZMQ_PUSH, NULL, a.endpoint);
    for (long turn = 0; turn <= a.count; turn++)
        put (push, &a, turn);
    CHECK (zmq_close (push) == 0 && zmq_ctx_term (context) == 0);
    return 0;
}
