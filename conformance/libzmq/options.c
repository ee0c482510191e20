/* Every option of every socket type, fresh and set to many values: what a library answers, a line each, to be compared with
 * what another library answers. Also the context's options. Values that differ from machine to machine are left out. */
#include <zmq.h>

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const int numbers[] = {INT_MIN, -2, -1, 0, 1, 2, 3, 4, 7, 8, 10, 100, 255, 256, 65535, 65536, INT_MAX};
static const char *const texts[] = {"", "a", "lo", "127.0.0.1", "10.0.0.0/8", "nonsense/99", "X-a:b", "a:b", "X-:b",
                                    "Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID", "not forty characters at all, but some more"};

static void answer (int rc, const void *value, size_t len)
{
    if (rc != 0) {
        printf (" error %d\n", zmq_errno ());
        return;
    }
    printf (" %zu:", len);
    for (size_t i = 0; i < len; i++)
        printf ("%02x", ((const unsigned char *) value)[i]);
    putchar ('\n');
}

static void get (void *socket, int type, int option, size_t room)
{
    char value[512];
    size_t len = room;
    memset (value, 0x5a, sizeof value);
    int rc = zmq_getsockopt (socket, option, value, &len);
    printf ("type %d option %d get room %zu", type, option, room);
    /* A descriptor's number says nothing. */
    answer (rc, value, option == ZMQ_FD ? 0 : len);
}

static void set (void *context, int type, int option, const void *value, size_t len, const char *what)
{
    void *socket = zmq_socket (context, type);
    if (!socket)
        return;
    int rc = zmq_setsockopt (socket, option, value, len);
    printf ("type %d option %d set %s", type, option, what);
    answer (rc, "", 0);
    if (rc == 0)
        for (size_t room = 4; room <= 256; room *= 8)
            get (socket, type, option, room == 32 ? 8 : room);
    zmq_close (socket);
}

/* In a context of its own: closed sockets go away only after a while. */
static void try_option (int type, int option)
{
    void *context = zmq_ctx_new ();
    void *socket = zmq_socket (context, type);
    char what[600], longest[300];
    if (!socket) {
        printf ("type %d error %d\n", type, zmq_errno ());
        zmq_ctx_term (context);
        return;
    }
    for (size_t room = 0; room <= 256; room = room < 4 ? room + 1 : room * 2)
        get (socket, type, option, room);
    get (socket, type, option, 41);
    zmq_close (socket);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        snprintf (what, sizeof what, "%d", numbers[i]);
        set (context, type, option, &numbers[i], sizeof *numbers, what);
        long long wide = numbers[i];
        snprintf (what, sizeof what, "wide %d", numbers[i]);
        set (context, type, option, &wide, sizeof wide, what);
    }
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        snprintf (what, sizeof what, "text \"%s\"", texts[i]);
        set (context, type, option, texts[i], strlen (texts[i]), what);
    }
    memset (longest, 'x', sizeof longest);
    set (context, type, option, longest, 255, "255 bytes");
    set (context, type, option, longest, 256, "256 bytes");
    /* libzmq follows the null pointer of this one. */
    if (option != ZMQ_XSUB_VERBOSE_UNSUBSCRIBE)
        set (context, type, option, NULL, 0, "nothing");
    set (context, type, option, longest, 32, "32 bytes");
    set (context, type, option, longest, 1, "1 byte");
    zmq_ctx_term (context);
}

int main (void)
{
    void *context = zmq_ctx_new ();
    setvbuf (stdout, NULL, _IOLBF, 0);
    for (int option = 0; option <= 12; option++) {
        printf ("context option %d get %d error %d\n", option, zmq_ctx_get (context, option), zmq_errno ());
    }
    for (int option = 0; option <= 100; option++)
        for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
            /* Threads by the thousand help nobody. */
            if (option == ZMQ_IO_THREADS && numbers[i] > 10)
                continue;
            void *fresh = zmq_ctx_new ();
            int rc = zmq_ctx_set (fresh, option, numbers[i]);
            printf ("context option %d set %d: %d", option, numbers[i], rc);
            answer (rc, "", 0);
            if (rc == 0)
                printf ("context option %d is %d\n", option, zmq_ctx_get (fresh, option));
            zmq_ctx_term (fresh);
        }
    for (int type = 0; type <= 20; type++)
        for (int option = 0; option <= 125; option++)
            try_option (type, option);
    return zmq_ctx_term (context);
}
