/* Random calls, from seeds, on sockets of types that fit each other: what a library answers, a line each, to be compared with
 * what another library answers. After each call that peers can notice the sockets are given time to settle, so that what
 * is said depends on the calls alone. What libzmq itself leaves to chance is not done: a second peer for a PAIR, a request
 * without an envelope for a REP (libzmq promises a message there, and has none), the going of whom an XPUB has connected to.
 *
 *     differential FROM TO    the seeds FROM to TO - 1, each in a process of its own */
#include <zmq.h>

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define SOCKETS 6
#define COUNT(array) (sizeof (array) / sizeof *(array))

static const int pairs[][2] = {
  {ZMQ_PAIR, ZMQ_PAIR},     {ZMQ_PUSH, ZMQ_PULL},     {ZMQ_PUB, ZMQ_SUB},       {ZMQ_XPUB, ZMQ_XSUB},
  {ZMQ_XPUB, ZMQ_SUB},      {ZMQ_REQ, ZMQ_REP},       {ZMQ_DEALER, ZMQ_ROUTER}, {ZMQ_DEALER, ZMQ_REP},
  {ZMQ_REQ, ZMQ_ROUTER},    {ZMQ_DEALER, ZMQ_DEALER}, {ZMQ_CLIENT, ZMQ_SERVER}, {ZMQ_RADIO, ZMQ_DISH},
  {ZMQ_SCATTER, ZMQ_GATHER}, {ZMQ_CHANNEL, ZMQ_CHANNEL}, {ZMQ_ROUTER, ZMQ_ROUTER}};
static const char *const transports[] = {"tcp://127.0.0.1:*", "ipc://*", "inproc://"};

static struct
{
    void *handle;
    int type;
    int bound;
    char endpoint[256];
    /* Bit by bit: to whom it has connected. */
    unsigned connected;
} sockets[SOCKETS];
static void *context;
static unsigned long long state;
static unsigned seed, transport, made;

static unsigned below (unsigned n)
{
    state = state * 6364136223846793005ULL + 1442695040888963407ULL;
    return (unsigned) (state >> 33) % n;
}

static void say (const char *format, ...)
{
    va_list arguments;
    va_start (arguments, format);
    printf ("%u ", seed);
    vprintf (format, arguments);
    putchar ('\n');
    va_end (arguments);
}

/* A call's result, with its error. */
static void tell (int i, const char *what, int rc)
{
    int number = errno;
    say ("socket %d %s: %d error %d", i, what, rc, rc < 0 ? number : 0);
}

static int number_of (void *socket, int option)
{
    int value = -1;
    size_t len = sizeof value;
    return zmq_getsockopt (socket, option, &value, &len) == 0 ? value : -1;
}

static void set_number (void *socket, int option, int value)
{
    zmq_setsockopt (socket, option, &value, sizeof value);
}

/* A library that is not asked does nothing for some sockets: all are asked in between. */
static void settle (void)
{
    for (int round = 0; round < 3; round++) {
        poll (NULL, 0, 20);
        for (int i = 0; i < SOCKETS; i++)
            if (sockets[i].handle)
                number_of (sockets[i].handle, ZMQ_EVENTS);
    }
}

static int fit (int one, int other)
{
    for (size_t i = 0; i < COUNT (pairs); i++)
        if ((pairs[i][0] == one && pairs[i][1] == other) || (pairs[i][1] == one && pairs[i][0] == other))
            return 1;
    return 0;
}

static int has_peer (int i)
{
    for (int j = 0; j < SOCKETS; j++)
        if (sockets[j].connected >> i & 1)
            return 1;
    return sockets[i].connected != 0;
}

/* A publisher that has connected to a socket keeps the subscriptions of a peer that goes, in libzmq, until there is another. */
static int has_publisher (int i)
{
    for (int j = 0; j < SOCKETS; j++)
        if (sockets[j].type == ZMQ_XPUB && (sockets[j].connected >> i & 1))
            return 1;
    return 0;
}

static void forget (int i)
{
    for (int j = 0; j < SOCKETS; j++)
        sockets[j].connected &= ~(1u << i);
}

