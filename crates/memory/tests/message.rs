//! `Message` from outside: every kind, every conversion, and who releases what when.

use std::collections::HashMap;
use std::ffi::c_void;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use netzmq_memory::{Annotations, Message, MessageKind, MessagePool, Properties};

fn bytes(len: usize) -> Vec<u8> {
    (0..len).map(|i| i as u8).collect()
}

/// An owner that counts its drops.
struct Counted {
    bytes: Vec<u8>,
    drops: Arc<AtomicUsize>,
}

impl AsRef<[u8]> for Counted {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.drops.fetch_add(1, Ordering::SeqCst);
    }
}

#[test]
fn it_fits_where_a_zmq_msg_t_fits() {
    assert_eq!((size_of::<Message>(), align_of::<Message>()), (64, 8));
    const { assert!(Message::INLINE_MAX >= 50) };
}

#[test]
fn copies_are_inline_up_to_the_limit_and_pooled_above() {
    for len in 0..200 {
        let expected = bytes(len);
        let message = Message::copy_from_slice(&expected);
        assert_eq!(message, expected);
        let inline = len <= Message::INLINE_MAX;
        assert_eq!(message.kind(), if inline { MessageKind::Inline } else { MessageKind::Pooled });
        assert_eq!(message.clone(), message);
        assert_eq!(message.clone().into_vec(), expected);
    }
}

#[test]
fn every_conversion_keeps_the_bytes() {
    for len in [0, 1, 50, 51, 1000, 100_000] {
        let expected = bytes(len);
        assert_eq!(Message::from(expected.clone()), expected);
        assert_eq!(Message::from(expected.clone().into_boxed_slice()), expected);
        assert_eq!(Message::from(Arc::<[u8]>::from(&expected[..])), expected);
        assert_eq!(Message::from(&expected[..]), expected);
        assert_eq!(Message::from(MessagePool::shared().rent_copy(&expected)), expected);
    }
    assert_eq!(Message::from("text"), "text");
    assert_eq!(Message::from("text".repeat(100)), *"text".repeat(100));
    assert_eq!(Message::from(b"text"), b"text");
    assert_eq!(Message::from([1, 2, 3]), [1, 2, 3]);
}

#[test]
fn a_vec_moves_in_and_out_without_a_copy() {
    let vec = bytes(1000);
    let at = vec.as_ptr();
    let message = Message::from(vec);
    assert_eq!((message.as_ptr(), message.kind()), (at, MessageKind::External));
    let vec = message.into_vec();
    assert_eq!((vec.as_ptr(), vec), (at, bytes(1000)));
}

#[test]
fn a_part_of_a_vec_moves_out_whole_or_by_copy() {
    let whole = Message::from(bytes(1000));
    let part = whole.slice(100..900);
    assert_eq!(part.clone().into_vec(), bytes(1000)[100..900]);
    drop(whole);
    // Now the only holder: the Vec itself comes out, cut to size.
    assert_eq!(part.into_vec(), bytes(1000)[100..900]);
}

#[test]
fn an_owner_is_not_copied_and_dropped_once_wherever_the_last_holder_is() {
    let drops = Arc::new(AtomicUsize::new(0));
    let owner = Counted { bytes: bytes(300), drops: drops.clone() };
    let at = owner.bytes.as_ptr();
    let message = Message::from_owner(owner);
    assert_eq!((message.as_ptr(), message.kind()), (at, MessageKind::External));
    let part = message.slice(10..200);
    drop(message.clone());
    drop(message);
    assert_eq!(drops.load(Ordering::SeqCst), 0);
    thread::spawn(move || assert_eq!(part, bytes(300)[10..200])).join().unwrap();
    assert_eq!(drops.load(Ordering::SeqCst), 1);
}

#[test]
fn owners_of_any_size_and_alignment_work() {
    #[repr(align(64))]
    struct Aligned([u8; 100]);
    impl AsRef<[u8]> for Aligned {
        fn as_ref(&self) -> &[u8] {
            assert!(std::ptr::from_ref(self).addr().is_multiple_of(64));
            &self.0
        }
    }
    assert_eq!(Message::from_owner(Aligned([4; 100])), [4; 100]);
    assert_eq!(Message::from_owner([5; 56]), [5; 56]);
    assert_eq!(Message::from_owner([6; 57]), [6; 57]);
    assert_eq!(Message::from_owner([7; 5000]), [7; 5000]);
    assert_eq!(Message::from_owner(""), "");
}

