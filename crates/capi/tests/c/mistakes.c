/* Handles that are none: which errno. (That no position was forgotten is seen to by tests/handles.) */
#include "check.h"
#include <sys/uio.h>

static void try_with (void *bad, void *good)
{
    char text[64] = "x", *no_text = NULL;
    size_t len = sizeof text;
    zmq_msg_t msg;
    zmq_poller_event_t event;
    struct iovec iov = {text, 1};
    zmq_pollitem_t item = {bad, -1, ZMQ_POLLIN, 0};
    int fd;
    CHECK (zmq_msg_init (&msg) == 0);

    FAILS (EFAULT, zmq_ctx_term (bad));
    FAILS (EFAULT, zmq_term (bad));
    FAILS (EFAULT, zmq_ctx_destroy (bad));
    FAILS (EFAULT, zmq_ctx_shutdown (bad));
    FAILS (EFAULT, zmq_ctx_set (bad, ZMQ_IO_THREADS, 1));
    FAILS (EFAULT, zmq_ctx_get (bad, ZMQ_IO_THREADS));
    FAILS (EFAULT, zmq_ctx_set_ext (bad, ZMQ_IO_THREADS, text, 4));
    FAILS (EFAULT, zmq_ctx_get_ext (bad, ZMQ_IO_THREADS, text, &len));
    CHECK (!zmq_socket (bad, ZMQ_PULL) && errno == EFAULT);

    FAILS (ENOTSOCK, zmq_close (bad));
    FAILS (ENOTSOCK, zmq_setsockopt (bad, ZMQ_LINGER, text, 4));
    FAILS (ENOTSOCK, zmq_getsockopt (bad, ZMQ_LINGER, text, &len));
    FAILS (ENOTSOCK, zmq_bind (bad, "inproc://a"));
    FAILS (ENOTSOCK, zmq_connect (bad, "inproc://a"));
    FAILS (ENOTSOCK, zmq_unbind (bad, "inproc://a"));
    FAILS (ENOTSOCK, zmq_disconnect (bad, "inproc://a"));
    FAILS (ENOTSOCK, zmq_send (bad, text, 1, 0));
    FAILS (ENOTSOCK, zmq_send_const (bad, text, 1, 0));
    FAILS (ENOTSOCK, zmq_recv (bad, text, 1, 0));
    FAILS (ENOTSOCK, zmq_msg_send (&msg, bad, 0));
    FAILS (ENOTSOCK, zmq_msg_recv (&msg, bad, 0));
    FAILS (ENOTSOCK, zmq_sendmsg (bad, &msg, 0));
    FAILS (ENOTSOCK, zmq_recvmsg (bad, &msg, 0));
    FAILS (ENOTSOCK, zmq_sendiov (bad, &iov, 1, 0));
    len = 1;
    FAILS (ENOTSOCK, zmq_recviov (bad, &iov, &len, 0));
    FAILS (ENOTSOCK, zmq_socket_monitor (bad, "inproc://a", ZMQ_EVENT_ALL));
    FAILS (ENOTSOCK, zmq_socket_monitor_versioned (bad, "inproc://a", ZMQ_EVENT_ALL, 2, ZMQ_PAIR));
    FAILS (ENOTSOCK, zmq_socket_monitor_pipes_stats (bad));
    FAILS (ENOTSOCK, zmq_join (bad, "a"));
    FAILS (ENOTSOCK, zmq_leave (bad, "a"));
    CHECK (zmq_connect_peer (bad, "inproc://a") == 0 && errno == ENOTSOCK);
    FAILS (ENOTSOCK, zmq_socket_get_peer_state (bad, "a", 1));
    if (bad) {
        FAILS (ENOTSOCK, zmq_poll (&item, 1, 0));
        FAILS (ENOTSOCK, zmq_ppoll (&item, 1, 0, NULL));
        FAILS (ENOTSOCK, zmq_proxy (bad, good, NULL));
        FAILS (ENOTSOCK, zmq_proxy_steerable (good, good, bad, NULL));
        FAILS (ENOTSOCK, zmq_proxy_steerable (good, good, NULL, bad));
        FAILS (ENOTSOCK, zmq_proxy (good, bad, NULL));
        FAILS (ENOTSOCK, zmq_proxy (good, good, bad));
        FAILS (ENOTSOCK, zmq_proxy_steerable (bad, good, NULL, NULL));
        FAILS (ENOTSOCK, zmq_proxy_steerable (good, bad, NULL, NULL));
        FAILS (ENOTSOCK, zmq_device (ZMQ_QUEUE, bad, good));
        FAILS (ENOTSOCK, zmq_device (ZMQ_QUEUE, good, bad));
    } else {
        FAILS (EFAULT, zmq_proxy (bad, good, NULL));
        FAILS (EFAULT, zmq_proxy (good, bad, NULL));
        FAILS (EFAULT, zmq_device (ZMQ_QUEUE, bad, good));
        FAILS (EFAULT, zmq_device (ZMQ_QUEUE, good, bad));
        FAILS (EFAULT, zmq_proxy_steerable (bad, good, NULL, NULL));
        FAILS (EFAULT, zmq_proxy_steerable (good, bad, NULL, NULL));
    }
    void *poller = zmq_poller_new ();
    CHECK (poller);
    FAILS (ENOTSOCK, zmq_poller_add (poller, bad, NULL, ZMQ_POLLIN));
    FAILS (ENOTSOCK, zmq_poller_modify (poller, bad, ZMQ_POLLIN));
    FAILS (ENOTSOCK, zmq_poller_remove (poller, bad));
    FAILS (EFAULT, zmq_poller_wait (poller, NULL, 0));
    FAILS (EFAULT, zmq_poller_wait_all (poller, NULL, 1, 0));
    FAILS (EFAULT, zmq_poller_fd (poller, NULL));
    FAILS (EFAULT, zmq_poller_destroy (&bad));
    CHECK (zmq_poller_destroy (&poller) == 0);

    FAILS (EFAULT, zmq_poller_destroy (&bad));
    FAILS (EFAULT, zmq_poller_size (bad));
    FAILS (EFAULT, zmq_poller_add (bad, good, NULL, ZMQ_POLLIN));
    FAILS (EFAULT, zmq_poller_modify (bad, good, ZMQ_POLLIN));
    FAILS (EFAULT, zmq_poller_remove (bad, good));
    FAILS (EFAULT, zmq_poller_wait (bad, &event, 0));
    FAILS (EFAULT, zmq_poller_wait_all (bad, &event, 1, 0));
    FAILS (EFAULT, zmq_poller_fd (bad, &fd));
    FAILS (EFAULT, zmq_poller_add_fd (bad, 0, NULL, ZMQ_POLLIN));
    FAILS (EFAULT, zmq_poller_modify_fd (bad, 0, ZMQ_POLLIN));
    FAILS (EFAULT, zmq_poller_remove_fd (bad, 0));
    FAILS (EFAULT, zmq_timers_destroy (&bad));
    FAILS (EFAULT, zmq_timers_add (bad, 1, NULL, NULL));
    FAILS (EFAULT, zmq_timers_cancel (bad, 1));
    FAILS (EFAULT, zmq_timers_set_interval (bad, 1, 1));
    FAILS (EFAULT, zmq_timers_reset (bad, 1));
    FAILS (EFAULT, zmq_timers_timeout (bad));
    FAILS (EFAULT, zmq_timers_execute (bad));
    zmq_atomic_counter_set (bad, 1);
    zmq_atomic_counter_inc (bad);
    zmq_atomic_counter_dec (bad);
    zmq_atomic_counter_value (bad);
    zmq_atomic_counter_destroy (&bad);
    zmq_stopwatch_intermediate (bad);
    zmq_stopwatch_stop (bad);
    zmq_threadclose (bad);
    (void) no_text;
    CHECK (zmq_msg_close (&msg) == 0);
}

