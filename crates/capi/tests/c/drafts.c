/* The draft section: each socket type that it adds, messages with a number or a group, and what is said at the beginning and end
 * of a connection. */
#include "check.h"

/* Sends one message; its text is all that it has. */
static void say (void *socket, const char *text)
{
    CHECK (zmq_send (socket, text, strlen (text), 0) == (int) strlen (text));
}

/* The next message is this one. */
static void hear (void *socket, const char *text)
{
    char got[64];
    int len = zmq_recv (socket, got, sizeof got, 0);
    CHECK (len == (int) strlen (text) && memcmp (got, text, (size_t) len) == 0);
}

static void set_text (void *socket, int option, const char *text)
{
    CHECK (zmq_setsockopt (socket, option, text, strlen (text)) == 0);
}

static void *closed (void *socket)
{
    CHECK (zmq_close (socket) == 0);
    return NULL;
}

/* These sockets are for many threads, so a message is one part, and only one. */
static void refuses_parts (void *socket)
{
    int more;
    size_t len = sizeof more;
    FAILS (EINVAL, zmq_send (socket, "x", 1, ZMQ_SNDMORE));
    CHECK (zmq_getsockopt (socket, ZMQ_THREAD_SAFE, &more, &len) == 0 && more == 1);
}

/* A SERVER answers whoever asked, by the number on the question. */
static void numbers (void)
{
    void *server = open_socket (ZMQ_SERVER), *one = open_socket (ZMQ_CLIENT), *two = open_socket (ZMQ_CLIENT);
    char endpoint[256], text[8];
    size_t len = sizeof endpoint;
    join (server, one);
    CHECK (zmq_getsockopt (server, ZMQ_LAST_ENDPOINT, endpoint, &len) == 0);
    CHECK (zmq_connect (two, endpoint) == 0);
    refuses_parts (one);
    refuses_parts (server);
    say (one, "one");
    say (two, "two");
    for (int turn = 0; turn < 2; turn++) {
        zmq_msg_t message, answer;
        CHECK (zmq_msg_init (&message) == 0 && zmq_msg_recv (&message, server, 0) == 3);
        uint32_t peer = zmq_msg_routing_id (&message);
        CHECK (peer != 0);
        CHECK (zmq_msg_init_buffer (&answer, zmq_msg_data (&message), 3) == 0);
        CHECK (zmq_msg_routing_id (&answer) == 0);
        FAILS (EINVAL, zmq_msg_set_routing_id (&answer, 0));
        CHECK (zmq_msg_set_routing_id (&answer, peer) == 0 && zmq_msg_send (&answer, server, 0) == 3);
        CHECK (zmq_msg_close (&answer) == 0 && zmq_msg_close (&message) == 0);
    }
    hear (one, "one");
    hear (two, "two");
    /* Nobody has that number. */
    zmq_msg_t lost;
    CHECK (zmq_msg_init_buffer (&lost, "lost", 4) == 0 && zmq_msg_set_routing_id (&lost, 0xFFFFFFFF) == 0);
    FAILS (EHOSTUNREACH, zmq_msg_send (&lost, server, 0));
    CHECK (zmq_msg_size (&lost) == 4 && zmq_msg_close (&lost) == 0);
    FAILS (EAGAIN, zmq_recv (one, text, sizeof text, ZMQ_DONTWAIT));
    closed (one), closed (two), closed (server);
}

/* A DISH gets the groups that it joined. Over a wire the radio has to hear of that first: it repeats itself until then. */
static void groups (void)
{
    void *radio = open_socket (ZMQ_RADIO), *dish = open_socket (ZMQ_DISH);
    CHECK (zmq_join (dish, "films") == 0);
    FAILS (EINVAL, zmq_join (dish, "films"));
    FAILS (EINVAL, zmq_leave (dish, "songs"));
    FAILS (ENOTSUP, zmq_join (radio, "films"));
    FAILS (ENOTSUP, zmq_leave (radio, "films"));
    join (dish, radio);
    zmq_msg_t message;
    zmq_pollitem_t item = {dish, 0, ZMQ_POLLIN, 0};
    do {
        CHECK (zmq_msg_init_buffer (&message, "unheard", 7) == 0 && zmq_msg_set_group (&message, "songs") == 0);
        CHECK (strcmp (zmq_msg_group (&message), "songs") == 0 && zmq_msg_send (&message, radio, 0) == 7);
        CHECK (zmq_msg_init_buffer (&message, "movie", 5) == 0 && zmq_msg_set_group (&message, "films") == 0);
        CHECK (zmq_msg_send (&message, radio, 0) == 5);
        CHECK (zmq_poll (&item, 1, 10) >= 0);
    } while (!item.revents);
    CHECK (zmq_msg_init (&message) == 0 && zmq_msg_recv (&message, dish, 0) == 5);
    CHECK (memcmp (zmq_msg_data (&message), "movie", 5) == 0 && strcmp (zmq_msg_group (&message), "films") == 0);
    CHECK (zmq_msg_close (&message) == 0);
    CHECK (zmq_leave (dish, "films") == 0);
    closed (radio), closed (dish);
}

