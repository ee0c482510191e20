/* Waiting: for sockets, descriptors and both; the edge of ZMQ_FD; pollers. */
#include "check.h"
#include <poll.h>
#include <sys/epoll.h>
#include <unistd.h>

static void send_some (void *push)
{
    for (int part = 0; part < 300; part++)
        CHECK (zmq_send (push, &part, sizeof part, 0) == sizeof part);
}

/* An event loop that is told of edges only, and after each takes what there is: nothing stays behind unnoticed. */
static void take_at_edges (void *pull, void *push, int fd)
{
    int edges = epoll_create1 (0), part, events, wanted = 0;
    size_t len = sizeof events;
    struct epoll_event event = {EPOLLIN | EPOLLET, {0}};
    CHECK (edges >= 0 && epoll_ctl (edges, EPOLL_CTL_ADD, fd, &event) == 0);
    void *sender = zmq_threadstart (send_some, push);
    while (wanted < 300) {
        CHECK (zmq_getsockopt (pull, ZMQ_EVENTS, &events, &len) == 0);
        if (events & ZMQ_POLLIN)
            CHECK (zmq_recv (pull, &part, sizeof part, ZMQ_DONTWAIT) == sizeof part && part == wanted++);
        else
            CHECK (epoll_wait (edges, &event, 1, 30000) == 1);
    }
    zmq_threadclose (sender);
    close (edges);
}

/* The poller's own descriptor tells of each thread-safe socket in it, whenever that was added. */
static void one_descriptor_for_many (void)
{
    void *poller = zmq_poller_new (), *gather[2], *scatter[2];
    int fd;
    zmq_poller_event_t ready;
    for (int i = 0; i < 2; i++) {
        gather[i] = open_socket (ZMQ_GATHER), scatter[i] = open_socket (ZMQ_SCATTER);
        join (gather[i], scatter[i]);
        CHECK (zmq_poller_add (poller, gather[i], NULL, ZMQ_POLLIN) == 0);
        CHECK (zmq_poller_fd (poller, &fd) == 0);
    }
    for (int round = 0; round < 20; round++) {
        int turn = round % 2;
        char text[8];
        while (zmq_poller_wait (poller, &ready, 0) == 0)
            CHECK (zmq_recv (ready.socket, text, sizeof text, ZMQ_DONTWAIT) == 2);
        CHECK (zmq_send (scatter[turn], "hi", 2, 0) == 2);
        do {
            struct pollfd waiting = {fd, POLLIN, 0};
            CHECK (poll (&waiting, 1, 30000) == 1);
        } while (zmq_poller_wait (poller, &ready, 0) == -1);
        CHECK (ready.socket == gather[turn] && zmq_recv (ready.socket, text, sizeof text, 0) == 2);
    }
    CHECK (zmq_poller_remove (poller, gather[0]) == 0 && zmq_poller_remove (poller, gather[1]) == 0);
    FAILS (EINVAL, zmq_poller_fd (poller, &fd));
    CHECK (zmq_poller_destroy (&poller) == 0);
    for (int i = 0; i < 2; i++)
        CHECK (zmq_close (gather[i]) == 0 && zmq_close (scatter[i]) == 0);
}

