//! What C holds instead of objects: addresses of slots in one table, which can be checked before they are followed.
//!
//! A handle is the address of a slot. Whatever C passes is first compared with the table's bounds, then the slot says
//! whether something of the wanted kind lives there; so null, closed and wrong handles, and addresses that never were
//! handles, are told apart from good ones without touching memory that is not ours.
//!
//! Invariants:
//! - **H1** A call that uses an object has left a note of it ([`Visit`]) or, within another call, is counted in the slot's
//!   word. An object is freed by whoever finds, after the slot was marked as closing, that neither is left; so it lives
//!   as long as any call that found it. Both kinds look again for the mark when they leave.
//! - **H2** The object pointer is written before the kind is published (Release) and read after the kind was seen
//!   (Acquire), and while a kind is set it points to a `T` of that kind.
//! - **H3** Free slots are reused in the order in which they became free, which keeps an address that C uses after
//!   closing it wrong for as long as possible.

use std::collections::VecDeque;
use std::ffi::c_void;
use std::marker::PhantomData;
use std::ops::Deref;
use std::sync::Mutex;
use std::sync::atomic::{AtomicPtr, AtomicU64, Ordering};

use netzmq_lock::{Visit, is_visited};

use crate::errno::{EMFILE, Errno};

/// Something that C can hold.
pub(crate) trait Handle: Send + Sync + 'static {
    /// Tells the kinds apart: 1 to 255.
    const KIND: u64;
    /// What a call gets that passes something else.
    const MISTAKEN: Errno;
}

/// An object with the way to free it, so that whoever leaves last can, whatever it had come for.
#[repr(C)]
struct Kept<T> {
    free: unsafe fn(*mut ()),
    value: T,
}

/// # Safety
/// `object` came from a `Box<Kept<T>>` and nobody uses it afterwards.
unsafe fn free_kept<T>(object: *mut ()) {
    // SAFETY: by the contract.
    drop(unsafe { Box::from_raw(object.cast::<Kept<T>>()) });
}

/// More handles than a process has descriptors for. 2 MiB of address space, of memory only what is used.
const SLOTS: usize = 1 << 16;

const KIND_SHIFT: u32 = 32;
const CLOSING: u64 = 1 << 40;
const USERS: u64 = 0xFFFF_FFFF;

/// The word: users in the low half, then the kind (0: free), then whether it is closing.
#[repr(align(32))]
struct Slot {
    word: AtomicU64,
    object: AtomicPtr<()>,
}

impl Slot {
    /// Its address: the place where visitors are.
    #[inline]
    fn place(&self) -> usize {
        std::ptr::from_ref(self).addr()
    }
}

static TABLE: [Slot; SLOTS] =
    [const { Slot { word: AtomicU64::new(0), object: AtomicPtr::new(std::ptr::null_mut()) } }; SLOTS];

/// Slots that were used and are free, and the first that never was used.
struct Free {
    slots: VecDeque<u32>,
    next: usize,
}

static FREE: Mutex<Free> = Mutex::new(Free { slots: VecDeque::new(), next: 0 });

fn free() -> std::sync::MutexGuard<'static, Free> {
    FREE.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// The slot at an address, if it is one.
#[inline]
fn slot(handle: *const c_void) -> Option<&'static Slot> {
    let offset = handle.addr().wrapping_sub((&raw const TABLE).addr());
    if offset.is_multiple_of(size_of::<Slot>()) { TABLE.get(offset / size_of::<Slot>()) } else { None }
}

/// Gives an object a handle.
pub(crate) fn insert<T: Handle>(object: T) -> Result<*mut c_void, Errno> {
    let index = {
        let mut free = free();
        // A few free slots are kept back for H3.
        if free.slots.len() > 64 || free.next == SLOTS {
            free.slots.pop_front().ok_or(EMFILE)? as usize
        } else {
            free.next += 1;
            free.next - 1
        }
    };
    let slot = TABLE.get(index).ok_or(EMFILE)?;
    slot.object.store(
        Box::into_raw(Box::new(Kept { free: free_kept::<T>, value: object })).cast(),
        Ordering::Relaxed,
    );
    // Release: pairs with the Acquire in `get` (H2). Added, not stored: stray users may be about to leave.
    slot.word.fetch_add(T::KIND << KIND_SHIFT, Ordering::Release);
    Ok((&raw const *slot).cast_mut().cast())
}

