//! Work for a thread that sleeps in a poller when there is none.
//!
//! Invariant: the thread goes to sleep only after it has seen, under the lock, that there is no job; whoever adds one
//! after that is told to kick it awake, once.

use crate::sync::{Mutex, lock};

/// See the module's text.
pub(crate) struct JobQueue<J> {
    state: Mutex<State<J>>,
}

struct State<J> {
    jobs: Vec<J>,
    asleep: bool,
}

impl<J> JobQueue<J> {
    pub(crate) fn new() -> JobQueue<J> {
        JobQueue { state: Mutex::new(State { jobs: Vec::new(), asleep: false }) }
    }

    /// Adds a job. True: the thread sleeps, kick it.
    #[must_use]
    pub(crate) fn push(&self, job: J) -> bool {
        let mut state = lock(&self.state);
        state.jobs.push(job);
        std::mem::take(&mut state.asleep)
    }

    /// Hands all jobs over, in exchange for an empty list to gather the next ones in.
    pub(crate) fn take(&self, jobs: &mut Vec<J>) {
        std::mem::swap(&mut lock(&self.state).jobs, jobs);
    }

    /// The thread wants to sleep. False: there are jobs.
    #[must_use]
    pub(crate) fn fall_asleep(&self) -> bool {
        let mut state = lock(&self.state);
        state.asleep = state.jobs.is_empty();
        state.asleep
    }

    /// The thread is awake: kicks would be wasted on it.
    pub(crate) fn wake_up(&self) {
        lock(&self.state).asleep = false;
    }
}

impl<J> std::fmt::Debug for JobQueue<J> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("JobQueue").finish_non_exhaustive()
    }
}

#[cfg(all(test, not(netzmq_loom)))]
mod tests {
    use super::*;

    #[test]
    fn only_a_sleeper_is_kicked_and_only_once() {
        let queue = JobQueue::new();
        assert!(!queue.push(1));
        assert!(!queue.fall_asleep());
        let mut jobs = Vec::new();
        queue.take(&mut jobs);
        assert_eq!(jobs, [1]);
        assert!(queue.fall_asleep());
        assert!(queue.push(2));
        assert!(!queue.push(3));
        queue.wake_up();
        assert!(!queue.fall_asleep());
    }
}

#[cfg(all(test, netzmq_loom))]
mod loom_tests {
    use loom::thread;

    use super::*;
    use crate::sync::{Arc, Bell, model};

    /// Goal: every job is done. Method: two who post, one who works and sleeps as an I/O thread does.
    #[test]
    fn loom_every_job_is_done() {
        model(3, || {
            let (queue, bell) = (Arc::new(JobQueue::new()), Arc::new(Bell::default()));
            let threads: Vec<_> = (1..3)
                .map(|job| {
                    let (queue, bell) = (queue.clone(), bell.clone());
                    thread::spawn(move || {
                        if queue.push(job) {
                            bell.ring();
                        }
                    })
                })
                .collect();
            let (mut jobs, mut sum) = (Vec::new(), 0);
            loop {
                queue.take(&mut jobs);
                sum += jobs.drain(..).sum::<i32>();
                if sum == 3 {
                    break;
                }
                if queue.fall_asleep() {
                    bell.wait();
                }
                queue.wake_up();
                bell.drain();
            }
            threads.into_iter().for_each(|thread| thread.join().unwrap());
        });
    }
}
