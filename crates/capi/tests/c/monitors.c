/* Monitors: both forms, from listening to the end. */
#include "check.h"
#include <arpa/inet.h>
#include <unistd.h>

static int next_event (void *monitor, uint32_t *value, char *address)
{
    char head[6];
    uint16_t event;
    CHECK (zmq_recv (monitor, head, sizeof head, 0) == 6);
    memcpy (&event, head, 2);
    memcpy (value, head + 2, 4);
    int len = zmq_recv (monitor, address, 255, 0);
    CHECK (len >= 0);
    address[len] = 0;
    return event;
}

/* A connection that this side ends is told to the other side alone. */
static void own_endings (void)
{
    char address[256], endpoint[256];
    uint32_t value;
    size_t len = sizeof endpoint;
    void *pull = open_socket (ZMQ_PULL), *push = open_socket (ZMQ_PUSH);
    void *here = open_socket (ZMQ_PAIR), *there = open_socket (ZMQ_PAIR);
    CHECK (zmq_socket_monitor (push, "inproc://here", ZMQ_EVENT_ALL) == 0 && zmq_connect (here, "inproc://here") == 0);
    CHECK (zmq_socket_monitor (pull, "inproc://there", ZMQ_EVENT_DISCONNECTED) == 0);
    CHECK (zmq_connect (there, "inproc://there") == 0);
    join (pull, push);
    CHECK (zmq_getsockopt (pull, ZMQ_LAST_ENDPOINT, endpoint, &len) == 0);
    while (next_event (here, &value, address) != ZMQ_EVENT_HANDSHAKE_SUCCEEDED)
        ;
    CHECK (zmq_disconnect (push, endpoint) == 0);
    CHECK (next_event (there, &value, address) == ZMQ_EVENT_DISCONNECTED);
    CHECK (zmq_connect (push, endpoint) == 0);
    CHECK (next_event (here, &value, address) == ZMQ_EVENT_CONNECT_DELAYED);
    CHECK (next_event (here, &value, address) == ZMQ_EVENT_CONNECTED);
    CHECK (next_event (here, &value, address) == ZMQ_EVENT_HANDSHAKE_SUCCEEDED);
    CHECK (zmq_close (push) == 0);
    CHECK (next_event (here, &value, address) == ZMQ_EVENT_MONITOR_STOPPED);
    CHECK (zmq_close (pull) == 0 && zmq_close (here) == 0 && zmq_close (there) == 0);
}

/* Goal: a bind that fails is told, and an attempt that fails tells its descriptor. Method: a port that nobody listens at,
 * then one that somebody does. */