/* SCATTER hands out in turn, GATHER collects; CHANNEL is one to one. */
static void pairs (void)
{
    void *gather = open_socket (ZMQ_GATHER), *scatter = open_socket (ZMQ_SCATTER);
    join (gather, scatter);
    refuses_parts (scatter);
    say (scatter, "task");
    hear (gather, "task");
    FAILS (ENOTSUP, zmq_send (gather, "x", 1, 0));
    closed (scatter), closed (gather);

    void *here = open_socket (ZMQ_CHANNEL), *there = open_socket (ZMQ_CHANNEL);
    join (here, there);
    refuses_parts (here);
    say (here, "question");
    hear (there, "question");
    say (there, "answer");
    hear (here, "answer");
    closed (here), closed (there);
}

/* A PEER knows whom it connects to before a word has been said. */
static void peers (void)
{
    void *one = open_socket (ZMQ_PEER), *two = open_socket (ZMQ_PEER), *other = open_socket (ZMQ_DEALER);
    char endpoint[256];
    size_t len = sizeof endpoint;
    CHECK (zmq_bind (one, "tcp://127.0.0.1:*") == 0);
    CHECK (zmq_getsockopt (one, ZMQ_LAST_ENDPOINT, endpoint, &len) == 0);
    errno = 0;
    CHECK (zmq_connect_peer (other, endpoint) == 0 && errno == ENOTSUP);
    uint32_t peer = zmq_connect_peer (two, endpoint);
    CHECK (peer != 0);
    zmq_msg_t message;
    CHECK (zmq_msg_init_buffer (&message, "hello", 5) == 0 && zmq_msg_set_routing_id (&message, peer) == 0);
    CHECK (zmq_msg_send (&message, two, 0) == 5);
    CHECK (zmq_msg_init (&message) == 0 && zmq_msg_recv (&message, one, 0) == 5);
    uint32_t back = zmq_msg_routing_id (&message);
    CHECK (back != 0 && zmq_msg_send (&message, one, 0) == 5);
    CHECK (zmq_msg_init (&message) == 0 && zmq_msg_recv (&message, two, 0) == 5);
    CHECK (zmq_msg_routing_id (&message) == peer && zmq_msg_close (&message) == 0);
    closed (one), closed (two), closed (other);
}

/* DGRAM: an address, and what goes there or came from there. Received addresses have their final zero with them. */
static void datagrams (void)
{
    void *one = open_socket (ZMQ_DGRAM), *two = open_socket (ZMQ_DGRAM);
    char from[256], to[256];
    size_t len = sizeof to;
    FAILS (ENOCOMPATPROTO, zmq_connect (one, "tcp://127.0.0.1:1"));
    CHECK (zmq_bind (one, "udp://127.0.0.1:*") == 0 && zmq_bind (two, "udp://127.0.0.1:*") == 0);
    CHECK (zmq_getsockopt (two, ZMQ_LAST_ENDPOINT, to, &len) == 0);
    const char *address = to + strlen ("udp://");
    CHECK (zmq_send (one, address, strlen (address), ZMQ_SNDMORE) == (int) strlen (address));
    say (one, "ping");
    int named = zmq_recv (two, from, sizeof from, 0);
    CHECK (named > 0);
    hear (two, "ping");
    CHECK (zmq_send (two, from, (size_t) named, ZMQ_SNDMORE) == named);
    say (two, "pong");
    named = zmq_recv (one, from, sizeof from, 0);
    CHECK (named == (int) strlen (address) + 1 && strcmp (from, address) == 0);
    hear (one, "pong");
    closed (one), closed (two);
}

/* What is said to a new peer, to a socket whose peer has gone, and of a ROUTER's peers. */
static void beginnings_and_ends (void)
{
    void *server = open_socket (ZMQ_SERVER), *client = open_socket (ZMQ_CLIENT);
    set_text (server, ZMQ_HELLO_MSG, "welcome");
    set_text (server, ZMQ_DISCONNECT_MSG, "gone");
    join (server, client);
    hear (client, "welcome");
    say (client, "hi");
    hear (server, "hi");
    closed (client);
    hear (server, "gone");
    closed (server);

    void *dealer = open_socket (ZMQ_DEALER), *router = open_socket (ZMQ_ROUTER);
    int both = ZMQ_NOTIFY_CONNECT | ZMQ_NOTIFY_DISCONNECT, got;
    size_t len = sizeof got;
    CHECK (zmq_setsockopt (router, ZMQ_ROUTER_NOTIFY, &both, sizeof both) == 0);
    CHECK (zmq_getsockopt (router, ZMQ_ROUTER_NOTIFY, &got, &len) == 0 && got == both);
    set_text (dealer, ZMQ_ROUTING_ID, "dealer");
    set_text (dealer, ZMQ_HICCUP_MSG, "lost");
    FAILS (EHOSTUNREACH, zmq_socket_get_peer_state (router, "dealer", 6));
    FAILS (ENOTSUP, zmq_socket_get_peer_state (dealer, "dealer", 6));
    join (router, dealer);
    hear (router, "dealer");
    hear (router, "");
    CHECK (zmq_socket_get_peer_state (router, "dealer", 6) == ZMQ_POLLOUT);
    say (dealer, "hi");
    zmq_pollitem_t item = {router, 0, ZMQ_POLLIN, 0};
    CHECK (zmq_poll (&item, 1, 30000) == 1);
    CHECK (zmq_socket_get_peer_state (router, "dealer", 6) == ZMQ_POLLOUT);
    hear (router, "dealer");
    hear (router, "hi");
    closed (router);
    hear (dealer, "lost");
    closed (dealer);
}

int main (void)
{
    numbers ();
    groups ();
    pairs ();
    peers ();
    datagrams ();
    beginnings_and_ends ();
    return finish ();
}