#[test]
fn an_owner_that_panics_releases_everything_once() {
    struct Panics(Arc<AtomicUsize>, bool);
    impl AsRef<[u8]> for Panics {
        fn as_ref(&self) -> &[u8] {
            assert!(self.1, "as told");
            b"fine"
        }
    }
    impl Drop for Panics {
        fn drop(&mut self) {
            self.0.fetch_add(1, Ordering::SeqCst);
            assert!(!self.1, "as told");
        }
    }
    // One thread, so the shared pool's owner records are counted by what happens here and in other tests;
    // only this test's own drops are checked.
    for in_drop in [false, true] {
        let drops = Arc::new(AtomicUsize::new(0));
        let owner = Panics(drops.clone(), in_drop);
        let outcome = thread::spawn(move || drop(Message::from_owner(owner))).join();
        assert!(outcome.is_err());
        assert_eq!(drops.load(Ordering::SeqCst), 1);
    }
}

/// Counts calls in what `hint` points to, and frees the `Vec` whose parts it gets.
unsafe extern "C" fn free_vec(data: *mut c_void, hint: *mut c_void) {
    // SAFETY: see the test that hands these over.
    unsafe {
        drop(Vec::from_raw_parts(data.cast::<u8>(), 100, 100));
        (*hint.cast::<AtomicUsize>()).fetch_add(1, Ordering::SeqCst);
    }
}

#[test]
fn a_c_free_function_is_called_once() {
    let calls = AtomicUsize::new(0);
    let mut memory = std::mem::ManuallyDrop::new(Vec::with_capacity(100));
    memory.resize(100, 8_u8);
    assert_eq!(memory.capacity(), 100);
    // SAFETY: the memory is a Vec's of 100 bytes, freed by `free_vec`; `calls` outlives the message.
    let mut message = unsafe {
        let hint = (&raw const calls).cast_mut().cast();
        Message::from_raw_parts(memory.as_mut_ptr(), 100, Some(free_vec), hint)
    };
    assert_eq!((message.as_ptr(), message.kind()), (memory.as_ptr(), MessageKind::External));
    message.as_mut_slice().unwrap()[0] = 1;
    let clone = message.clone();
    assert!(message.as_mut_slice().is_none());
    drop(message);
    assert_eq!((clone[0], calls.load(Ordering::SeqCst)), (1, 0));
    drop(clone);
    assert_eq!(calls.load(Ordering::SeqCst), 1);
}

#[test]
fn raw_parts_without_bytes_or_free_function() {
    // SAFETY: no bytes, nothing to free; then static bytes.
    unsafe {
        let empty = Message::from_raw_parts(std::ptr::null_mut(), 0, None, std::ptr::null_mut());
        assert!(empty.is_empty() && !empty.as_ptr().is_null());
        static BYTES: [u8; 3] = [1, 2, 3];
        let message = Message::from_raw_parts(BYTES.as_ptr().cast_mut(), 3, None, std::ptr::null_mut());
        assert_eq!((&message[..], message.kind()), (&BYTES[..], MessageKind::Static));
    }
}

#[test]
fn static_messages_are_made_in_constants_and_never_copied() {
    static BYTES: [u8; 100] = [3; 100];
    const EMPTY: Message = Message::new();
    static MESSAGE: Message = Message::from_static(&BYTES);
    assert!(EMPTY.is_empty());
    let mut clone = MESSAGE.clone();
    assert_eq!((clone.as_ptr(), clone.kind()), (BYTES.as_ptr(), MessageKind::Static));
    assert!(clone.as_mut_slice().is_none() && !clone.is_shared());
    assert_eq!(clone.slice(10..20).as_ptr(), &raw const BYTES[10]);
}

#[test]
fn writing_is_allowed_to_a_sole_holder_only() {
    for mut message in [Message::with_len(10), Message::with_len(500), Message::from(bytes(500))] {
        message.as_mut_slice().unwrap().fill(1);
        let mut clone = message.clone();
        let shared = message.kind() != MessageKind::Inline;
        assert_eq!(message.is_shared(), shared);
        assert_eq!(message.as_mut_slice().is_none(), shared);
        if let Some(bytes) = clone.as_mut_slice() {
            bytes.fill(2);
        }
        assert!(message.iter().all(|&byte| byte == 1));
        drop(clone);
        assert!(message.as_mut_slice().is_some());
    }
    assert!(Message::from_owner(vec![1, 2, 3]).as_mut_slice().is_none(), "seen through a shared borrow only");
}

#[test]
fn new_messages_of_a_length_are_writable_and_zeroed_on_request() {
    drop(MessagePool::shared().rent_copy(&[0xFF; 700]));
    for len in [0, 1, 50, 51, 700, 5 << 20] {
        let mut message = Message::zeroed(len);
        assert_eq!(message.len(), len);
        assert!(message.iter().all(|&byte| byte == 0));
        assert_eq!(message.as_mut_ptr().cast_const(), message.as_ptr());
        message.as_mut_slice().unwrap().fill(9);
        assert!(message.iter().all(|&byte| byte == 9));
    }
}

