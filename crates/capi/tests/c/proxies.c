/* Proxies: what passes, what a third socket sees of it, and one that obeys. */
#include "check.h"

struct trio {
    void *front, *back, *capture, *control;
};

static void pass (void *trio)
{
    struct trio *t = trio;
    CHECK (zmq_proxy_steerable (t->front, t->back, t->capture, t->control) == 0);
}

static void device (void *trio)
{
    struct trio *t = trio;
    FAILS (ETERM, zmq_device (ZMQ_QUEUE, t->front, t->back));
    CHECK (zmq_close (t->front) == 0 && zmq_close (t->back) == 0);
}

/* A question through the proxy, and its answer. */
static void round_trip (void *req, void *rep)
{
    char text[8];
    CHECK (zmq_send (req, "ask", 3, 0) == 3 && zmq_recv (rep, text, sizeof text, 0) == 3);
    CHECK (zmq_send (rep, "tell", 4, 0) == 4 && zmq_recv (req, text, sizeof text, 0) == 4);
}

/* The parts of a message, one of a steerable proxy's numbers each: parts and bytes in and out, at the front and the back. */
static void statistics (void *control, uint64_t numbers[8])
{
    CHECK (zmq_send (control, "STATISTICS", 10, 0) == 10);
    for (int part = 0; part < 8; part++) {
        int more;
        size_t len = sizeof more;
        CHECK (zmq_recv (control, &numbers[part], sizeof (uint64_t), 0) == sizeof (uint64_t));
        CHECK (zmq_getsockopt (control, ZMQ_RCVMORE, &more, &len) == 0 && more == (part < 7));
    }
}

int main (void)
{
    struct trio t = {open_socket (ZMQ_ROUTER), open_socket (ZMQ_DEALER), open_socket (ZMQ_PUSH), open_socket (ZMQ_REP)};
    void *req = open_socket (ZMQ_REQ), *rep = open_socket (ZMQ_REP), *seen = open_socket (ZMQ_PULL);
    void *control = open_socket (ZMQ_REQ);
    join (t.front, req);
    join (t.back, rep);
    CHECK (zmq_bind (seen, "inproc://seen") == 0 && zmq_connect (t.capture, "inproc://seen") == 0);
    CHECK (zmq_bind (t.control, "inproc://control") == 0 && zmq_connect (control, "inproc://control") == 0);
    void *thread = zmq_threadstart (pass, &t);
    round_trip (req, rep);

    /* The capture has both ways: routing id, empty part and body of each. */
    char text[64];
    const int lengths[] = {5, 0, 3, 5, 0, 4};
    for (int part = 0; part < 6; part++)
        CHECK (zmq_recv (seen, text, sizeof text, 0) == lengths[part]);

    uint64_t numbers[8];
    statistics (control, numbers);
    const uint64_t wanted[] = {3, 8, 3, 9, 3, 9, 3, 8};
    CHECK (memcmp (numbers, wanted, sizeof wanted) == 0);

    /* Paused it lets nothing through: what is asked meanwhile arrives when it goes on. */
    CHECK (zmq_send (control, "PAUSE", 5, 0) == 5 && zmq_recv (control, text, sizeof text, 0) == 0);
    CHECK (zmq_send (req, "ask", 3, 0) == 3);
    statistics (control, numbers);
    CHECK (numbers[0] == 3);
    FAILS (EAGAIN, zmq_recv (rep, text, sizeof text, ZMQ_DONTWAIT));
    CHECK (zmq_send (control, "RESUME", 6, 0) == 6 && zmq_recv (control, text, sizeof text, 0) == 0);
    CHECK (zmq_recv (rep, text, sizeof text, 0) == 3 && zmq_send (rep, "tell", 4, 0) == 4);
    CHECK (zmq_recv (req, text, sizeof text, 0) == 4);
    CHECK (zmq_send (control, "TERMINATE", 9, 0) == 9 && zmq_recv (control, text, sizeof text, 0) == 0);
    zmq_threadclose (thread);

    /* The sockets are the caller's again, and the older name does the same. */
    thread = zmq_threadstart (device, &t);
    round_trip (req, rep);
    CHECK (zmq_ctx_shutdown (handle) == 0);
    zmq_threadclose (thread);
    void *rest[] = {t.capture, t.control, req, rep, seen, control};
    for (size_t i = 0; i < sizeof rest / sizeof *rest; i++)
        CHECK (zmq_close (rest[i]) == 0);
    return finish ();
}
