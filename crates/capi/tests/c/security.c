/* Keys, their text, and a connection that uses them. */
#include "check.h"

int main (void)
{
    char public_key[41], secret_key[41], again[41], client_public[41], client_secret[41], text[16];
    uint8_t bytes[32];
    CHECK (zmq_curve_keypair (public_key, secret_key) == 0 && strlen (public_key) == 40);
    CHECK (zmq_curve_keypair (client_public, client_secret) == 0 && strcmp (public_key, client_public) != 0);
    CHECK (zmq_curve_public (again, secret_key) == 0 && strcmp (again, public_key) == 0);
    CHECK (zmq_z85_decode (bytes, public_key) == bytes);
    CHECK (zmq_z85_encode (again, bytes, 32) == again && strcmp (again, public_key) == 0);
    CHECK (!zmq_z85_decode (bytes, "abc") && errno == EINVAL);
    CHECK (!zmq_z85_decode (bytes, "") && errno == EINVAL);
    CHECK (!zmq_z85_encode (again, bytes, 3) && errno == EINVAL);

    void *pull = open_socket (ZMQ_PULL), *push = open_socket (ZMQ_PUSH);
    int one = 1;
    CHECK (zmq_setsockopt (pull, ZMQ_CURVE_SERVER, &one, sizeof one) == 0);
    CHECK (zmq_setsockopt (pull, ZMQ_CURVE_SECRETKEY, secret_key, 41) == 0);
    CHECK (zmq_setsockopt (push, ZMQ_CURVE_SERVERKEY, bytes, 32) == 0);
    CHECK (zmq_setsockopt (push, ZMQ_CURVE_PUBLICKEY, client_public, 40) == 0);
    CHECK (zmq_setsockopt (push, ZMQ_CURVE_SECRETKEY, client_secret, 40) == 0);
    FAILS (EINVAL, zmq_setsockopt (push, ZMQ_CURVE_SERVERKEY, bytes, 31));
    size_t len = 41;
    CHECK (zmq_getsockopt (push, ZMQ_CURVE_SERVERKEY, again, &len) == 0 && strcmp (again, public_key) == 0);
    join (pull, push);
    CHECK (zmq_send (push, "sealed", 6, 0) == 6);
    CHECK (zmq_recv (pull, text, sizeof text, 0) == 6 && memcmp (text, "sealed", 6) == 0);
    CHECK (zmq_close (push) == 0 && zmq_close (pull) == 0);
    return finish ();
}
