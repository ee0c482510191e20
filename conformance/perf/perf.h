/* What the programs share: checked calls, arguments, a clock, and the two ways of moving a part. */
#ifndef PERF_H
#define PERF_H

#include <zmq.h>

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define CHECK(condition)                                                                              \
    do {                                                                                              \
        if (!(condition)) {                                                                           \
            fprintf (stderr, "%s:%d: %s: %s\n", __FILE__, __LINE__, #condition, zmq_strerror (errno)); \
            exit (1);                                                                                 \
        }                                                                                             \
    } while (0)

/* How parts are moved: through zmq_msg_t, as libzmq's own programs do, or between memory of the program's own. */
enum way { MESSAGE, BUFFER };

struct arguments {
    const char *endpoint;
    size_t size;
    long count;
    enum way way;
    char *buffer;
};

static inline struct arguments arguments (int argc, char **argv)
{
    struct arguments a = {0};
    if (argc < 4 || argc > 5) {
        fprintf (stderr, "usage: %s ENDPOINT BYTES COUNT [message|buffer]\n", argv[0]);
        exit (2);
    }
    a.endpoint = argv[1];
    a.size = strtoul (argv[2], NULL, 10);
    a.count = strtol (argv[3], NULL, 10);
    a.way = argc == 5 && strcmp (argv[4], "buffer") == 0 ? BUFFER : MESSAGE;
    a.buffer = malloc (a.size + 1);
    CHECK (a.buffer);
    memset (a.buffer, 'x', a.size);
    return a;
}

static inline double seconds (void)
{
    struct timespec now;
    clock_gettime (CLOCK_MONOTONIC, &now);
    return (double) now.tv_sec + (double) now.tv_nsec / 1e9;
}

/* Sends one part; its first byte tells its turn. */
static inline void put (void *socket, const struct arguments *a, long turn)
{
    if (a->way == BUFFER) {
        if (a->size > 0)
            a->buffer[0] = (char) turn;
        CHECK (zmq_send (socket, a->buffer, a->size, 0) == (int) a->size);
        return;
    }
    zmq_msg_t message;
    CHECK (zmq_msg_init_size (&message, a->size) == 0);
    if (a->size > 0)
        *(char *) zmq_msg_data (&message) = (char) turn;
    CHECK (zmq_msg_send (&message, socket, 0) == (int) a->size);
}

/* Receives one part and checks its length and turn. */
static inline void get (void *socket, const struct arguments *a, long turn, zmq_msg_t *message)
{
    const char *data = a->buffer;
    if (a->way == BUFFER) {
        CHECK (zmq_recv (socket, a->buffer, a->size, 0) == (int) a->size);
    } else {
        CHECK (zmq_msg_recv (message, socket, 0) == (int) a->size);
        data = zmq_msg_data (message);
    }
    CHECK (a->size == 0 || data[0] == (char) turn);
}

static inline void *make (void *context, int type, const char *bound, const char *connected)
{
    void *socket = zmq_socket (context, type);
    CHECK (socket);
    CHECK (!bound || zmq_bind (socket, bound) == 0);
    CHECK (!connected || zmq_connect (socket, connected) == 0);
    return socket;
}

static inline void report_throughput (double time, const struct arguments *a)
{
    double rate = (double) a->count / time;
    printf ("%.0f messages/s, %.1f Mbit/s\n", rate, rate * (double) a->size * 8 / 1e6);
}

static inline void report_latency (double time, const struct arguments *a)
{
    printf ("%.3f us/round trip\n", time * 1e6 / (double) a->count);
}

/* The same with a buffer of its own, for a second thread. */
static inline struct arguments own (const struct arguments *a)
{
    struct arguments copy = *a;
    copy.buffer = malloc (a->size + 1);
    CHECK (copy.buffer);
    memset (copy.buffer, 'x', a->size);
    return copy;
}

/* Answers every request with itself. */
static inline void echo_all (void *rep, const struct arguments *a)
{
    zmq_msg_t message;
    CHECK (zmq_msg_init (&message) == 0);
    for (long turn = 0; turn <= a->count; turn++) {
        get (rep, a, turn, &message);
        if (a->way == BUFFER)
            put (rep, a, turn);
        else
            CHECK (zmq_msg_send (&message, rep, 0) == (int) a->size);
    }
    CHECK (zmq_msg_close (&message) == 0);
}

/* Asks and waits for the answer, over and over; prints the time of one round. */
static inline void round_trips (void *req, const struct arguments *a)
{
    zmq_msg_t message;
    CHECK (zmq_msg_init (&message) == 0);
    put (req, a, 0);
    get (req, a, 0, &message);
    double begun = seconds ();
    for (long turn = 1; turn <= a->count; turn++) {
        put (req, a, turn);
        get (req, a, turn, &message);
    }
    report_latency (seconds () - begun, a);
    CHECK (zmq_msg_close (&message) == 0);
}

/* Receives them all; prints how many a second from the first to the last. */
static inline void receive_all (void *pull, const struct arguments *a)
{
    zmq_msg_t message;
    CHECK (zmq_msg_init (&message) == 0);
    get (pull, a, 0, &message);
    double begun = seconds ();
    for (long turn = 1; turn <= a->count; turn++)
        get (pull, a, turn, &message);
    report_throughput (seconds () - begun, a);
    CHECK (zmq_msg_close (&message) == 0);
}

#endif
