//! A memory-mapped file as a message: the bytes are never copied, and the file stays mapped until the last part of it is
//! gone.
//!
//! `cargo run -p netzmq-memory --example mapped_file`
//!
//! Such a message goes out like any other (`socket.send(message)`): from 4 KiB up the kernel copies it straight from the
//! page cache into the socket. That is worth it for files that are larger than the caches, or sent often; reading a
//! small file into a pooled buffer is faster than mapping it.

use std::io::Write;

use memmap2::Mmap;
use netzmq_memory::{Message, MessageKind};

fn main() -> std::io::Result<()> {
    let mut file = tempfile::tempfile()?;
    file.write_all(&[7; 1 << 20])?;

    // SAFETY: this file has no name, so nobody else can cut or change it while it is mapped. That is the condition: a
    // mapped file that is truncated ends the process with a signal when the missing pages are read.
    let mapping = unsafe { Mmap::map(&file)? };
    let at = mapping.as_ptr();

    // The mapping is the owner: it is dropped, and the file unmapped, with the last message that shows any of it.
    let whole = Message::from_owner(mapping);
    assert_eq!((whole.kind(), whole.as_ptr(), whole.len()), (MessageKind::External, at, 1 << 20));

    // Parts share it, as the messages of a chunked transfer would.
    let parts: Vec<Message> = (0..4).map(|part| whole.slice(part << 18..(part + 1) << 18)).collect();
    drop(whole);
    assert!(parts.iter().all(|part| part.len() == 1 << 18 && part[0] == 7));
    println!("{} parts of one mapped file, no byte copied", parts.len());
    Ok(())
}

#[test]
fn it_runs() {
    main().unwrap();
}