int main (void)
{
    void *good = open_socket (ZMQ_PULL), *closed = open_socket (ZMQ_PULL);
    char local[64] = "not a handle";
    size_t len = 4;
    CHECK (zmq_close (closed) == 0);
    try_with (NULL, good);
    try_with (closed, good);
    try_with (local + 1, good);
    /* Handles of other kinds. (The last calls end these.) */
    try_with (zmq_stopwatch_start (), good);
    try_with (zmq_atomic_counter_new (), good);
    void *timers = zmq_timers_new ();
    FAILS (ENOTSOCK, zmq_send (timers, "x", 1, 0));
    FAILS (ENOTSOCK, zmq_send (handle, "x", 1, 0));
    FAILS (ENOTSOCK, zmq_close (handle));
    FAILS (EFAULT, zmq_ctx_term (good));
    FAILS (EFAULT, zmq_ctx_shutdown (good));
    FAILS (EFAULT, zmq_ctx_get (good, ZMQ_IO_THREADS));
    CHECK (!zmq_socket (good, ZMQ_PULL) && errno == EFAULT);
    FAILS (EFAULT, zmq_timers_add (timers, 1, NULL, NULL));
    CHECK (zmq_timers_destroy (&timers) == 0);

    /* Null where the manual pages want something. */
    FAILS (EFAULT, zmq_msg_init (NULL));
    FAILS (EFAULT, zmq_msg_init_size (NULL, 1));
    FAILS (EFAULT, zmq_msg_init_buffer (NULL, "a", 1));
    FAILS (EFAULT, zmq_msg_init_data (NULL, local, 1, NULL, NULL));
    FAILS (EFAULT, zmq_msg_close (NULL));
    FAILS (EFAULT, zmq_msg_move (NULL, NULL));
    FAILS (EFAULT, zmq_msg_copy (NULL, NULL));
    FAILS (EFAULT, zmq_msg_more (NULL));
    FAILS (EFAULT, zmq_msg_get (NULL, ZMQ_MORE));
    FAILS (EFAULT, zmq_msg_set (NULL, ZMQ_MORE, 1));
    FAILS (EFAULT, zmq_msg_set_group (NULL, "a"));
    FAILS (EFAULT, zmq_msg_set_routing_id (NULL, 1));
    CHECK (!zmq_msg_data (NULL) && !zmq_msg_gets (NULL, "a") && !zmq_msg_group (NULL));
    CHECK (zmq_msg_size (NULL) == 0 && zmq_msg_routing_id (NULL) == 0);
    zmq_msg_t msg;
    CHECK (zmq_msg_init (&msg) == 0);
    FAILS (EFAULT, zmq_msg_send (NULL, good, 0));
    FAILS (EFAULT, zmq_msg_recv (NULL, good, ZMQ_DONTWAIT));
    FAILS (EFAULT, zmq_sendmsg (good, NULL, 0));
    FAILS (EFAULT, zmq_recvmsg (good, NULL, ZMQ_DONTWAIT));
    FAILS (EFAULT, zmq_msg_copy (&msg, NULL));
    FAILS (EFAULT, zmq_msg_copy (NULL, &msg));
    FAILS (EFAULT, zmq_msg_move (&msg, NULL));
    FAILS (EFAULT, zmq_msg_move (NULL, &msg));
    FAILS (EFAULT, zmq_msg_init_data (&msg, NULL, 1, NULL, NULL));
    FAILS (EFAULT, zmq_msg_init_buffer (&msg, NULL, 1));
    FAILS (EFAULT, zmq_msg_set_group (&msg, NULL));
    CHECK (!zmq_msg_gets (&msg, NULL) && errno == EFAULT);
    CHECK (zmq_msg_close (&msg) == 0);
    /* Closed twice. */
    FAILS (EFAULT, zmq_msg_close (&msg));
    FAILS (EFAULT, zmq_msg_send (&msg, good, 0));
    FAILS (EINVAL, zmq_unbind (good, NULL));
    FAILS (EINVAL, zmq_disconnect (good, NULL));
    FAILS (EFAULT, zmq_send (good, NULL, 1, 0));
    FAILS (EFAULT, zmq_send_const (good, NULL, 1, 0));
    FAILS (EFAULT, zmq_ctx_set_ext (handle, ZMQ_IO_THREADS, NULL, 4));
    FAILS (EFAULT, zmq_ctx_get_ext (handle, ZMQ_IO_THREADS, NULL, &len));
    FAILS (EFAULT, zmq_ctx_get_ext (handle, ZMQ_IO_THREADS, local, NULL));
    CHECK (zmq_has (NULL) == 0 && zmq_strerror (-1));
    zmq_version (NULL, NULL, NULL);
    CHECK (!zmq_init (-1) && errno == EINVAL && zmq_errno () == EINVAL);
    zmq_sleep (-1);
    FAILS (EINVAL, zmq_bind (good, NULL));
    FAILS (EINVAL, zmq_connect (good, NULL));
    FAILS (EINVAL, zmq_bind (good, "tcp:/x"));
    FAILS (EPROTONOSUPPORT, zmq_connect (good, "nonsense://x"));
    FAILS (EINVAL, zmq_setsockopt (good, ZMQ_LINGER, NULL, 4));
    FAILS (EFAULT, zmq_getsockopt (good, ZMQ_LINGER, NULL, &len));
    FAILS (EFAULT, zmq_getsockopt (good, ZMQ_LINGER, local, NULL));
    FAILS (EFAULT, zmq_recv (good, NULL, 1, ZMQ_DONTWAIT));
    FAILS (EFAULT, zmq_poll (NULL, 1, 0));
    FAILS (EINVAL, zmq_sendiov (good, NULL, 1, 0));
    FAILS (EINVAL, zmq_recviov (good, NULL, &len, 0));
    FAILS (EFAULT, zmq_curve_keypair (NULL, local));
    FAILS (EFAULT, zmq_curve_public (local, NULL));
    FAILS (EFAULT, zmq_poller_destroy (NULL));
    FAILS (EFAULT, zmq_timers_destroy (NULL));
    CHECK (!zmq_z85_encode (NULL, (const uint8_t *) "abcd", 4) && !zmq_z85_decode (NULL, "abcde"));
    CHECK (!zmq_threadstart (NULL, NULL));
    zmq_atomic_counter_destroy (NULL);

    CHECK (zmq_close (good) == 0);
    return finish ();
}
