/* Errors and their texts, capabilities, and the older names that programs still use. */
#include "check.h"

/* Every number of the header has a text of its own, and those of the platform have the platform's, but for one. */
static void errors (void)
{
    const int ours[] = {EFSM, ENOCOMPATPROTO, ETERM, EMTHREAD};
    for (size_t i = 0; i < sizeof ours / sizeof *ours; i++) {
        CHECK (ours[i] > ZMQ_HAUSNUMERO && strlen (zmq_strerror (ours[i])) > 0);
        for (size_t k = 0; k < i; k++)
            CHECK (strcmp (zmq_strerror (ours[i]), zmq_strerror (ours[k])) != 0);
    }
    const int platform[] = {EAGAIN, EINVAL, ENOTSUP, EADDRINUSE, ENOTSOCK};
    for (size_t i = 0; i < sizeof platform / sizeof *platform; i++) {
        CHECK (platform[i] < ZMQ_HAUSNUMERO);
        CHECK (strcmp (zmq_strerror (platform[i]), strerror (platform[i])) == 0);
    }
    CHECK (strcmp (zmq_strerror (EHOSTUNREACH), "Host unreachable") == 0);
    errno = EFSM;
    CHECK (zmq_errno () == EFSM);
    CHECK (zmq_close (NULL) == -1 && zmq_errno () == ENOTSOCK);
}

static void capabilities (void)
{
    const char *has[] = {"ipc", "tipc", "curve", "draft", "WS"}, *lacks[] = {"pgm", "norm", "gssapi", "vmci", "", "IPC"};
    for (size_t i = 0; i < sizeof has / sizeof *has; i++)
        CHECK (zmq_has (has[i]) == 1);
    for (size_t i = 0; i < sizeof lacks / sizeof *lacks; i++)
        CHECK (zmq_has (lacks[i]) == 0);
}

int main (void)
{
    errors ();
    capabilities ();

    void *context = zmq_init (2);
    CHECK (context && zmq_ctx_get (context, ZMQ_IO_THREADS) == 2);
    errno = 0;
    CHECK (!zmq_init (-1) && errno == EINVAL);
    void *pair = zmq_socket (context, ZMQ_PAIR), *other = zmq_socket (context, ZMQ_PAIR);
    CHECK (zmq_bind (pair, "inproc://pair") == 0 && zmq_connect (other, "inproc://pair") == 0);
    zmq_msg_t message;
    CHECK (zmq_msg_init_size (&message, 3) == 0);
    memcpy (zmq_msg_data (&message), "abc", 3);
    CHECK (zmq_sendmsg (pair, &message, ZMQ_SNDMORE) == 3 && zmq_msg_size (&message) == 0);
    CHECK (zmq_sendmsg (pair, &message, 0) == 0);
    CHECK (zmq_recvmsg (other, &message, 0) == 3 && zmq_msg_more (&message) == 1);
    CHECK (memcmp (zmq_msg_data (&message), "abc", 3) == 0);
    CHECK (zmq_recvmsg (other, &message, 0) == 0 && zmq_msg_more (&message) == 0);
    CHECK (zmq_msg_close (&message) == 0);
    CHECK (zmq_close (pair) == 0 && zmq_close (other) == 0 && zmq_term (context) == 0);

    context = zmq_ctx_new ();
    CHECK (zmq_ctx_destroy (context) == 0);
    return finish ();
}
