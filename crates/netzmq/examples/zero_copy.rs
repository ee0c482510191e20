//! Memory of your own as a message, without a copy, and the ways to receive without an allocation.
//!
//! `cargo run -p netzmq --example zero_copy`

use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};

use netzmq::{Context, Message};

/// Something that owns bytes: a frame buffer, a memory map, a region shared with a device.
struct Picture {
    pixels: Vec<u8>,
    gone: Sender<usize>,
}

impl AsRef<[u8]> for Picture {
    fn as_ref(&self) -> &[u8] {
        &self.pixels
    }
}

impl Drop for Picture {
    /// Called once, when nothing refers to the bytes any more: on an I/O thread, perhaps, so it must not block.
    fn drop(&mut self) {
        let _ = self.gone.send(self.pixels.len());
    }
}

fn main() -> Result<(), netzmq::Error> {
    let context = Context::new();
    let pull = context.pull().bind("tcp://127.0.0.1:*")?;
    let push = context.push().connect(pull.endpoint())?;

    // Lent: the kernel reads the pixels from where they lie. Clones and slices share them.
    let (gone, dropped) = channel();
    let picture = Message::from_owner(Picture { pixels: vec![7; 1 << 18], gone });
    let (upper, lower) = (picture.slice(..1 << 17), picture.slice(1 << 17..));
    drop(picture);
    push.send(upper)?;
    push.send(lower)?;
    // Given away (`Vec`, `Box<[u8]>`, `String`), or shared (`Arc<[u8]>`): no copy either.
    push.send(vec![8; 100_000])?;
    push.send(Message::from(Arc::<[u8]>::from([9; 5000])))?;

    assert_eq!(pull.recv()?.kind(), netzmq::memory::MessageKind::Pooled); // read straight into pooled memory
    let (sum, _more) = pull.recv_with(|bytes| bytes.iter().map(|&b| u64::from(b)).sum::<u64>())?; // in place
    assert_eq!(sum, 7 << 17);
    let mut buffer = [0; 64]; // into memory of one's own; what does not fit is told, not hidden
    let received = pull.recv_into(&mut buffer)?;
    assert!(received.is_truncated(&buffer) && received.len == 100_000);
    assert_eq!(pull.recv()?.into_vec().len(), 5000);
    println!("the picture of {} bytes was given back", dropped.recv().expect("once"));
    assert!(dropped.recv().is_err(), "and never again");
    Ok(())
}