static void make (int i, int type)
{
    char id[8];
    void *socket = sockets[i].handle = zmq_socket (context, type);
    sockets[i].type = type;
    sockets[i].bound = 0;
    sockets[i].connected = 0;
    made++;
    set_number (socket, ZMQ_LINGER, 0);
    set_number (socket, ZMQ_RECONNECT_IVL, 20);
    snprintf (id, sizeof id, "i%d", i);
    zmq_setsockopt (socket, ZMQ_ROUTING_ID, id, strlen (id));
    if (below (3) == 0) {
        set_number (socket, ZMQ_SNDHWM, 1 + (int) below (4));
        set_number (socket, ZMQ_RCVHWM, 1 + (int) below (4));
    }
    if (type == ZMQ_REQ && below (3) == 0) {
        set_number (socket, ZMQ_REQ_RELAXED, 1);
        set_number (socket, ZMQ_REQ_CORRELATE, (int) below (2));
    }
    if (type == ZMQ_ROUTER)
        set_number (socket, ZMQ_ROUTER_MANDATORY, (int) below (2));
    static const int ways[] = {ZMQ_XPUB_VERBOSE, ZMQ_XPUB_VERBOSER, ZMQ_XPUB_MANUAL, ZMQ_XPUB_NODROP};
    unsigned way = below (COUNT (ways) + 1);
    if (type == ZMQ_XPUB && way < COUNT (ways))
        set_number (socket, ways[way], 1);
    if (type == ZMQ_SUB && below (2))
        zmq_setsockopt (socket, ZMQ_SUBSCRIBE, "", 0);
    say ("socket %d is made, type %d", i, type);
}

static void bind_one (int i)
{
    char endpoint[64];
    size_t len = sizeof sockets[i].endpoint;
    if (sockets[i].bound)
        return;
    snprintf (endpoint, sizeof endpoint, "%s", transports[transport]);
    if (transport == 2)
        snprintf (endpoint + strlen (endpoint), 32, "%u-%d", made, i);
    tell (i, "binds", zmq_bind (sockets[i].handle, endpoint));
    zmq_getsockopt (sockets[i].handle, ZMQ_LAST_ENDPOINT, sockets[i].endpoint, &len);
    sockets[i].bound = 1;
}

static void connect_one (int i)
{
    int j = (int) below (SOCKETS), alone = sockets[i].type == ZMQ_PAIR || sockets[i].type == ZMQ_CHANNEL;
    if (i == j || !sockets[j].handle || !sockets[j].bound || !fit (sockets[i].type, sockets[j].type)
        || (sockets[i].connected >> j & 1) || (alone && (has_peer (i) || has_peer (j))))
        return;
    tell (i, "connects", zmq_connect (sockets[i].handle, sockets[j].endpoint));
    sockets[i].connected |= 1u << j;
    settle ();
}

static void disconnect_one (int i)
{
    int j = (int) below (SOCKETS);
    if (!(sockets[i].connected >> j & 1))
        return;
    tell (i, "disconnects", zmq_disconnect (sockets[i].handle, sockets[j].endpoint));
    sockets[i].connected &= ~(1u << j);
    settle ();
}

static void choose (int i)
{
    char topic[2] = {(char) ('a' + below (3)), 0};
    size_t len = below (2);
    int less = below (3) == 0, type = sockets[i].type;
    void *socket = sockets[i].handle;
    if (type == ZMQ_SUB || type == ZMQ_XPUB)
        tell (i, less ? "unsubscribes" : "subscribes",
              zmq_setsockopt (socket, less ? ZMQ_UNSUBSCRIBE : ZMQ_SUBSCRIBE, topic, len));
    else if (type == ZMQ_DISH)
        tell (i, less ? "leaves" : "joins", less ? zmq_leave (socket, topic) : zmq_join (socket, topic));
    settle ();
}

