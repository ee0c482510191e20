/* Round trips, the echo: REP binds. */
#include "perf.h"

int main (int argc, char **argv)
{
    struct arguments a = arguments (argc, argv);
    void *context = zmq_ctx_new ();
    void *rep = make (context, ZMQ_REP, a.endpoint, NULL);
    zmq_msg_t message;
    CHECK (zmq_msg_init (&message) == 0);
    for (long turn = 0; turn <= a.count; turn++) {
        get (rep, &a, turn, &message);
        if (a.way == BUFFER)
            put (rep, &a, turn);
        else
            CHECK (zmq_msg_send (&message, rep, 0) == (int) a.size);
    }
    CHECK (zmq_msg_close (&message) == 0 && zmq_close (rep) == 0 && zmq_ctx_term (context) == 0);
    return 0;
}
