/* Timers, counters, stopwatches. */
#include "check.h"
#include <poll.h>

static int fired;

static void fire (int id, void *timers)
{
    fired++;
    /* A handler may change the timers. */
    CHECK (zmq_timers_cancel (timers, id) == 0);
}

int main (void)
{
    void *timers = zmq_timers_new ();
    CHECK (timers && zmq_timers_timeout (timers) == -1 && zmq_timers_execute (timers) == 0);
    int id = zmq_timers_add (timers, 20, fire, timers);
    CHECK (id > 0 && zmq_timers_timeout (timers) <= 20);
    FAILS (EFAULT, zmq_timers_add (timers, 20, NULL, NULL));
    FAILS (EINVAL, zmq_timers_cancel (timers, id + 1));
    CHECK (zmq_timers_set_interval (timers, id, 10) == 0 && zmq_timers_reset (timers, id) == 0);
    while (!fired) {
        poll (NULL, 0, (int) zmq_timers_timeout (timers));
        CHECK (zmq_timers_execute (timers) == 0);
    }
    CHECK (fired == 1 && zmq_timers_timeout (timers) == -1);
    CHECK (zmq_timers_destroy (&timers) == 0 && !timers);

    void *counter = zmq_atomic_counter_new ();
    CHECK (zmq_atomic_counter_inc (counter) == 0 && zmq_atomic_counter_inc (counter) == 1);
    CHECK (zmq_atomic_counter_value (counter) == 2 && zmq_atomic_counter_dec (counter) == 1);
    CHECK (zmq_atomic_counter_dec (counter) == 0);
    zmq_atomic_counter_set (counter, 7);
    CHECK (zmq_atomic_counter_value (counter) == 7);
    zmq_atomic_counter_destroy (&counter);
    CHECK (!counter);

    void *watch = zmq_stopwatch_start ();
    unsigned long first = zmq_stopwatch_intermediate (watch);
    CHECK (zmq_stopwatch_stop (watch) >= first);
    zmq_sleep (0);
    return finish ();
}
