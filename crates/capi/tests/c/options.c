/* Options: defaults, ranges, sizes, texts. */
#include "check.h"

static int number (void *socket, int option)
{
    int value = -99;
    size_t len = sizeof value;
    CHECK (zmq_getsockopt (socket, option, &value, &len) == 0 && len == sizeof value);
    return value;
}

int main (void)
{
    static const int defaults[][2] = {
      {ZMQ_SNDHWM, 1000}, {ZMQ_RCVHWM, 1000}, {ZMQ_RECONNECT_IVL, 100}, {ZMQ_RECONNECT_IVL_MAX, 0},
      {ZMQ_BACKLOG, 100}, {ZMQ_SNDBUF, -1}, {ZMQ_RCVBUF, -1}, {ZMQ_RATE, 100}, {ZMQ_RECOVERY_IVL, 10000},
      {ZMQ_MULTICAST_HOPS, 1}, {ZMQ_MULTICAST_MAXTPDU, 1500}, {ZMQ_IPV6, 0}, {ZMQ_IMMEDIATE, 0},
      {ZMQ_HANDSHAKE_IVL, 30000}, {ZMQ_TCP_KEEPALIVE, -1}, {ZMQ_TCP_KEEPALIVE_CNT, -1}, {ZMQ_TCP_KEEPALIVE_IDLE, -1},
      {ZMQ_TCP_KEEPALIVE_INTVL, -1}, {ZMQ_TOS, 0}, {ZMQ_CONFLATE, 0}, {ZMQ_MECHANISM, ZMQ_NULL},
      {ZMQ_PLAIN_SERVER, 0}, {ZMQ_CURVE_SERVER, 0}, {ZMQ_HEARTBEAT_IVL, 0}, {ZMQ_HEARTBEAT_TTL, 0},
      {ZMQ_HEARTBEAT_TIMEOUT, -1}, {ZMQ_CONNECT_TIMEOUT, 0}, {ZMQ_TCP_MAXRT, 0}, {ZMQ_THREAD_SAFE, 0},
      {ZMQ_USE_FD, -1}, {ZMQ_INVERT_MATCHING, 0}, {ZMQ_TYPE, ZMQ_DEALER}, {ZMQ_RCVMORE, 0}};
    void *dealer = open_socket (ZMQ_DEALER), *sub = open_socket (ZMQ_SUB), *rep = open_socket (ZMQ_REP);
    for (size_t i = 0; i < sizeof defaults / sizeof *defaults; i++)
        CHECK (number (dealer, defaults[i][0]) == defaults[i][1]);

    int value = -1;
    FAILS (EINVAL, zmq_setsockopt (dealer, ZMQ_SNDHWM, &value, sizeof value));
    FAILS (EINVAL, zmq_setsockopt (dealer, ZMQ_SNDHWM, &value, 1));
    FAILS (EINVAL, zmq_setsockopt (dealer, 9999, &value, sizeof value));
    FAILS (EINVAL, zmq_setsockopt (dealer, ZMQ_SUBSCRIBE, "a", 1));
    FAILS (EINVAL, zmq_setsockopt (sub, ZMQ_ROUTER_MANDATORY, &value, sizeof value));
    FAILS (EINVAL, zmq_setsockopt (dealer, ZMQ_TYPE, &value, sizeof value));
    FAILS (EINVAL, zmq_setsockopt (dealer, ZMQ_GSSAPI_SERVER, &value, sizeof value));
    value = 7;
    CHECK (zmq_setsockopt (dealer, ZMQ_SNDHWM, &value, sizeof value) == 0 && number (dealer, ZMQ_SNDHWM) == 7);
    FAILS (EINVAL, zmq_setsockopt (dealer, ZMQ_IPV6, &value, sizeof value));

    /* More room than an answer takes is filled up with zeros where libzmq does so. */
    int64_t wide = -1;
    size_t len = sizeof wide;
    CHECK (zmq_getsockopt (dealer, ZMQ_RCVMORE, &wide, &len) == 0 && len == sizeof (int) && wide == 0);
    len = sizeof wide;
    FAILS (EINVAL, zmq_getsockopt (dealer, ZMQ_TYPE, &wide, &len));
    len = sizeof wide;
    CHECK (zmq_getsockopt (dealer, ZMQ_MAXMSGSIZE, &wide, &len) == 0 && wide == -1);

    char text[64];
    len = sizeof text;
    CHECK (zmq_setsockopt (dealer, ZMQ_ROUTING_ID, "me", 2) == 0);
    CHECK (zmq_getsockopt (dealer, ZMQ_ROUTING_ID, text, &len) == 0 && len == 2 && memcmp (text, "me", 2) == 0);
    FAILS (EINVAL, zmq_setsockopt (dealer, ZMQ_ROUTING_ID, "", 0));
    len = sizeof text;
    CHECK (zmq_setsockopt (dealer, ZMQ_PLAIN_USERNAME, "joe", 3) == 0 && number (dealer, ZMQ_MECHANISM) == ZMQ_PLAIN);
    CHECK (zmq_getsockopt (dealer, ZMQ_PLAIN_USERNAME, text, &len) == 0 && len == 4 && strcmp (text, "joe") == 0);
    CHECK (zmq_setsockopt (dealer, ZMQ_PLAIN_USERNAME, NULL, 0) == 0 && number (dealer, ZMQ_MECHANISM) == ZMQ_NULL);
    len = 1;
    FAILS (EINVAL, zmq_getsockopt (dealer, ZMQ_TYPE, text, &len));

    /* TLS is there or not, all of it; what is kept of it is told to nobody, and what is wrong with it when it is used. */
    static const int pems[] = {ZMQ_WSS_KEY_PEM, ZMQ_WSS_CERT_PEM, ZMQ_WSS_TRUST_PEM, ZMQ_WSS_HOSTNAME};
    value = 1;
    if (zmq_has ("WSS")) {
        FAILS (EINVAL, zmq_bind (dealer, "wss://127.0.0.1:*"));
        FAILS (EINVAL, zmq_connect (dealer, "wss://127.0.0.1:1"));
        for (size_t i = 0; i < sizeof pems / sizeof *pems; i++)
            CHECK (zmq_setsockopt (dealer, pems[i], "nonsense", 8) == 0);
        CHECK (zmq_setsockopt (dealer, ZMQ_WSS_TRUST_SYSTEM, &value, sizeof value) == 0);
        FAILS (EINVAL, zmq_bind (dealer, "wss://127.0.0.1:*"));
        FAILS (EINVAL, zmq_connect (dealer, "wss://127.0.0.1:1"));
        value = 2;
    } else {
        for (size_t i = 0; i < sizeof pems / sizeof *pems; i++)
            FAILS (EINVAL, zmq_setsockopt (dealer, pems[i], "nonsense", 8));
        FAILS (EPROTONOSUPPORT, zmq_bind (dealer, "wss://127.0.0.1:*"));
        FAILS (EPROTONOSUPPORT, zmq_connect (dealer, "wss://127.0.0.1:1"));
    }
    FAILS (EINVAL, zmq_setsockopt (dealer, ZMQ_WSS_TRUST_SYSTEM, &value, sizeof value));
    for (int option = ZMQ_WSS_KEY_PEM; option <= ZMQ_WSS_TRUST_SYSTEM; option++) {
        len = sizeof text;
        FAILS (EINVAL, zmq_getsockopt (dealer, option, text, &len));
    }
    CHECK (zmq_close (dealer) == 0 && zmq_close (sub) == 0 && zmq_close (rep) == 0);
    return finish ();
}
