//! Goal: what the fuzzers once found interesting never leads to a panic again. Method: every file of every corpus.

use std::path::Path;

use netzmq_fuzz::{TARGETS, by_name};

#[test]
fn every_corpus_is_replayed() {
    let corpora = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus");
    for (name, target) in TARGETS {
        let folder = corpora.join(name);
        let mut files: Vec<_> = std::fs::read_dir(&folder)
            .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
            .map(|entry| entry.unwrap().path())
            .collect();
        files.sort();
        assert!(files.len() > 1, "{name}: a corpus of {} files", files.len());
        for file in files {
            // Shown if it fails: which input it was.
            println!("{}", file.display());
            target(&std::fs::read(&file).unwrap());
        }
    }
    let mut folders: Vec<_> = std::fs::read_dir(&corpora)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    folders.retain(|folder| by_name(folder).is_none());
    assert!(folders.is_empty(), "corpora of no target: {folders:?}");
}

#[test]
fn targets_take_anything() {
    let long: Vec<u8> = (0..3000u32).map(|at| (at.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    for (_, target) in TARGETS {
        for bytes in [&b""[..], &[0], &[255; 64], &long] {
            target(bytes);
        }
    }
}
