//! Having the allocator give freed memory back to the system.
//!
//! glibc keeps freed blocks below a threshold for itself, and gives memory back from the top of a heap only;
//! one small live block up there keeps all below it resident. Asked to, it also gives back whole pages in
//! the middle. Elsewhere (and for other allocators) nothing is done: they have their own ways.

/// Below this many freed bytes the allocator is not asked.
pub(super) const WORTHWHILE: usize = 4 << 20;

/// Gives back what the allocator can spare. May hold its locks for milliseconds.
pub(super) fn give_back() {
    #[cfg(all(target_os = "linux", target_env = "gnu", not(netzmq_loom)))]
    {
        unsafe extern "C" {
            fn malloc_trim(pad: usize) -> std::ffi::c_int;
        }
        // SAFETY: glibc's own function, safe to call at any time from any thread. Its result only tells
        // whether anything was given back.
        let _ = unsafe { malloc_trim(0) };
    }
}