static void failures (void)
{
    char address[256], endpoint[64];
    uint32_t value;
    void *dealer = open_socket (ZMQ_DEALER), *monitor = open_socket (ZMQ_PAIR);
    CHECK (zmq_socket_monitor (dealer, "inproc://failures", ZMQ_EVENT_ALL) == 0);
    CHECK (zmq_connect (monitor, "inproc://failures") == 0);
    int taken = socket (AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in name = {.sin_family = AF_INET, .sin_addr = {htonl (INADDR_LOOPBACK)}};
    socklen_t len = sizeof name;
    CHECK (bind (taken, (struct sockaddr *) &name, len) == 0);
    CHECK (getsockname (taken, (struct sockaddr *) &name, &len) == 0);
    snprintf (endpoint, sizeof endpoint, "tcp://127.0.0.1:%d", ntohs (name.sin_port));
    FAILS (EADDRINUSE, zmq_bind (dealer, endpoint));
    CHECK (next_event (monitor, &value, address) == ZMQ_EVENT_BIND_FAILED && value == EADDRINUSE);
    CHECK (strcmp (address, endpoint) == 0);
    FAILS (ENODEV, zmq_bind (dealer, "tcp://nosuchdevice0:*"));
    CHECK (next_event (monitor, &value, address) == ZMQ_EVENT_BIND_FAILED && value == ENODEV);

    CHECK (zmq_connect (dealer, endpoint) == 0);
    CHECK (next_event (monitor, &value, address) == ZMQ_EVENT_CONNECT_DELAYED);
    CHECK (next_event (monitor, &value, address) == ZMQ_EVENT_CLOSED && (int) value > 2);
    CHECK (next_event (monitor, &value, address) == ZMQ_EVENT_CONNECT_RETRIED);
    CHECK (listen (taken, 1) == 0);
    while (next_event (monitor, &value, address) != ZMQ_EVENT_CONNECTED) {
    }
    int peer = accept (taken, NULL, NULL);
    CHECK (peer >= 0 && zmq_disconnect (dealer, endpoint) == 0);
    CHECK (zmq_bind (dealer, "tcp://127.0.0.1:*") == 0);
    CHECK (next_event (monitor, &value, address) == ZMQ_EVENT_LISTENING);
    close (peer);
    close (taken);
    CHECK (zmq_close (dealer) == 0 && zmq_close (monitor) == 0);
}

int main (void)
{
    failures ();
    char address[256], endpoint[256];
    uint32_t value;
    size_t len = sizeof endpoint;
    void *pull = open_socket (ZMQ_PULL), *push = open_socket (ZMQ_PUSH);
    void *monitor = open_socket (ZMQ_PAIR), *second = open_socket (ZMQ_PAIR);
    FAILS (EPROTONOSUPPORT, zmq_socket_monitor (pull, "tcp://127.0.0.1:*", ZMQ_EVENT_ALL));
    FAILS (EINVAL, zmq_socket_monitor_versioned (pull, "inproc://m", ZMQ_EVENT_ALL, 3, ZMQ_PAIR));
    FAILS (EINVAL, zmq_socket_monitor_versioned (pull, "inproc://m", ZMQ_EVENT_ALL, 2, ZMQ_REQ));
    CHECK (zmq_socket_monitor (pull, "inproc://m", ZMQ_EVENT_ALL) == 0);
    CHECK (zmq_connect (monitor, "inproc://m") == 0);
    FAILS (EADDRINUSE, zmq_socket_monitor (push, "inproc://m", ZMQ_EVENT_ALL));
    CHECK (zmq_socket_monitor_versioned (push, "inproc://n", ZMQ_EVENT_HANDSHAKE_SUCCEEDED | ZMQ_EVENT_PIPES_STATS, 2,
                                         ZMQ_PAIR)
           == 0);
    FAILS (EINVAL, zmq_socket_monitor_pipes_stats (second));
    FAILS (EAGAIN, zmq_socket_monitor_pipes_stats (push));
    CHECK (zmq_connect (second, "inproc://n") == 0);
    join (pull, push);
    CHECK (zmq_getsockopt (pull, ZMQ_LAST_ENDPOINT, endpoint, &len) == 0);
    CHECK (next_event (monitor, &value, address) == ZMQ_EVENT_LISTENING && strcmp (address, endpoint) == 0);
    CHECK (next_event (monitor, &value, address) == ZMQ_EVENT_ACCEPTED && strcmp (address, endpoint) == 0);
    CHECK (next_event (monitor, &value, address) == ZMQ_EVENT_HANDSHAKE_SUCCEEDED);

    uint64_t number;
    CHECK (zmq_recv (second, &number, 8, 0) == 8 && number == ZMQ_EVENT_HANDSHAKE_SUCCEEDED);
    CHECK (zmq_recv (second, &number, 8, 0) == 8 && number == 1);
    CHECK (zmq_recv (second, &number, 8, 0) == 8 && number == 0);
    CHECK (zmq_recv (second, address, 255, 0) > 0);
    len = (size_t) zmq_recv (second, address, 255, 0);
    CHECK (len == strlen (endpoint) && memcmp (address, endpoint, len) == 0);

    /* How much waits in the one pipe: nothing. */
    CHECK (zmq_socket_monitor_pipes_stats (push) == 0);
    CHECK (zmq_recv (second, &number, 8, 0) == 8 && number == ZMQ_EVENT_PIPES_STATS);
    CHECK (zmq_recv (second, &number, 8, 0) == 8 && number == 2);
    CHECK (zmq_recv (second, &number, 8, 0) == 8 && number == 0);
    CHECK (zmq_recv (second, &number, 8, 0) == 8 && number == 0);
    CHECK (zmq_recv (second, address, 255, 0) > 0);
    len = (size_t) zmq_recv (second, address, 255, 0);
    CHECK (len == strlen (endpoint) && memcmp (address, endpoint, len) == 0);

    CHECK (zmq_close (push) == 0);
    CHECK (next_event (monitor, &value, address) == ZMQ_EVENT_DISCONNECTED);
    CHECK (zmq_socket_monitor (pull, NULL, 0) == 0);
    CHECK (next_event (monitor, &value, address) == ZMQ_EVENT_MONITOR_STOPPED);
    CHECK (zmq_close (pull) == 0 && zmq_close (monitor) == 0 && zmq_close (second) == 0);
    own_endings ();
    return finish ();
}
