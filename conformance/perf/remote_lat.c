/* Round trips, who asks: REQ connects. */
#include "perf.h"

int main (int argc, char **argv)
{
    struct arguments a = arguments (argc, argv);
    void *context = zmq_ctx_new ();
    void *socket = make (context, ZMQ_REQ, NULL, a.endpoint);
    round_trips (socket, &a);
    CHECK (zmq_close (socket) == 0 && zmq_ctx_term (context) == 0);
    return 0;
}
