/* Endpoints: what is refused with which errno, what they are called afterwards, and who has them last. */
#include "check.h"
#include <unistd.h>

static const char *last_endpoint (void *socket)
{
    static char text[256];
    size_t len = sizeof text;
    CHECK (zmq_getsockopt (socket, ZMQ_LAST_ENDPOINT, text, &len) == 0);
    return text;
}

/* Goal: errors are those of zmq_bind(3). Method: one endpoint for each. */
static void refusals (void)
{
    void *pull = open_socket (ZMQ_PULL), *stream = open_socket (ZMQ_STREAM);
    FAILS (ENODEV, zmq_bind (pull, "tcp://nosuchdevice0:*"));
    FAILS (ENODEV, zmq_bind (pull, "tcp://no.such.host.invalid:5555"));
    FAILS (EADDRNOTAVAIL, zmq_bind (pull, "tcp://192.0.2.1:5555"));
    FAILS (EPROTONOSUPPORT, zmq_bind (pull, "pgm://eth0;239.192.1.1:5555"));
    FAILS (EPROTONOSUPPORT, zmq_connect (pull, "epgm://eth0;239.192.1.1:5555"));
    FAILS (EPROTONOSUPPORT, zmq_connect (pull, "vmci://1:1"));
    FAILS (EPROTONOSUPPORT, zmq_connect (pull, "nonsense://1:1"));
    FAILS (ENOCOMPATPROTO, zmq_bind (pull, "udp://127.0.0.1:*"));
    FAILS (ENOCOMPATPROTO, zmq_bind (stream, "inproc://stream"));
    FAILS (ENOENT, zmq_bind (pull, "ipc://no/such/folder/socket"));
    CHECK (zmq_close (pull) == 0 && zmq_close (stream) == 0);
}

/* Goal: a source address belongs to the endpoint's name, a wildcard in it too. Method: connect from one, disconnect. */
static void from_somewhere (void)
{
    void *push = open_socket (ZMQ_PUSH);
    const char *const endpoints[] = {"tcp://127.0.0.1:0;127.0.0.1:9", "tcp://127.0.0.1:*;127.0.0.1:9"};
    for (int i = 0; i < 2; i++) {
        CHECK (zmq_connect (push, endpoints[i]) == 0);
        CHECK (strcmp (last_endpoint (push), endpoints[i]) == 0);
        FAILS (ENOENT, zmq_disconnect (push, "tcp://127.0.0.1:9"));
        CHECK (zmq_disconnect (push, endpoints[i]) == 0);
    }
    CHECK (zmq_close (push) == 0);
}

/* Goal: what was connected twice is disconnected at once. Method: both over tcp and within the process. */
static void twice (void)
{
    const char *const endpoints[] = {"tcp://127.0.0.1:*", "inproc://twice"};
    for (int i = 0; i < 2; i++) {
        void *pull = open_socket (ZMQ_PULL), *push = open_socket (ZMQ_PUSH);
        CHECK (zmq_bind (pull, endpoints[i]) == 0);
        CHECK (zmq_connect (push, last_endpoint (pull)) == 0 && zmq_connect (push, last_endpoint (pull)) == 0);
        CHECK (zmq_disconnect (push, last_endpoint (pull)) == 0);
        FAILS (ENOENT, zmq_disconnect (push, last_endpoint (pull)));
        FAILS (EAGAIN, zmq_send (push, "x", 1, ZMQ_DONTWAIT));
        CHECK (zmq_close (pull) == 0 && zmq_close (push) == 0);
    }
}

/* Goal: who binds an ipc path last has it (zmq_ipc(7)), and keeps it when the other lets go. Method: two bind, then one
 * is sent to. */
static void taken_over (void)
{
    void *first = open_socket (ZMQ_PULL), *second = open_socket (ZMQ_PULL), *push = open_socket (ZMQ_PUSH);
    CHECK (zmq_bind (first, "ipc://taken-over") == 0 && zmq_bind (second, "ipc://taken-over") == 0);
    CHECK (zmq_unbind (first, "ipc://taken-over") == 0 && access ("taken-over", F_OK) == 0);
    CHECK (zmq_connect (push, "ipc://taken-over") == 0 && zmq_send (push, "x", 1, 0) == 1);
    char byte;
    CHECK (zmq_recv (second, &byte, 1, 0) == 1 && byte == 'x');
    CHECK (zmq_unbind (second, "ipc://taken-over") == 0 && access ("taken-over", F_OK) == -1);
    FAILS (EADDRINUSE, zmq_bind (first, "ipc://."));
    CHECK (zmq_close (first) == 0 && zmq_close (second) == 0 && zmq_close (push) == 0);
}

/* Goal: what has arrived at an endpoint can be received after its unbinding (zmq_unbind(3)). Method: unbind when a message
 * is seen. */
static void unbound (void)
{
    const char *const endpoints[] = {"tcp://127.0.0.1:*", "ipc://unbound"};
    for (int i = 0; i < 2; i++) {
        void *pull = open_socket (ZMQ_PULL), *push = open_socket (ZMQ_PUSH);
        char text[8];
        CHECK (zmq_bind (pull, endpoints[i]) == 0);
        const char *endpoint = last_endpoint (pull);
        CHECK (zmq_connect (push, endpoint) == 0);
        CHECK (zmq_send (push, "first", 5, 0) == 5 && zmq_recv (pull, text, sizeof text, 0) == 5);
        CHECK (zmq_send (push, "second", 6, ZMQ_SNDMORE) == 6 && zmq_send (push, "third", 5, 0) == 5);
        zmq_pollitem_t item = {pull, 0, ZMQ_POLLIN, 0};
        CHECK (zmq_poll (&item, 1, 60000) == 1 && zmq_unbind (pull, endpoint) == 0);
        CHECK (zmq_recv (pull, text, sizeof text, 0) == 6 && zmq_recv (pull, text, sizeof text, 0) == 5);
        CHECK (zmq_close (pull) == 0 && zmq_close (push) == 0);
    }
}

int main (void)
{
    refusals ();
    from_somewhere ();
    twice ();
    taken_over ();
    unbound ();
    return finish ();
}
