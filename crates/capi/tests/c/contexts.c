/* Contexts: options, the end of blocking calls, the end of a context. */
#include "check.h"

static void receive (void *socket)
{
    char byte;
    FAILS (ETERM, zmq_recv (socket, &byte, 1, 0));
    FAILS (ETERM, zmq_send (socket, "x", 1, 0));
    CHECK (zmq_close (socket) == 0);
}

int main (void)
{
    int major, minor, patch;
    zmq_version (&major, &minor, &patch);
    CHECK (ZMQ_MAKE_VERSION (major, minor, patch) == ZMQ_VERSION);
    zmq_version (NULL, NULL, NULL);
    CHECK (strcmp (zmq_strerror (EHOSTUNREACH), "Host unreachable") == 0);
    CHECK (zmq_has ("ipc") == 1 && zmq_has ("curve") == 1 && zmq_has ("gssapi") == 0 && zmq_has ("nonsense") == 0);

    void *context = zmq_ctx_new ();
    CHECK (zmq_ctx_get (context, ZMQ_IO_THREADS) == 1);
    CHECK (zmq_ctx_get (context, ZMQ_MAX_SOCKETS) == 1023);
    CHECK (zmq_ctx_get (context, ZMQ_MSG_T_SIZE) == (int) sizeof (zmq_msg_t));
    FAILS (EINVAL, zmq_ctx_get (context, 12345));
    FAILS (EINVAL, zmq_ctx_set (context, 12345, 0));
    FAILS (EINVAL, zmq_ctx_set (context, ZMQ_MAX_SOCKETS, 0));
    CHECK (zmq_ctx_set (context, ZMQ_MAX_SOCKETS, 2) == 0);
    char name[32];
    size_t len = sizeof name;
    CHECK (zmq_ctx_set_ext (context, ZMQ_THREAD_NAME_PREFIX, "net", 3) == 0);
    CHECK (zmq_ctx_get_ext (context, ZMQ_THREAD_NAME_PREFIX, name, &len) == 0);
    CHECK (len == 4 && strcmp (name, "net") == 0);

    void *one = zmq_socket (context, ZMQ_PULL), *two = zmq_socket (context, ZMQ_DEALER);
    CHECK (one && two && !zmq_socket (context, ZMQ_PULL) && errno == EMFILE);
    CHECK (zmq_close (one) == 0);
    CHECK (!zmq_socket (context, 99) && errno == EINVAL);

    void *thread = zmq_threadstart (receive, two);
    CHECK (zmq_ctx_shutdown (context) == 0);
    /* Options go on until a call has told the end: linger may be what somebody still wants. */
    void *context_too = zmq_ctx_new (), *three = zmq_socket (context_too, ZMQ_PULL);
    int type, zero = 0;
    size_t type_len = sizeof type;
    CHECK (zmq_ctx_shutdown (context_too) == 0);
    CHECK (zmq_setsockopt (three, ZMQ_LINGER, &zero, sizeof zero) == 0);
    FAILS (ETERM, zmq_recv (three, name, 1, ZMQ_DONTWAIT));
    FAILS (ETERM, zmq_getsockopt (three, ZMQ_TYPE, &type, &type_len));
    FAILS (ETERM, zmq_setsockopt (three, ZMQ_LINGER, &zero, sizeof zero));
    CHECK (zmq_close (three) == 0 && zmq_ctx_term (context_too) == 0);
    CHECK (!zmq_socket (context, ZMQ_PULL) && errno == ETERM);
    CHECK (zmq_ctx_term (context) == 0);
    zmq_threadclose (thread);
    FAILS (EFAULT, zmq_ctx_term (context));
    return finish ();
}
