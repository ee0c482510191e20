//! Clone: many copies of one table, kept alike. Newcomers get a snapshot, everybody gets the changes since.
//!
//! `cargo run -p netzmq --example clone_pattern`. Each change has a number: what is in the snapshot already is skipped.

use std::collections::HashMap;
use std::thread;

use netzmq::{Context, Error, Message, Multipart, Req, Sub};

type Table = HashMap<Message, Message>;
const CHANGES: u64 = 1000;

fn main() -> Result<(), Error> {
    let context = Context::new();
    let updates = context.publisher().send_hwm(0).bind("tcp://127.0.0.1:*")?;
    let snapshots = context.router().bind("tcp://127.0.0.1:*")?;
    let mut clones = Vec::new();
    for _ in 0..3 {
        let changes = context.subscriber().recv_hwm(0).subscribe("").connect(updates.endpoint())?;
        let snapshot = context.req().connect(snapshots.endpoint())?;
        clones.push(thread::spawn(move || copy(&changes, &snapshot)));
    }
    let (mut table, mut number, mut waiting) = (Table::new(), 0u64, clones.len());
    while waiting > 0 || number < CHANGES {
        while let Ok((client, _)) = snapshots.try_recv_request() {
            let mut snapshot = Multipart::from((number.to_be_bytes(),));
            snapshot.extend(table.iter().flat_map(|(key, value)| [key.clone(), value.clone()]));
            snapshots.reply_to(&client, snapshot)?;
            waiting -= 1;
        }
        number += 1;
        let (key, value): (Message, Message) = ([number as u8 % 10].into(), number.to_be_bytes().into());
        updates.send_multipart((number.to_be_bytes(), key.clone(), value.clone()))?;
        table.insert(key, value);
    }
    updates.send("end")?;
    for clone in clones {
        assert_eq!(clone.join().expect("a clone does not panic")?, table);
    }
    println!("three clones have the same {} values", table.len());
    Ok(())
}

fn copy(updates: &Sub, snapshots: &Req) -> Result<Table, Error> {
    updates.recv_multipart()?; // the subscription has arrived: from here on nothing is missed
    snapshots.send("all, please")?;
    let mut snapshot = snapshots.recv_multipart()?.into_iter();
    let since = snapshot.next().map(|number| number.to_vec());
    let mut table = Table::new();
    while let (Some(key), Some(value)) = (snapshot.next(), snapshot.next()) {
        table.insert(key, value);
    }
    while let Ok([n, key, value]) = <[Message; 3]>::try_from(updates.recv_multipart()?) {
        // Big endian: greater numbers are greater bytes.
        if since.as_ref().is_none_or(|since| n[..] > since[..]) {
            table.insert(key, value);
        }
    }
    Ok(table)
}
