/* Threads and processes: a socket that moves between threads, one that several use, a child of fork, and what a program
   may wish for the I/O threads. */
#include "check.h"
#include <dirent.h>
#include <sched.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#define PARTS 500

static void send_parts (void *push)
{
    for (int part = 0; part < PARTS; part++)
        CHECK (zmq_send (push, &part, sizeof part, 0) == sizeof part);
}

static void receive_parts (void *pull)
{
    int part;
    for (int wanted = 0; wanted < PARTS; wanted++)
        CHECK (zmq_recv (pull, &part, sizeof part, 0) == sizeof part && part == wanted);
}

/* Each turn another thread has the socket, so that nothing may be remembered of the last one. */
static void move (void *pull, void *push)
{
    for (int turn = 0; turn < 4; turn++) {
        void *sender = zmq_threadstart (send_parts, push);
        if (turn % 2)
            receive_parts (pull);
        else
            zmq_threadclose (zmq_threadstart (receive_parts, pull));
        zmq_threadclose (sender);
    }
}

/* All at once: every part arrives, in each sender's order. */
static void share (void *pull, void *push)
{
    void *senders[3];
    int counts[PARTS] = {0}, part;
    for (int i = 0; i < 3; i++)
        CHECK ((senders[i] = zmq_threadstart (send_parts, push)));
    for (int i = 0; i < 3 * PARTS; i++) {
        CHECK (zmq_recv (pull, &part, sizeof part, 0) == sizeof part && part >= 0 && part < PARTS);
        CHECK (part == 0 || counts[part] < counts[part - 1]);
        counts[part]++;
    }
    for (int i = 0; i < 3; i++)
        zmq_threadclose (senders[i]);
}

/* A child closes what it has inherited, makes its own, and the parent's sockets go on. */
static void fork_child (void *pull, void *push)
{
    int pipes[2];
    char word = 0;
    CHECK (pipe (pipes) == 0);
    CHECK (zmq_send (push, "before", 6, 0) == 6);
    pid_t child = fork ();
    CHECK (child >= 0);
    if (child == 0) {
        CHECK (zmq_close (push) == 0 && zmq_close (pull) == 0 && zmq_ctx_term (handle) == 0);
        FAILS (ENOTSOCK, zmq_send (push, "x", 1, 0));
        handle = NULL;
        void *own_pull = open_socket (ZMQ_PULL), *own_push = open_socket (ZMQ_PUSH);
        join (own_pull, own_push);
        CHECK (zmq_send (own_push, "x", 1, 0) == 1 && zmq_recv (own_pull, &word, 1, 0) == 1 && word == 'x');
        CHECK (zmq_close (own_push) == 0 && zmq_close (own_pull) == 0 && zmq_ctx_term (handle) == 0);
        CHECK (write (pipes[1], "k", 1) == 1);
        /* Not an exit: what belongs to the parent is not this child's to free. */
        raise (SIGKILL);
    }
    close (pipes[1]);
    CHECK (read (pipes[0], &word, 1) == 1 && word == 'k');
    CHECK (waitpid (child, NULL, 0) == child);
    close (pipes[0]);
    char text[8];
    CHECK (zmq_recv (pull, text, sizeof text, 0) == 6 && memcmp (text, "before", 6) == 0);
    CHECK (zmq_send (push, "after", 5, 0) == 5);
    CHECK (zmq_recv (pull, text, sizeof text, 0) == 5 && memcmp (text, "after", 5) == 0);
}

/* The thread of this process with this name. */
static pid_t thread_named (const char *name)
{
    pid_t found = 0;
    DIR *tasks = opendir ("/proc/self/task");
    CHECK (tasks);
    for (struct dirent *task; (task = readdir (tasks));) {
        char path[300], is[32] = "";
        snprintf (path, sizeof path, "/proc/self/task/%s/comm", task->d_name);
        FILE *comm = fopen (path, "r");
        if (comm && fgets (is, sizeof is, comm) && strcspn (is, "\n") == strlen (name) && !strncmp (is, name, strlen (name)))
            found = atoi (task->d_name);
        if (comm)
            fclose (comm);
    }
    closedir (tasks);
    return found;
}

static void wishes (void)
{
    cpu_set_t all, one;
    int cpu = 0;
    CHECK (sched_getaffinity (0, sizeof all, &all) == 0);
    while (!CPU_ISSET (cpu, &all))
        cpu++;
    handle = zmq_ctx_new ();
    CHECK (zmq_ctx_set_ext (handle, ZMQ_THREAD_NAME_PREFIX, "net", 3) == 0);
    CHECK (zmq_ctx_set (handle, ZMQ_THREAD_AFFINITY_CPU_ADD, cpu) == 0);
    CHECK (zmq_ctx_set (handle, ZMQ_THREAD_AFFINITY_CPU_ADD, cpu + 1) == 0);
    CHECK (zmq_ctx_set (handle, ZMQ_THREAD_AFFINITY_CPU_REMOVE, cpu + 1) == 0);
    FAILS (EINVAL, zmq_ctx_set (handle, ZMQ_THREAD_AFFINITY_CPU_REMOVE, cpu + 1));
    FAILS (EINVAL, zmq_ctx_set (handle, ZMQ_THREAD_AFFINITY_CPU_ADD, CPU_SETSIZE));
    CHECK (zmq_ctx_set (handle, ZMQ_THREAD_SCHED_POLICY, SCHED_BATCH) == 0);
    CHECK (zmq_ctx_get (handle, ZMQ_THREAD_SCHED_POLICY) == SCHED_BATCH);
    void *pull = open_socket (ZMQ_PULL);
    CHECK (zmq_bind (pull, "tcp://127.0.0.1:*") == 0);
    pid_t thread = thread_named ("net/ZMQbg/IO/0");
    CHECK (thread > 0);
    CHECK (sched_getscheduler (thread) == SCHED_BATCH);
    CHECK (sched_getaffinity (thread, sizeof one, &one) == 0 && CPU_COUNT (&one) == 1 && CPU_ISSET (cpu, &one));
    CHECK (zmq_close (pull) == 0 && finish () == 0);

    /* What the system refuses is told, where libzmq would end the program. */
    handle = zmq_ctx_new ();
    CHECK (zmq_ctx_set (handle, ZMQ_THREAD_SCHED_POLICY, 12345) == 0);
    CHECK (zmq_ctx_set (handle, ZMQ_IO_THREADS, 2) == 0);
    pull = open_socket (ZMQ_PULL);
    FAILS (EINVAL, zmq_bind (pull, "tcp://127.0.0.1:*"));
    CHECK (zmq_bind (pull, "inproc://needs-none") == 0);
    CHECK (zmq_close (pull) == 0 && finish () == 0);
    handle = NULL;
}

int main (void)
{
    wishes ();
    void *pull = open_socket (ZMQ_PULL), *push = open_socket (ZMQ_PUSH);
    join (pull, push);
    move (pull, push);
    share (pull, push);
    fork_child (pull, push);
    CHECK (zmq_close (push) == 0 && zmq_close (pull) == 0);
    return finish ();
}