int main (void)
{
    void *pull = open_socket (ZMQ_PULL), *push = open_socket (ZMQ_PUSH);
    int pipes[2];
    char text[8];
    CHECK (pipe (pipes) == 0);
    join (pull, push);
    zmq_pollitem_t items[] = {{pull, 0, ZMQ_POLLIN, 0}, {NULL, pipes[0], ZMQ_POLLIN, 0}};
    CHECK (zmq_poll (NULL, 0, 0) == 0);
    CHECK (zmq_poll (items, 2, 0) == 0 && !items[0].revents && !items[1].revents);
    CHECK (zmq_poll (items, 2, 10) == 0);
    CHECK (write (pipes[1], "x", 1) == 1);
    CHECK (zmq_poll (items, 2, -1) == 1 && items[1].revents == ZMQ_POLLIN && read (pipes[0], text, 1) == 1);
    CHECK (zmq_send (push, "hello", 5, 0) == 5);
    CHECK (zmq_poll (items, 2, -1) == 1 && items[0].revents == ZMQ_POLLIN);
    CHECK (zmq_poll (items, 2, -1) == 1);
    CHECK (zmq_recv (pull, text, sizeof text, 0) == 5);

    /* The descriptor tells of changes; the option tells of what there is. */
    int fd, events;
    size_t len = sizeof fd;
    CHECK (zmq_getsockopt (pull, ZMQ_FD, &fd, &len) == 0);
    len = sizeof events;
    CHECK (zmq_getsockopt (pull, ZMQ_EVENTS, &events, &len) == 0 && events == 0);
    CHECK (zmq_send (push, "again", 5, 0) == 5);
    do {
        struct pollfd waiting = {fd, POLLIN, 0};
        CHECK (poll (&waiting, 1, 5000) == 1);
        CHECK (zmq_getsockopt (pull, ZMQ_EVENTS, &events, &len) == 0);
    } while (!events);
    CHECK (events == ZMQ_POLLIN && zmq_recv (pull, text, sizeof text, ZMQ_DONTWAIT) == 5);

    take_at_edges (pull, push, fd);

    /* A socket beside its own descriptor: that is looked at first, because looking at the socket would quiet it. */
    void *late = open_socket (ZMQ_PULL);
    len = sizeof fd;
    CHECK (zmq_getsockopt (late, ZMQ_FD, &fd, &len) == 0);
    zmq_pollitem_t both[] = {{late, 0, ZMQ_POLLIN, 0}, {NULL, fd, ZMQ_POLLIN, 0}};
    CHECK (zmq_poll (both, 2, 0) == 1 && !both[0].revents && both[1].revents == ZMQ_POLLIN);
    CHECK (zmq_poll (both, 2, 0) == 0);
    CHECK (zmq_close (late) == 0);

    void *poller = zmq_poller_new ();
    zmq_poller_event_t ready[2];
    CHECK (zmq_poller_add (poller, pull, text, ZMQ_POLLIN) == 0 && zmq_poller_size (poller) == 1);
    FAILS (EINVAL, zmq_poller_add (poller, pull, NULL, ZMQ_POLLIN));
    CHECK (zmq_poller_add_fd (poller, pipes[0], NULL, ZMQ_POLLIN) == 0);
    FAILS (EAGAIN, zmq_poller_wait (poller, ready, 0));
    FAILS (EINVAL, zmq_poller_modify (poller, push, ZMQ_POLLIN));
    FAILS (EINVAL, zmq_poller_modify_fd (poller, pipes[1], ZMQ_POLLIN));
    FAILS (EINVAL, zmq_poller_fd (poller, &fd));
    CHECK (write (pipes[1], "x", 1) == 1 && zmq_poller_modify_fd (poller, pipes[0], ZMQ_POLLPRI) == 0);
    FAILS (EAGAIN, zmq_poller_wait (poller, ready, 0));
    CHECK (zmq_poller_modify_fd (poller, pipes[0], ZMQ_POLLIN) == 0 && zmq_poller_wait (poller, ready, 5000) == 0);
    CHECK (read (pipes[0], text, 1) == 1 && zmq_poller_modify (poller, pull, 0) == 0);
    CHECK (zmq_send (push, "quiet", 5, 0) == 5);
    FAILS (EAGAIN, zmq_poller_wait (poller, ready, 10));
    CHECK (zmq_poller_modify (poller, pull, ZMQ_POLLIN) == 0 && zmq_poller_wait (poller, ready, 5000) == 0);
    CHECK (ready[0].socket == pull && ready[0].user_data == text && ready[0].events == ZMQ_POLLIN);
    CHECK (zmq_recv (pull, text, sizeof text, 0) == 5);
    CHECK (zmq_send (push, "third", 5, 0) == 5 && write (pipes[1], "x", 1) == 1);
    CHECK (zmq_poller_wait (poller, ready, 5000) == 0);
    CHECK (zmq_recv (pull, text, sizeof text, 0) == 5);
    CHECK (zmq_poller_wait_all (poller, ready, 2, 5000) == 1 && ready[0].fd == pipes[0]);
    CHECK (zmq_poller_remove (poller, pull) == 0 && zmq_poller_remove_fd (poller, pipes[0]) == 0);
    CHECK (zmq_poller_destroy (&poller) == 0 && !poller);
    one_descriptor_for_many ();
    CHECK (zmq_close (push) == 0 && zmq_close (pull) == 0);
    return finish ();
}