/// A call's hold on an object.
pub(crate) struct Ref<T: Handle> {
    slot: &'static Slot,
    /// None: counted in the slot's word.
    visit: Option<Visit>,
    kind: PhantomData<T>,
}

/// Finds the object of a handle.
#[inline]
pub(crate) fn get<T: Handle>(handle: *const c_void) -> Result<Ref<T>, Errno> {
    let slot = slot(handle).ok_or(T::MISTAKEN)?;
    // From here on its dropping ends the use, a stray one's too.
    let found = Ref { slot, visit: Visit::enter(slot.place()), kind: PhantomData };
    // Acquire: pairs with the Release in `insert` (H2).
    let word = if found.visit.is_some() {
        slot.word.load(Ordering::Acquire)
    } else {
        slot.word.fetch_add(1, Ordering::Acquire)
    };
    if word & !USERS == T::KIND << KIND_SHIFT { Ok(found) } else { Err(T::MISTAKEN) }
}

/// Does something with the object of a handle, by the shortest way: for the calls that move messages. `far` is the same as
/// `near`, for a thread that can't visit now. (Two closures, because one that is used twice is not put in line.)
#[inline(always)]
pub(crate) fn with<T: Handle, R>(
    handle: *const c_void,
    near: impl FnOnce(&T, &Visit) -> Result<R, Errno>,
    far: impl FnOnce(&T) -> Result<R, Errno>,
) -> Result<R, Errno> {
    let slot = slot(handle).ok_or(T::MISTAKEN)?;
    let Some(visit) = Visit::enter(slot.place()) else { return with_counted(handle, far) };
    // Acquire: pairs with the Release in `insert` (H2).
    let word = slot.word.load(Ordering::Acquire);
    let done = if word & !USERS == T::KIND << KIND_SHIFT {
        // Relaxed: ordered by the Acquire above.
        let object = slot.object.load(Ordering::Relaxed);
        // SAFETY: H2, and by H1 it lives as long as the visit.
        near(unsafe { &(*object.cast::<Kept<T>>()).value }, &visit)
    } else {
        Err(T::MISTAKEN)
    };
    drop(visit);
    // Relaxed: the barrier of the visit's end stands before it.
    if slot.word.load(Ordering::Relaxed) & CLOSING != 0 {
        end(slot);
    }
    done
}

#[cold]
#[inline(never)]
fn with_counted<T: Handle, R>(
    handle: *const c_void,
    far: impl FnOnce(&T) -> Result<R, Errno>,
) -> Result<R, Errno> {
    far(&*get::<T>(handle)?)
}

/// Takes the handle away from C: nobody finds it any more. The object goes when the last call has let go of it.
pub(crate) fn remove<T: Handle>(handle: *const c_void) -> Result<Ref<T>, Errno> {
    let found = get::<T>(handle)?;
    // AcqRel: of several threads that close at once, one sees the mark missing.
    let word = found.slot.word.fetch_or(CLOSING, Ordering::AcqRel);
    if word & CLOSING == 0 { Ok(found) } else { Err(T::MISTAKEN) }
}

