/* Sockets: parts, arrays of parts, what is cut, turns, endpoints, proxies. */
#include "check.h"
#include <sys/uio.h>

static void pass (void *sockets)
{
    void **both = sockets;
    FAILS (ETERM, zmq_proxy (both[0], both[1], NULL));
    CHECK (zmq_close (both[0]) == 0 && zmq_close (both[1]) == 0);
}

/* A STREAM tells its peer's name as soon as it is asked to connect, and takes messages for it: debuggers do that. */
static void stream_names_its_peer_at_once (void)
{
    char name[256], other[256], text[8];
    size_t len = sizeof name;
    void *bound = open_socket (ZMQ_STREAM), *stream = open_socket (ZMQ_STREAM);
    join (bound, stream);
    CHECK (zmq_getsockopt (stream, ZMQ_ROUTING_ID, name, &len) == 0 && len == 5);
    CHECK (zmq_send (stream, name, len, ZMQ_SNDMORE) == (int) len && zmq_send (stream, "early", 5, 0) == 5);
    CHECK (zmq_recv (bound, other, sizeof other, 0) == 5 && zmq_recv (bound, text, sizeof text, 0) == 0);
    CHECK (zmq_recv (bound, other, sizeof other, 0) == 5 && zmq_recv (bound, text, sizeof text, 0) == 5);
    CHECK (memcmp (text, "early", 5) == 0);
    CHECK (zmq_recv (stream, other, sizeof other, 0) == 5 && memcmp (name, other, 5) == 0);
    CHECK (zmq_recv (stream, text, sizeof text, 0) == 0);
    CHECK (zmq_close (bound) == 0 && zmq_close (stream) == 0);
}

int main (void)
{
    char text[64], endpoint[256];
    size_t len = sizeof endpoint;
    stream_names_its_peer_at_once ();
    void *rep = open_socket (ZMQ_REP), *req = open_socket (ZMQ_REQ);
    join (rep, req);
    FAILS (EFSM, zmq_send (rep, "x", 1, 0));
    FAILS (EFSM, zmq_recv (req, text, 1, 0));
    CHECK (zmq_send (req, "one", 3, ZMQ_SNDMORE) == 3 && zmq_send_const (req, "two", 3, 0) == 3);
    CHECK (zmq_recv (rep, text, 2, 0) == 3 && memcmp (text, "on", 2) == 0);
    int more;
    size_t more_len = sizeof more;
    CHECK (zmq_getsockopt (rep, ZMQ_RCVMORE, &more, &more_len) == 0 && more == 1);
    CHECK (zmq_recv (rep, text, sizeof text, 0) == 3);
    FAILS (EFSM, zmq_recv (rep, text, sizeof text, ZMQ_DONTWAIT));

    struct iovec out[2] = {{"three", 5}, {"", 0}}, in[4];
    size_t count = 4;
    CHECK (zmq_sendiov (rep, out, 2, ZMQ_SNDMORE) == 0);
    CHECK (zmq_recviov (req, in, &count, 0) == 2 && count == 2 && in[0].iov_len == 5 && in[1].iov_len == 0);
    CHECK (memcmp (in[0].iov_base, "three", 5) == 0);
    free (in[0].iov_base);
    free (in[1].iov_base);

    CHECK (zmq_getsockopt (rep, ZMQ_LAST_ENDPOINT, endpoint, &len) == 0 && len == strlen (endpoint) + 1);
    FAILS (ENOENT, zmq_disconnect (rep, "tcp://127.0.0.1:1"));
    CHECK (zmq_disconnect (req, endpoint) == 0 && zmq_unbind (rep, endpoint) == 0);
    FAILS (ENOENT, zmq_unbind (rep, endpoint));
    CHECK (zmq_close (rep) == 0 && zmq_close (req) == 0);

    void *pull = open_socket (ZMQ_PULL), *push = open_socket (ZMQ_PUSH);
    FAILS (ENOTSUP, zmq_send (pull, "x", 1, 0));
    FAILS (ENOTSUP, zmq_recv (push, text, 1, 0));
    FAILS (EAGAIN, zmq_recv (pull, text, 1, ZMQ_DONTWAIT));
    FAILS (EAGAIN, zmq_send (push, text, 1, ZMQ_DONTWAIT));
    CHECK (zmq_bind (pull, "inproc://front") == 0);
    FAILS (EADDRINUSE, zmq_bind (push, "inproc://front"));

    void *back = open_socket (ZMQ_PUSH), *sink = open_socket (ZMQ_PULL);
    CHECK (zmq_bind (back, "inproc://back") == 0 && zmq_connect (sink, "inproc://back") == 0);
    CHECK (zmq_connect (push, "inproc://front") == 0);
    int forever = -1;
    CHECK (zmq_setsockopt (pull, ZMQ_RCVTIMEO, &forever, sizeof forever) == 0);
    void *both[] = {pull, back};
    void *thread = zmq_threadstart (pass, both);
    for (int i = 0; i < 100; i++)
        CHECK (zmq_send (push, &i, sizeof i, 0) == sizeof i);
    for (int i = 0, got; i < 100; i++)
        CHECK (zmq_recv (sink, &got, sizeof got, 0) == sizeof got && got == i);
    CHECK (zmq_ctx_shutdown (handle) == 0);
    zmq_threadclose (thread);
    CHECK (zmq_close (push) == 0 && zmq_close (sink) == 0);
    return finish ();
}
