/* Round trips through zmq_poll: who asks polls its socket (and a second, silent one with ENDPOINT given twice) and then
 * receives until there is nothing more. Beside local_lat. */
#include "perf.h"

int main (int argc, char **argv)
{
    struct arguments a = arguments (argc, argv);
    void *context = zmq_ctx_new ();
    int sockets = getenv ("SOCKETS") ? atoi (getenv ("SOCKETS")) : 1;
    CHECK (sockets > 0 && sockets <= 100);
    zmq_pollitem_t items[100];
    void *req = make (context, ZMQ_REQ, NULL, a.endpoint);
    items[0] = (zmq_pollitem_t){req, 0, ZMQ_POLLIN, 0};
    for (int i = 1; i < sockets; i++)
        items[i] = (zmq_pollitem_t){make (context, ZMQ_PULL, "tcp://127.0.0.1:*", NULL), 0, ZMQ_POLLIN, 0};
    zmq_msg_t message;
    CHECK (zmq_msg_init (&message) == 0);
    put (req, &a, 0);
    get (req, &a, 0, &message);
    double begun = seconds ();
    for (long turn = 1; turn <= a.count; turn++) {
        put (req, &a, turn);
        CHECK (zmq_poll (items, sockets, -1) == 1 && items[0].revents == ZMQ_POLLIN);
        CHECK (zmq_msg_recv (&message, req, ZMQ_DONTWAIT) == (int) a.size);
    }
    report_latency (seconds () - begun, &a);
    CHECK (zmq_msg_close (&message) == 0);
    for (int i = 0; i < sockets; i++)
        CHECK (zmq_close (items[i].socket) == 0);
    CHECK (zmq_ctx_term (context) == 0);
    return 0;
}