#[test]
fn slices_share_large_parts_copy_small_ones_and_check_their_range() {
    let message = Message::from(bytes(1000));
    let large = message.slice(100..);
    assert_eq!((large.as_ptr(), large.len()), (&raw const message[100], 900));
    assert!(message.is_shared());
    let small = message.slice(..=49);
    assert_eq!((small.kind(), small.len()), (MessageKind::Inline, 50));
    assert_eq!(message.slice(1000..).len(), 0);
    let backwards = Range { start: 5, end: 4 };
    for bad in [1001..1001, backwards, 0..1001, usize::MAX..usize::MAX] {
        assert!(message.try_slice(bad).is_none());
    }
    assert!(message.try_slice(..=usize::MAX).is_none());
    assert!(std::panic::catch_unwind(|| message.slice(..1001)).is_err());
}

#[test]
fn attributes_ride_along_with_clones_and_do_not_count_for_equality() {
    let mut message = Message::from("part");
    let properties = Arc::new(Properties::new([("Socket-Type", b"PUSH")], 3));
    message.set_more(true);
    message.set_routing_id(77);
    message.set_annotations(Some(Arc::new(Annotations::new("weather", Some(properties)))));
    let clone = message.clone();
    assert!(clone.has_more());
    assert_eq!(clone.routing_id(), 77);
    let annotations = clone.annotations().unwrap();
    assert_eq!(&*annotations.group, "weather");
    assert_eq!(annotations.properties.as_ref().unwrap().get("SOCKET-TYPE"), Some(&b"PUSH"[..]));
    assert_eq!(message, Message::from("part"));
    let plain = message.slice(..);
    assert!(!plain.has_more() && plain.routing_id() == 0 && plain.annotations().is_none());
    message.set_annotations(None);
    assert!(message.annotations().is_none());
}

#[test]
fn it_is_a_key_that_bytes_can_look_up() {
    let mut map = HashMap::new();
    map.insert(Message::from(bytes(200)), 1);
    map.insert(Message::from("key"), 2);
    assert_eq!(map.get(&bytes(200)[..]), Some(&1));
    assert_eq!(map.get(&b"key"[..]), Some(&2));
}

#[test]
fn it_prints_its_kind_length_and_first_bytes() {
    let mut message = Message::from(bytes(100));
    message.set_more(true);
    message.set_routing_id(5);
    let text = format!("{message:?}");
    assert!(text.starts_with("Message(External, 100 B, b\"\\x00\\x01"), "{text}");
    assert!(text.ends_with("\"..",) || text.ends_with(", routing id 5, more)"), "{text}");
    assert_eq!(format!("{:?}", Message::from("hi")), "Message(Inline, 2 B, b\"hi\")");
}

#[test]
fn messages_dropped_by_an_ending_thread_return_their_memory() {
    thread_local! {
        static KEPT: std::cell::RefCell<Vec<Message>> = const { std::cell::RefCell::new(Vec::new()) };
    }
    let pool = MessagePool::new();
    let drops = Arc::new(AtomicUsize::new(0));
    let (inner, count) = (pool.clone(), drops.clone());
    thread::spawn(move || {
        KEPT.with_borrow_mut(|kept| {
            kept.push(inner.rent(1000).freeze());
            kept.push(Message::from_owner(Counted { bytes: bytes(99), drops: count }));
        });
    })
    .join()
    .unwrap();
    assert_eq!((pool.stats().outstanding, drops.load(Ordering::SeqCst)), (0, 1));
}

#[cfg(feature = "bytes")]
#[test]
fn bytes_convert_both_ways_without_a_copy() {
    let source = bytes::Bytes::from(bytes(1000));
    let at = source.as_ptr();
    let message = Message::from(source.slice(10..));
    assert_eq!((message.as_ptr(), message.len()), (at.wrapping_add(10), 990));
    let back = bytes::Bytes::from(message.slice(5..));
    assert_eq!((back.as_ptr(), back.len()), (at.wrapping_add(15), 985));
    drop((back, source));
    assert!(bytes::Bytes::from(message).try_into_mut().is_ok(), "the only holder gets the original back");

    let pooled = MessagePool::shared().rent_copy(&bytes(600)).freeze();
    let at = pooled.as_ptr();
    let as_bytes = bytes::Bytes::from(pooled);
    assert_eq!((as_bytes.as_ptr(), &as_bytes[..]), (at, &bytes(600)[..]));
    assert_eq!(bytes::Bytes::from(Message::from("small")), "small");
}