static void send_one (int i, int step)
{
    char body[16], what[64];
    int flags = ZMQ_DONTWAIT | (below (4) == 0 ? ZMQ_SNDMORE : 0), type = sockets[i].type;
    void *socket = sockets[i].handle;
    snprintf (body, sizeof body, "%c%d", 'a' + (char) below (3), step);
    size_t len = strlen (body);
    if (type == ZMQ_XSUB && below (2)) {
        body[0] = below (3) != 0;
        body[1] = (char) ('a' + below (3));
        len = 1 + below (2);
        flags = ZMQ_DONTWAIT;
    }
    if (type == ZMQ_ROUTER) {
        char id[8];
        snprintf (id, sizeof id, "i%u", below (SOCKETS));
        int rc = zmq_send (socket, id, strlen (id), ZMQ_DONTWAIT | ZMQ_SNDMORE);
        tell (i, "names a peer", rc);
        if (rc < 0)
            return;
    }
    if (type == ZMQ_ROUTER || type == ZMQ_DEALER)
        zmq_send (socket, "", 0, ZMQ_DONTWAIT | ZMQ_SNDMORE);
    zmq_msg_t message;
    zmq_msg_init_buffer (&message, body, len);
    if (type == ZMQ_RADIO) {
        char group[2] = {(char) ('a' + below (3)), 0};
        zmq_msg_set_group (&message, group);
    }
    snprintf (what, sizeof what, "sends %zu bytes, flags %d", len, flags);
    int rc = zmq_msg_send (&message, socket, flags);
    tell (i, what, rc);
    if (rc < 0)
        zmq_msg_close (&message);
    settle ();
}

static void receive_some (int i)
{
    zmq_msg_t message;
    zmq_msg_init (&message);
    for (unsigned left = 1 + below (3); left > 0; left--) {
        int rc = zmq_msg_recv (&message, sockets[i].handle, ZMQ_DONTWAIT);
        tell (i, "receives", rc);
        if (rc < 0)
            break;
        const unsigned char *body = zmq_msg_data (&message);
        /* A routing id that a ROUTER has made up is its own affair. */
        int made_up = rc == 5 && body[0] == 0;
        for (int at = 0; at < rc && !made_up; at++)
            printf ("%u   byte %02x\n", seed, body[at]);
        say ("  more %d %d", zmq_msg_more (&message), number_of (sockets[i].handle, ZMQ_RCVMORE));
    }
    zmq_msg_close (&message);
    settle ();
}

static void run (void)
{
    const int *types = pairs[below (COUNT (pairs))];
    transport = below (COUNT (transports));
    context = zmq_ctx_new ();
    say ("types %d and %d over %s", types[0], types[1], transports[transport]);
    for (int step = 0, steps = 30 + (int) below (40); step < steps; step++) {
        int i = (int) below (SOCKETS);
        unsigned choice = below (20);
        if (!sockets[i].handle)
            make (i, types[below (2)]);
        else if (choice < 2)
            bind_one (i);
        else if (choice < 6)
            connect_one (i);
        else if (choice < 7)
            disconnect_one (i);
        else if (choice < 8 && sockets[i].bound && !has_publisher (i) && below (3) == 0) {
            tell (i, "unbinds", zmq_unbind (sockets[i].handle, sockets[i].endpoint));
            sockets[i].bound = 0;
            forget (i);
            settle ();
        } else if (choice < 9 && !has_publisher (i) && below (8) == 0) {
            tell (i, "closes", zmq_close (sockets[i].handle));
            sockets[i].handle = NULL;
            sockets[i].connected = 0;
            forget (i);
            settle ();
        } else if (choice < 10)
            choose (i);
        else if (choice < 15)
            send_one (i, step);
        else
            receive_some (i);
        for (int j = 0; j < SOCKETS; j++)
            /* A DISH says that it could be written to, in libzmq. */
            if (sockets[j].handle && sockets[j].type != ZMQ_DISH)
                say ("  socket %d events %d", j, number_of (sockets[j].handle, ZMQ_EVENTS));
    }
    for (int i = 0; i < SOCKETS; i++)
        if (sockets[i].handle)
            zmq_close (sockets[i].handle);
    tell (0, "context ends", zmq_ctx_term (context));
}

int main (int argc, char **argv)
{
    if (argc != 3)
        return 2;
    unsigned to = (unsigned) atoi (argv[2]);
    for (seed = (unsigned) atoi (argv[1]); seed < to; seed++) {
        fflush (stdout);
        pid_t child = fork ();
        if (child == 0) {
            alarm (60);
            state = seed * 7919ULL + 13;
            run ();
            fflush (stdout);
            _exit (0);
        }
        int status;
        waitpid (child, &status, 0);
        if (status != 0)
            say ("ended with %d", status);
    }
    return 0;
}