/// Ends a closing object if nobody uses it any more.
#[cold]
#[inline(never)]
fn end(slot: &'static Slot) {
    // Held throughout: the slot is not taken for another object between the look and the end.
    let mut free = free();
    // Acquire: pairs with the Release of whoever was counted.
    let word = slot.word.load(Ordering::Acquire);
    // Somebody who is still there will come here himself.
    if word & CLOSING == 0 || word & USERS != 0 || is_visited(slot.place()) {
        return;
    }
    let object = slot.object.load(Ordering::Relaxed);
    // Fails if a stray use was counted meanwhile: it will come here itself.
    if slot.word.compare_exchange(word, 0, Ordering::AcqRel, Ordering::Relaxed).is_err() {
        return;
    }
    let index = (slot.place() - (&raw const TABLE).addr()) / size_of::<Slot>();
    free.slots.push_back(index as u32);
    // What is freed may use handles itself.
    drop(free);
    // SAFETY: H1, H2: of all who left, one has brought the word to zero, and the object is a `Kept`, which begins
    // with its own way to be freed.
    unsafe { (object.cast::<unsafe fn(*mut ())>().read())(object) };
}

impl<T: Handle> Deref for Ref<T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        // Relaxed: ordered by the Acquire in `get`.
        let object = self.slot.object.load(Ordering::Relaxed);
        // SAFETY: H2, and by H1 it lives as long as this use.
        unsafe { &(*object.cast::<Kept<T>>()).value }
    }
}

impl<T: Handle> Drop for Ref<T> {
    #[inline]
    fn drop(&mut self) {
        let word = match self.visit.take() {
            Some(visit) => {
                drop(visit);
                // Relaxed: the barrier of the visit's end stands before it.
                self.slot.word.load(Ordering::Relaxed)
            }
            // Release: what this call did with the object comes before its end.
            None => self.slot.word.fetch_sub(1, Ordering::Release) - 1,
        };
        if word & CLOSING != 0 {
            end(self.slot);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    struct Red(Arc<()>);
    struct Blue;

    impl Handle for Red {
        const KIND: u64 = 200;
        const MISTAKEN: Errno = crate::errno::ENOTSOCK;
    }

    impl Handle for Blue {
        const KIND: u64 = 201;
        const MISTAKEN: Errno = crate::errno::EFAULT;
    }

    /// Goal: only what is a live handle of the kind is one. Method: everything else.
    #[test]
    fn what_is_no_handle_is_refused() {
        let red = insert(Red(Arc::new(()))).unwrap();
        let mut local = 7u64;
        let here: *mut c_void = (&raw mut local).cast();
        for wrong in [std::ptr::null_mut(), here, red.wrapping_byte_add(8), red.wrapping_byte_sub(1 << 30)] {
            assert_eq!(get::<Red>(wrong).err(), Some(crate::errno::ENOTSOCK));
        }
        assert_eq!(get::<Blue>(red).err(), Some(crate::errno::EFAULT));
        assert!(get::<Red>(red).is_ok());
        drop(remove::<Red>(red).unwrap());
        assert!(get::<Red>(red).is_err());
        assert!(remove::<Red>(red).is_err());
    }

    /// Goal: an object lives as long as a call that uses it, and no longer. Method: close during a use.
    #[test]
    fn an_object_outlives_its_handle_in_a_call() {
        let alive = Arc::new(());
        let handle = insert(Red(alive.clone())).unwrap();
        let call = get::<Red>(handle).unwrap();
        drop(remove::<Red>(handle).unwrap());
        assert_eq!(Arc::strong_count(&call.0), 2);
        assert!(get::<Red>(handle).is_err());
        drop(call);
        assert_eq!(Arc::strong_count(&alive), 1);
    }

    /// Goal: closing and using from many threads frees once. Method: do it, and count.
    #[test]
    fn races_free_once() {
        for _ in 0..200 {
            let alive = Arc::new(());
            let handle = insert(Red(alive.clone())).unwrap().expose_provenance();
            std::thread::scope(|scope| {
                for turn in 0..3 {
                    scope.spawn(move || {
                        let handle = std::ptr::with_exposed_provenance::<c_void>(handle);
                        if turn == 0 {
                            drop(remove::<Red>(handle));
                        } else {
                            while get::<Red>(handle).is_ok() {}
                        }
                    });
                }
            });
            assert_eq!(Arc::strong_count(&alive), 1);
        }
    }
}
