//! The table of size classes: which block serves a length, how many travel together, how many are kept.
//!
//! Nineteen public classes, powers of two from 16 B to 4 MiB, and two internal rows: *owner records*
//! (64-byte blocks that hold the owner of an external message body) before them, and *one-off* blocks
//! (anything above 4 MiB, never cached) after. Rows are numbered so that one comparison tells which have
//! magazines in threads. Everything here is a constant or arithmetic; nothing here knows about memory.

/// Number of public classes.
pub(crate) const PUBLIC: usize = 19;
/// Rows that threads cache: the owner records and the classes up to 1 MiB. What an idle thread sits on
/// nobody can trim, so the two largest classes are left out.
pub(crate) const LOCAL: usize = 1 + 17;
/// Rows that are cached: the owner records and the public classes.
pub(crate) const CACHED: usize = 1 + PUBLIC;
/// Rows that are counted: the cached ones and the one-off blocks.
pub(crate) const COUNTED: usize = CACHED + 1;

/// Block sizes of the public classes, in bytes, ascending.
pub(crate) const SIZES: [usize; PUBLIC] = {
    let mut sizes = [0; PUBLIC];
    let mut i = 0;
    while i < PUBLIC {
        sizes[i] = MIN_SIZE << i;
        i += 1;
    }
    sizes
};

const MIN_SIZE: usize = 16;
/// Blocks above this size move and are cached singly.
const LARGE: usize = 64 * 1024;
/// The largest class; a longer request gets a block of its own.
pub(crate) const MAX_SIZE: usize = SIZES[PUBLIC - 1];
/// Bytes for the owner of an external body. Owners that need more are boxed first.
pub(crate) const OWNER_SIZE: usize = 64;

/// One row of the table. The number is always below [`COUNTED`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Class(u8);

impl Class {
    pub(crate) const OWNER: Class = Class(0);
    pub(crate) const ONE_OFF: Class = Class(CACHED as u8);

    /// The class whose blocks hold `len` bytes, or [`Class::ONE_OFF`].
    #[inline]
    pub(crate) const fn for_len(len: usize) -> Class {
        if len <= MIN_SIZE {
            Class(1)
        } else if len <= MAX_SIZE {
            Class((usize::BITS - (len - 1).leading_zeros()) as u8 - (MIN_SIZE.ilog2() - 1) as u8)
        } else {
            Class::ONE_OFF
        }
    }

    /// The public class that holds `len` bytes, if there is one.
    pub(crate) const fn public_for_len(len: usize) -> Option<Class> {
        if len <= MAX_SIZE { Some(Class::for_len(len)) } else { None }
    }

    /// Every cached row, the owner records first, then the public classes ascending.
    pub(crate) fn cached() -> impl DoubleEndedIterator<Item = Class> {
        (0..CACHED as u8).map(Class)
    }

    /// Every row that threads keep magazines of.
    pub(crate) fn local() -> impl Iterator<Item = Class> {
        (0..LOCAL as u8).map(Class)
    }

    #[inline(always)]
    pub(crate) const fn index(self) -> usize {
        self.0 as usize
    }

    /// The number, for storing in a block's header.
    #[inline(always)]
    pub(crate) const fn number(self) -> u8 {
        self.0
    }

    /// The inverse of [`Class::number`].
    #[inline(always)]
    pub(crate) const fn from_number(number: u8) -> Class {
        debug_assert!((number as usize) < COUNTED);
        Class(number)
    }

    /// Bytes a block of this class holds; 0 for one-off blocks, which have their own size each.
    #[inline]
    pub(crate) const fn size(self) -> usize {
        match self {
            Class::OWNER => OWNER_SIZE,
            Class::ONE_OFF => 0,
            Class(n) => (MIN_SIZE / 2) << n,
        }
    }

    /// Whether threads cache blocks of this class.
    #[inline(always)]
    pub(crate) const fn is_local(self) -> bool {
        self.index() < LOCAL
    }

    /// How many blocks travel together between a thread and the shared tier, at most: about 64 KiB worth,
    /// but at least 4 (or exchange would cost more than it saves) and at most 64; large ones go singly.
    pub(crate) const fn magazine(self) -> usize {
        if self.is_large() {
            return 1;
        }
        let by_bytes = LARGE / self.size();
        if by_bytes < 4 {
            4
        } else if by_bytes > 64 {
            64
        } else {
            by_bytes
        }
    }

    /// How many magazines of this class a thread keeps at most.
    pub(crate) const fn magazines_per_thread(self) -> usize {
        if !self.is_local() {
            0
        } else if self.is_large() {
            1
        } else {
            2
        }
    }

    const fn is_large(self) -> bool {
        self.size() > LARGE || self.0 == Class::ONE_OFF.0
    }

    /// How many blocks of this class a pool keeps unless told otherwise: 32 MiB worth, at least 8, and no
    /// more than 16384 of the small ones.
    pub(crate) const fn default_max(self) -> usize {
        if self.0 == Class::ONE_OFF.0 {
            return 0;
        }
        let by_bytes = 32 * 1024 * 1024 / self.size();
        if by_bytes > 16384 { 16384 } else { by_bytes }
    }
}

const _: () = assert!(SIZES[0] == 16 && MAX_SIZE == 4 * 1024 * 1024);
const _: () = assert!(Class::for_len(MAX_SIZE).index() == PUBLIC && LOCAL <= CACHED);
const _: () = assert!(Class::for_len(1 << 20).is_local() && !Class::for_len((1 << 20) + 1).is_local());
const _: () = assert!(Class::for_len(MAX_SIZE).default_max() >= 8);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_length_gets_the_smallest_class_that_holds_it() {
        for len in (0..70_000).chain([131_072, 131_073, MAX_SIZE - 1, MAX_SIZE]) {
            let class = Class::for_len(len);
            let naive = SIZES.iter().position(|&size| size >= len);
            assert_eq!(Some(class.index() - 1), naive, "length {len}");
            assert_eq!(class.size(), SIZES[class.index() - 1]);
        }
        assert_eq!(Class::for_len(MAX_SIZE + 1), Class::ONE_OFF);
        assert_eq!(Class::for_len(usize::MAX), Class::ONE_OFF);
        assert_eq!(Class::public_for_len(MAX_SIZE + 1), None);
    }

    #[test]
    fn an_idle_thread_sits_on_little() {
        let bytes = |class: Class| class.magazines_per_thread() * class.magazine() * class.size();
        assert!(Class::cached().map(bytes).sum::<usize>() < 4 << 20);
    }

    #[test]
    fn magazines_and_maxima_are_bounded() {
        for class in Class::cached() {
            assert!((1..=64).contains(&class.magazine()));
            assert!((8..=16384).contains(&class.default_max()));
            assert_eq!(class.is_local(), class.magazines_per_thread() > 0);
            assert_eq!(Class::from_number(class.number()), class);
        }
    }
}
