/* Messages: every way to make one, moving and copying, memory given away, properties. */
#include "check.h"

static int freed;

static void count (void *data, void *hint)
{
    CHECK (hint == &freed);
    free (data);
    freed++;
}

int main (void)
{
    zmq_msg_t a, b;
    CHECK (sizeof a == 64);
    CHECK (zmq_msg_init (&a) == 0 && zmq_msg_size (&a) == 0 && zmq_msg_data (&a));
    CHECK (zmq_msg_close (&a) == 0);
    FAILS (EFAULT, zmq_msg_close (&a));
    CHECK (!zmq_msg_data (&a) && errno == EFAULT);
    FAILS (EFAULT, zmq_msg_copy (&b, &a));

    const size_t sizes[] = {0, 1, 33, 50, 51, 4096, 5 << 20};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        CHECK (zmq_msg_init_size (&a, sizes[i]) == 0 && zmq_msg_size (&a) == sizes[i]);
        memset (zmq_msg_data (&a), 7, sizes[i]);
        CHECK (zmq_msg_init (&b) == 0 && zmq_msg_copy (&b, &a) == 0);
        CHECK (zmq_msg_size (&b) == sizes[i] && memcmp (zmq_msg_data (&a), zmq_msg_data (&b), sizes[i]) == 0);
        CHECK (zmq_msg_move (&b, &a) == 0 && zmq_msg_size (&a) == 0 && zmq_msg_size (&b) == sizes[i]);
        CHECK (zmq_msg_close (&a) == 0 && zmq_msg_close (&b) == 0);
    }
    FAILS (ENOMEM, zmq_msg_init_size (&a, (size_t) -1));

    CHECK (zmq_msg_init_buffer (&a, "hello", 5) == 0 && memcmp (zmq_msg_data (&a), "hello", 5) == 0);
    CHECK (zmq_msg_more (&a) == 0 && zmq_msg_get (&a, ZMQ_MORE) == 0 && zmq_msg_get (&a, ZMQ_SHARED) == 0);
    FAILS (EINVAL, zmq_msg_get (&a, 99));
    FAILS (EINVAL, zmq_msg_set (&a, ZMQ_MORE, 1));
    CHECK (!zmq_msg_gets (&a, "Socket-Type") && errno == EINVAL);
    CHECK (zmq_msg_set_group (&a, "weather") == 0 && strcmp (zmq_msg_group (&a), "weather") == 0);
    FAILS (EINVAL, zmq_msg_set_routing_id (&a, 0));
    CHECK (zmq_msg_set_routing_id (&a, 9) == 0 && zmq_msg_routing_id (&a) == 9);
    CHECK (zmq_msg_close (&a) == 0);

    /* The free function is called once, whoever goes last. */
    CHECK (zmq_msg_init_data (&a, malloc (1000), 1000, count, &freed) == 0);
    CHECK (zmq_msg_init (&b) == 0 && zmq_msg_copy (&b, &a) == 0 && zmq_msg_get (&a, ZMQ_SHARED) == 1);
    CHECK (zmq_msg_close (&a) == 0 && freed == 0);
    CHECK (zmq_msg_close (&b) == 0 && freed == 1);

    /* Also when it was sent. */
    void *push = open_socket (ZMQ_PUSH), *pull = open_socket (ZMQ_PULL);
    join (pull, push);
    CHECK (zmq_msg_init_data (&a, memset (malloc (100000), 5, 100000), 100000, count, &freed) == 0);
    CHECK (zmq_msg_send (&a, push, ZMQ_SNDMORE) == 100000 && zmq_msg_size (&a) == 0);
    CHECK (zmq_send (push, "end", 3, 0) == 3);
    CHECK (zmq_msg_init (&b) == 0 && zmq_msg_recv (&b, pull, 0) == 100000);
    CHECK (zmq_msg_more (&b) == 1 && ((char *) zmq_msg_data (&b))[99999] == 5);
    CHECK (strcmp (zmq_msg_gets (&b, "Socket-Type"), "PUSH") == 0);
    CHECK (strcmp (zmq_msg_gets (&b, ZMQ_MSG_PROPERTY_PEER_ADDRESS), "127.0.0.1") == 0);
    CHECK (zmq_msg_get (&b, ZMQ_SRCFD) >= 0);
    CHECK (zmq_msg_recv (&b, pull, 0) == 3 && zmq_msg_more (&b) == 0);
    CHECK (zmq_msg_close (&a) == 0 && zmq_msg_close (&b) == 0);
    CHECK (zmq_close (push) == 0 && zmq_close (pull) == 0);
    finish ();
    CHECK (freed == 2);
    return 0;
}
