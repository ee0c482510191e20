/* STREAM: whoever connects has the peer's routing id at once, and may send to it before it is there (zmq_socket(3)). It
 * broke when the peer's pipe was made with its connection. */
#include "check.h"

int main (void)
{
    char endpoint[256], ids[2][16], id[16], text[16];
    size_t len = sizeof endpoint;
    void *server = open_socket (ZMQ_STREAM), *client = open_socket (ZMQ_STREAM);
    int off = 0;
    CHECK (zmq_setsockopt (server, ZMQ_STREAM_NOTIFY, &off, sizeof off) == 0);
    CHECK (zmq_bind (server, "tcp://127.0.0.1:*") == 0);
    CHECK (zmq_getsockopt (server, ZMQ_LAST_ENDPOINT, endpoint, &len) == 0);
    for (int i = 0; i < 2; i++) {
        CHECK (zmq_connect (client, endpoint) == 0);
        len = sizeof ids[i];
        CHECK (zmq_getsockopt (client, ZMQ_ROUTING_ID, ids[i], &len) == 0 && len == 5 && ids[i][0] == 0);
    }
    CHECK (memcmp (ids[0], ids[1], 5) != 0);
    for (int i = 0; i < 2; i++) {
        CHECK (zmq_send (client, ids[i], 5, ZMQ_SNDMORE) == 5 && zmq_send (client, &"ab"[i], 1, 0) == 1);
        CHECK (zmq_recv (server, id, sizeof id, 0) == 5 && zmq_recv (server, text, sizeof text, 0) == 1);
        CHECK (text[0] == "ab"[i]);
    }
    CHECK (zmq_send (server, id, 5, ZMQ_SNDMORE) == 5 && zmq_send (server, "answer", 6, 0) == 6);
    /* Two connections are told of first. */
    for (int i = 0; i < 3; i++) {
        CHECK (zmq_recv (client, id, sizeof id, 0) == 5);
        int size = zmq_recv (client, text, sizeof text, 0);
        CHECK (i < 2 ? size == 0 : size == 6 && memcmp (id, ids[1], 5) == 0);
    }
    CHECK (zmq_close (client) == 0 && zmq_close (server) == 0);
    return finish ();
}
