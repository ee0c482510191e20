//! Watching a socket from outside: pollers, and descriptors for foreign event loops (`ZMQ_FD`).
//!
//! A watched socket is led by the I/O thread: whoever watches is not in a receive call, so no caller reads the
//! connections. The watcher's alarm rings whenever something has changed; what, it must look for itself.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::core::{Core, Lead, Shared};
use super::signal::Signal;
use crate::engine::job::Job;
use crate::pipe::mailbox::Alarm;
use crate::transport::kick::Kick;

/// Names one watch, to end it by.
#[derive(Debug, Copy, Clone, PartialEq, Eq, Hash)]
pub(crate) struct WatchKey(u64);

impl Shared {
    /// Rings `alarm` with every change from now on. Look once after this: what is there already rings for nobody.
    pub(crate) fn watch(&self, alarm: Arc<dyn Alarm>) -> WatchKey {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        // Relaxed: only uniqueness matters.
        let key = NEXT.fetch_add(1, Ordering::Relaxed);
        self.mailbox.watch(key, alarm);
        let mut core = self.lock();
        core.watchers += 1;
        self.hand_over(&mut core);
        // A caller that leads is to notice that it must not any more.
        drop(core);
        self.mailbox.wake();
        WatchKey(key)
    }

    pub(crate) fn unwatch(&self, key: WatchKey) {
        self.mailbox.unwatch(key.0);
        let mut core = self.lock();
        core.watchers = core.watchers.saturating_sub(1);
    }

    /// Lets the I/O thread lead, if nobody does. With no connections yet, the first one arranges it.
    pub(crate) fn hand_over(&self, core: &mut Core) {
        if core.lead == Lead::Nobody && core.reactor.is_some() {
            self.context.post(self.home_thread(), Job::Lead { shared: self.arc() });
        }
    }

    /// A descriptor that becomes readable when the socket's state may have changed since it was last looked at
    /// (`events`, a receive or a send). Made with the first call.
    pub(crate) fn event_fd(&self) -> io::Result<Arc<Signal>> {
        if let Some(signal) = &self.lock().signal {
            return Ok(signal.clone());
        }
        let signal = Arc::new(Signal::new(Kick::new()?));
        {
            let mut core = self.lock();
            if let Some(other) = &core.signal {
                return Ok(other.clone());
            }
            core.signal = Some(signal.clone());
        }
        self.watch(signal.clone());
        // There may be something to see already.
        signal.ring();
        Ok(signal)
    }
}
