/* Round trips, who asks: REQ connects. */
#include "perf.h"

int main (int argc, char **argv)
{
    struct arguments a = arguments (argc, argv);
    void *context = zmq_ctx_new ();
    void *req = make (context, ZMQ_REQ, NULL, a.endpoint);
    zmq_msg_t message;
    CHECK (zmq_msg_init (&message) == 0);
    put (req, &a, 0);
    get (req, &a, 0, &message);
    double begun = seconds ();
    for (long turn = 1; turn <= a.count; turn++) {
        put (req, &a, turn);
        get (req, &a, turn, &message);
    }
    report_latency (seconds () - begun, &a);
    CHECK (zmq_msg_close (&message) == 0 && zmq_close (req) == 0 && zmq_ctx_term (context) == 0);
    return 0;
}
