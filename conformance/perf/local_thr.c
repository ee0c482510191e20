/* Throughput, the receiver: PULL binds. The clock runs from the first message to the last. */
#include "perf.h"

int main (int argc, char **argv)
{
    struct arguments a = arguments (argc, argv);
    void *context = zmq_ctx_new ();
    void *pull = make (context, ZMQ_PULL, a.endpoint, NULL);
    zmq_msg_t message;
    CHECK (zmq_msg_init (&message) == 0);
    get (pull, &a, 0, &message);
    double begun = seconds ();
    for (long turn = 1; turn <= a.count; turn++)
        get (pull, &a, turn, &message);
    report_throughput (seconds () - begun, &a);
    CHECK (zmq_msg_close (&message) == 0 && zmq_close (pull) == 0 && zmq_ctx_term (context) == 0);
    return 0;
}
