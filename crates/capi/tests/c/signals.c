/* Signals: a handler that runs while a call waits ends the call with EINTR, whether or not it was installed to restart
 * system calls. Another thread sends signals until the call has returned. */
#include "check.h"
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>

static atomic_int calling, handled;
static pthread_t caller;

static void handler (int signal)
{
    (void) signal;
    handled++;
}

static void *interrupt (void *unused)
{
    while (calling) {
        pthread_kill (caller, SIGUSR1);
        sched_yield ();
    }
    return unused;
}

/* The call is ended by a signal. */
#define INTERRUPTED(call)                                            \
    do {                                                             \
        pthread_t other;                                             \
        calling = 1;                                                 \
        handled = 0;                                                 \
        CHECK (pthread_create (&other, NULL, interrupt, NULL) == 0); \
        FAILS (EINTR, call);                                         \
        calling = 0;                                                 \
        CHECK (pthread_join (other, NULL) == 0);                     \
        CHECK (handled > 0);                                         \
    } while (0)

static void all_waits (const char *transport)
{
    void *pull = open_socket (ZMQ_PULL), *push = open_socket (ZMQ_PUSH);
    void *router = open_socket (ZMQ_ROUTER), *dealer = open_socket (ZMQ_DEALER);
    char text[256];
    size_t len = sizeof text;
    zmq_msg_t msg;
    int for_ever = -1;
    CHECK (zmq_msg_init (&msg) == 0);

    /* Nobody there yet: nothing but the call itself can end it. */
    CHECK (zmq_setsockopt (pull, ZMQ_RCVTIMEO, &for_ever, sizeof for_ever) == 0);
    CHECK (zmq_setsockopt (push, ZMQ_SNDTIMEO, &for_ever, sizeof for_ever) == 0);
    INTERRUPTED (zmq_recv (pull, text, sizeof text, 0));
    INTERRUPTED (zmq_send (push, "x", 1, 0));
    zmq_pollitem_t items[] = {{pull, 0, ZMQ_POLLIN, 0}, {router, 0, ZMQ_POLLIN, 0}};
    INTERRUPTED (zmq_poll (items, 1, -1));

    /* With peers, which have nothing to say. */
    CHECK (zmq_bind (pull, transport) == 0);
    CHECK (zmq_getsockopt (pull, ZMQ_LAST_ENDPOINT, text, &len) == 0 && zmq_connect (push, text) == 0);
    CHECK (zmq_send (push, "first", 5, 0) == 5 && zmq_recv (pull, text, sizeof text, 0) == 5);
    INTERRUPTED (zmq_recv (pull, text, sizeof text, 0));
    INTERRUPTED (zmq_msg_recv (&msg, pull, 0));
    INTERRUPTED (zmq_poll (items, 1, -1));
    INTERRUPTED (zmq_poll (items, 2, 60000));
    INTERRUPTED (zmq_poll (NULL, 0, 60000));
    INTERRUPTED (zmq_ppoll (items, 2, -1, NULL));
    INTERRUPTED (zmq_proxy (router, dealer, NULL));
    void *poller = zmq_poller_new ();
    zmq_poller_event_t event;
    CHECK (zmq_poller_add (poller, pull, NULL, ZMQ_POLLIN) == 0);
    INTERRUPTED (zmq_poller_wait (poller, &event, -1));
    CHECK (zmq_poller_destroy (&poller) == 0);

    /* The socket works on, and what is there is given out whatever signals come. */
    CHECK (zmq_send (push, "second", 6, 0) == 6 && zmq_recv (pull, text, sizeof text, 0) == 6);

    /* A full pipe. */
    int one = 1;
    void *full = open_socket (ZMQ_PUSH), *slow = open_socket (ZMQ_PULL);
    CHECK (zmq_setsockopt (full, ZMQ_SNDHWM, &one, sizeof one) == 0);
    CHECK (zmq_setsockopt (slow, ZMQ_RCVHWM, &one, sizeof one) == 0);
    CHECK (zmq_bind (slow, "inproc://slow") == 0 && zmq_connect (full, "inproc://slow") == 0);
    while (zmq_send (full, "x", 1, ZMQ_DONTWAIT) == 1)
        ;
    CHECK (errno == EAGAIN);
    INTERRUPTED (zmq_send (full, "x", 1, 0));
    INTERRUPTED (zmq_msg_send (&msg, full, 0));
    CHECK (zmq_msg_close (&msg) == 0);
    CHECK (zmq_close (full) == 0 && zmq_close (slow) == 0);
    CHECK (zmq_close (pull) == 0 && zmq_close (push) == 0 && zmq_close (router) == 0 && zmq_close (dealer) == 0);
}

int main (void)
{
    caller = pthread_self ();
    for (int flags = 0; flags <= SA_RESTART; flags += SA_RESTART) {
        struct sigaction action = {.sa_handler = handler, .sa_flags = flags};
        CHECK (sigaction (SIGUSR1, &action, NULL) == 0);
        all_waits ("inproc://waits");
        all_waits ("tcp://127.0.0.1:*");
    }

    /* A context waits for its sockets; interrupted, it can be ended again. */
    void *last = open_socket (ZMQ_PULL);
    INTERRUPTED (zmq_ctx_term (handle));
    FAILS (ETERM, zmq_recv (last, &last, 1, 0));
    CHECK (zmq_close (last) == 0);
    return finish ();
}
