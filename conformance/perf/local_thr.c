/* Throughput, the receiver: PULL binds. The clock runs from the first message to the last. */
#include "perf.h"

int main (int argc, char **argv)
{
    struct arguments a = arguments (argc, argv);
    void *context = zmq_ctx_new ();
    void *socket = make (context, ZMQ_PULL, a.endpoint, NULL);
    receive_all (socket, &a);
    CHECK (zmq_close (socket) == 0 && zmq_ctx_term (context) == 0);
    return 0;
}
