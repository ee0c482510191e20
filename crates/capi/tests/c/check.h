/* What the programs share: a check that tells its line, and errno. */
#include <zmq.h>

#include <stdlib.h>
#include <string.h>

#define CHECK(condition)                                                                                      \
    do {                                                                                                      \
        if (!(condition)) {                                                                                   \
            fprintf (stderr, "line %d: %s (errno %d: %s)\n", __LINE__, #condition, errno, zmq_strerror (errno)); \
            exit (1);                                                                                         \
        }                                                                                                     \
    } while (0)

/* The call fails, with this errno. */
#define FAILS(number, call)      \
    do {                         \
        errno = 0;               \
        CHECK ((call) == -1);    \
        CHECK (errno == number); \
    } while (0)

static void *handle;

/* A socket of this type in the one context. */
static inline void *open_socket (int type)
{
    if (!handle)
        handle = zmq_ctx_new ();
    CHECK (handle);
    void *socket = zmq_socket (handle, type);
    CHECK (socket);
    int zero = 0, patience = 60000;
    CHECK (zmq_setsockopt (socket, ZMQ_LINGER, &zero, sizeof zero) == 0);
    CHECK (zmq_setsockopt (socket, ZMQ_RCVTIMEO, &patience, sizeof patience) == 0);
    CHECK (zmq_setsockopt (socket, ZMQ_SNDTIMEO, &patience, sizeof patience) == 0);
    return socket;
}

/* Binds to a free port and connects to it. */
static inline void join (void *bound, void *connected)
{
    char endpoint[256];
    size_t len = sizeof endpoint;
    CHECK (zmq_bind (bound, "tcp://127.0.0.1:*") == 0);
    CHECK (zmq_getsockopt (bound, ZMQ_LAST_ENDPOINT, endpoint, &len) == 0);
    CHECK (zmq_connect (connected, endpoint) == 0);
}

static inline int finish (void)
{
    CHECK (!handle || zmq_ctx_term (handle) == 0);
    return 0;
}
