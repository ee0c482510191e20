//! The benchmarks as a user runs them: the built program, with small sizes and few messages. What it prints, what its JSON
//! says, and how it ends.

use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::Value;

/// Runs the program with words that are separated by spaces.
fn netzmq(words: &str) -> Output {
    command(words).output().unwrap()
}

fn command(words: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_netzmq"));
    command.args(words.split_whitespace()).stdin(Stdio::null());
    command
}

/// Standard output of a run that must succeed.
#[track_caller]
fn succeeds(words: &str) -> String {
    let output = netzmq(words);
    assert_eq!(output.status.code(), Some(0), "{words}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Standard error of a run that must be refused.
#[track_caller]
fn fails(words: &str) -> String {
    let output = netzmq(words);
    assert_eq!(output.status.code(), Some(2), "{words}");
    String::from_utf8(output.stderr).unwrap()
}

fn json(path: &Path) -> Vec<Value> {
    match serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap() {
        Value::Array(records) => records,
        other => panic!("not an array: {other}"),
    }
}

/// Runs a benchmark with two sizes, and returns what it printed and its records.
#[track_caller]
fn bench(words: &str) -> (String, Vec<Value>) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("results.json");
    let text = succeeds(&format!("bench {words} --json {}", file.display()));
    // With the feature `peers` there are libzmq's too, which have a test of their own.
    let (records, theirs): (Vec<Value>, Vec<Value>) =
        json(&file).into_iter().partition(|record| record["engine"] == "netzmq");
    for record in &records {
        complete(record);
    }
    assert_eq!(theirs.is_empty(), !(cfg!(feature = "peers") && words.starts_with("memory")));
    (text, records)
}

/// Every field that readers of the JSON count on is there and makes sense.
#[track_caller]
fn complete(record: &Value) {
    for field in ["bench", "engine", "strategy", "baseline"] {
        assert!(record[field].as_str().is_some_and(|text| !text.is_empty()), "{field}: {record}");
    }
    assert_eq!(record["engine"], "netzmq");
    let number = |field: &str| record[field].as_f64().unwrap_or_else(|| panic!("{field}: {record}"));
    for field in
        ["size", "messages", "runs", "median_ms", "min_ms", "max_ms", "ratio_to_baseline", "messages_per_s"]
    {
        assert!(number(field) > 0.0, "{field}: {record}");
    }
    for field in ["allocations_per_message", "allocated_bytes_per_message"] {
        assert!(number(field) >= 0.0, "{field}: {record}");
    }
    assert!(number("min_ms") <= number("median_ms") && number("median_ms") <= number("max_ms"), "{record}");
    let per_s = number("messages") / number("median_ms") * 1e3;
    assert!((per_s / number("messages_per_s") - 1.0).abs() < 1e-6, "{record}");
}

fn names(records: &[Value], size: u64) -> Vec<&str> {
    let of_size = records.iter().filter(|record| record["size"] == size);
    of_size.map(|record| record["strategy"].as_str().unwrap()).collect()
}

const STRATEGIES: [&str; 6] =
    ["ByteArray", "ArrayPool", "Message", "MessagePooled", "MessagePooled+RecvPool", "MessageZeroCopy"];

#[test]
fn memory_measures_every_strategy_at_every_size() {
    let (text, records) = bench("memory --quick --runs 2 --sizes 64,40KiB --messages 300");
    assert_eq!(names(&records, 64), STRATEGIES);
    assert_eq!(names(&records, 40 << 10), STRATEGIES);
    assert_eq!(records.len(), 12);
    for record in &records {
        assert_eq!(
            (&record["bench"], &record["runs"], &record["messages"]),
            (&"memory".into(), &2.into(), &300.into())
        );
        let base =
            records.iter().find(|r| r["strategy"] == "ByteArray" && r["size"] == record["size"]).unwrap();
        let ratio = record["median_ms"].as_f64().unwrap() / base["median_ms"].as_f64().unwrap();
        assert!((record["ratio_to_baseline"].as_f64().unwrap() - ratio).abs() < 1e-9);
    }
    for shown in
        STRATEGIES.into_iter().chain(["64 B · 300 messages", "40 KiB · 300 messages", "messages/s", "ratio"])
    {
        assert!(text.contains(shown), "{shown} is missing in\n{text}");
    }
    assert!(!text.contains('\x1b'), "no colours where there is no terminal");
}

/// What the strategies are about: a byte array is made anew on both sides, memory from pools is not.
#[test]
fn memory_counts_allocations() {
    let (_, records) = bench("memory --runs 1 --sizes 512 --messages 2000");
    let count = |strategy: &str| {
        let record = records.iter().find(|record| record["strategy"] == strategy).unwrap();
        record["allocations_per_message"].as_f64().unwrap()
    };
    assert!(count("ByteArray") >= 2.0, "{}", count("ByteArray"));
    assert!(count("MessageZeroCopy") >= 1.0, "{}", count("MessageZeroCopy"));
    for strategy in ["ArrayPool", "Message", "MessagePooled", "MessagePooled+RecvPool"] {
        assert!(count(strategy) < 0.2, "{strategy}: {}", count(strategy));
    }
}

#[test]
#[cfg(feature = "peers")]
fn libzmq_runs_beside() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("results.json");
    let report = folder.path().join("report");
    let words = format!(
        "bench memory --quick --runs 1 --sizes 64,64KiB --messages 300 --json {} --report {}",
        file.display(),
        report.display()
    );
    let text = succeeds(&words);
    assert!(text.contains("64 KiB · 300 messages · libzmq") && text.contains("× libzmq"), "{text}");
    let records = json(&file);
    for strategy in STRATEGIES {
        let of = |engine: &str| {
            let found = records
                .iter()
                .find(|r| r["engine"] == engine && r["strategy"] == strategy && r["size"] == 64);
            found.unwrap().clone()
        };
        let (ours, theirs) = (of("netzmq"), of("libzmq"));
        let ratio = ours["median_ms"].as_f64().unwrap() / theirs["median_ms"].as_f64().unwrap();
        assert!((ours["ratio_to_libzmq"].as_f64().unwrap() - ratio).abs() < 1e-9);
        assert!(theirs["allocations_per_message"].is_null());
    }
    let page = std::fs::read_to_string(report.join("index.html")).unwrap();
    assert_eq!(page.matches("<figure>").count(), 7);
    assert!(page.contains("Against libzmq"));
}

#[test]
fn alloc_compares_with_fresh_memory() {
    let (text, records) = bench("alloc --quick --runs 1 --sizes 64,64KiB");
    let expected = [
        ("NewMessage", "NewMessage"),
        ("PoolRent", "NewMessage"),
        ("NewMessage+Copy", "NewMessage+Copy"),
        ("PoolRent+Copy", "NewMessage+Copy"),
        ("NewMessage+OtherThread", "NewMessage+OtherThread"),
        ("PoolRent+OtherThread", "NewMessage+OtherThread"),
        ("Nothing+OtherThread", "NewMessage+OtherThread"),
    ];
    for size in [64, 64 << 10] {
        let of_size: Vec<&Value> = records.iter().filter(|record| record["size"] == size).collect();
        let pairs: Vec<(&str, &str)> = of_size
            .iter()
            .map(|record| (record["strategy"].as_str().unwrap(), record["baseline"].as_str().unwrap()))
            .collect();
        assert_eq!(pairs, expected);
        let allocations: Vec<f64> =
            of_size.iter().map(|record| record["allocations_per_message"].as_f64().unwrap()).collect();
        assert!(allocations[0] >= 1.0 && allocations[1] < 0.1, "{allocations:?}");
    }
    assert!(text.contains("per message"));
}

#[test]
fn copy_shows_where_the_two_cross() {
    let (text, records) = bench("copy --quick --runs 1 --sizes 64,1MiB");
    let names = names(&records, 64);
    assert_eq!(
        names,
        ["CopyCached", "CopyUncached", "CopyMessage", "Clone", "RentFreeze", "FromVec", "FromOwner"]
    );
    assert!(text.contains("handing over is cheaper"), "{text}");
    // A megabyte takes longer to copy than a reference to count, on any machine.
    let of = |strategy: &str| {
        let record = records.iter().find(|r| r["strategy"] == strategy && r["size"] == 1 << 20).unwrap();
        record["median_ms"].as_f64().unwrap()
    };
    assert!(of("CopyCached") > of("Clone"));
}

#[test]
fn receive_waits_in_four_ways() {
    let (_, records) = bench("receive --runs 1 --sizes 64,2KiB --messages 500");
    let ways = ["Blocking", "Blocking+Batch", "Poller", "NonBlocking+Sleep1ms"];
    assert_eq!((names(&records, 64), names(&records, 2048)), (ways.to_vec(), ways.to_vec()));
    assert!(records.iter().all(|record| record["baseline"] == "Blocking"));
}

#[test]
fn awaiting_is_measured_beside_blocking() {
    let (_, records) = bench("async --runs 1 --sizes 64,64KiB --messages 500");
    let ways = ["Blocking", "Awaited"];
    assert_eq!((names(&records, 64), names(&records, 65_536)), (ways.to_vec(), ways.to_vec()));
}

#[test]
fn receive_puts_bodies_where_it_was_told() {
    let blocking = |into: &str| {
        let (_, records) = bench(&format!("receive --runs 1 --sizes 512 --messages 500 --into {into}"));
        records[0]["allocations_per_message"].as_f64().unwrap()
    };
    for (into, allocations) in [("buffer", 0.0), ("vec", 1.0), ("shared", 0.0), ("pool", 0.0), ("heap", 1.0)]
    {
        let counted = blocking(into);
        assert!((counted - allocations).abs() < 0.5, "{into}: {counted}");
    }
}

/// Our C library, which Cargo has built beside this test.
fn c_library() -> String {
    let library = std::env::current_exe().unwrap().with_file_name("libzmq.so");
    assert!(library.exists(), "{} is not there", library.display());
    library.display().to_string()
}

const CALLS: [&str; 5] = ["Make+Close", "SendBuffer", "SendMessage", "RecvBuffer", "RecvMessage"];

/// Goal: each library's calls are measured at each size. Method: ours twice, also in libzmq's place.
#[test]
fn interop_measures_each_library() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("results.json");
    let ours = c_library();
    let text = succeeds(&format!(
        "bench interop --quick --runs 2 --sizes 64,40KiB --c-library {ours} --libzmq {ours} --json {}",
        file.display()
    ));
    let records = json(&file);
    for size in [64, 40 << 10] {
        for engine in ["netzmq", "netzmq in C", "libzmq"] {
            let of = |r: &&Value| r["engine"] == engine && r["size"] == size;
            let calls: Vec<&str> =
                records.iter().filter(of).map(|r| r["strategy"].as_str().unwrap()).collect();
            assert_eq!(calls, CALLS, "{engine}");
        }
    }
    assert_eq!(records.len(), 30);
    for record in &records {
        assert_eq!((&record["bench"], &record["runs"]), (&"interop".into(), &2.into()));
        assert!(record["median_ms"].as_f64().unwrap() > 0.0, "{record}");
    }
    for shown in CALLS.into_iter().chain(["64 B\n", "40 KiB\n", "× native", "netzmq in C"]) {
        assert!(text.contains(shown), "{shown} is missing in\n{text}");
    }
    assert!(!text.contains("Left out"), "{text}");
}

/// Goal: without a library there is still the native column, and it is said how to get the others.
#[test]
fn interop_says_what_is_left_out() {
    let folder = tempfile::tempdir().unwrap();
    let alone = folder.path().join("netzmq");
    std::fs::copy(env!("CARGO_BIN_EXE_netzmq"), &alone).unwrap();
    let output =
        Command::new(&alone).args(["bench", "interop", "--quick", "--sizes", "64"]).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0), "{text}");
    assert!(text.contains("RecvMessage"), "{text}");
    assert!(text.contains("cargo build --release -p netzmq-capi") && !text.contains("netzmq in C"), "{text}");
    assert_eq!(text.contains("--features peers"), !cfg!(feature = "peers"), "{text}");
}

#[test]
fn memory_measures_some_strategies_only() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("results.json");
    let words = "bench memory --runs 1 --sizes 64 --messages 100 --strategies messagepooled,ArrayPool --json";
    let text = succeeds(&format!("{words} {}", file.display()));
    let mut records = json(&file);
    // libzmq's, with the feature `peers`.
    records.retain(|record| record["engine"] == "netzmq");
    assert_eq!(names(&records, 64), ["ArrayPool", "MessagePooled"]);
    assert!(records.iter().all(|record| record["ratio_to_baseline"].is_null()));
    assert!(text.contains('–') && !text.contains("NaN"), "{text}");
}

#[test]
fn a_report_is_a_page_and_tables() {
    let folder = tempfile::tempdir().unwrap();
    let report = folder.path().join("a/new/folder");
    let words =
        format!("bench memory --quick --runs 1 --sizes 64,1KiB --messages 100 --report {}", report.display());
    let text = succeeds(&words);
    let page = std::fs::read_to_string(report.join("index.html")).unwrap();
    let tables = std::fs::read_to_string(report.join("tables.md")).unwrap();
    assert!(text.contains("index.html") && text.contains("tables.md"), "{text}");
    for shown in STRATEGIES {
        assert!(page.contains(shown) && tables.contains(shown), "{shown}");
    }
    for shown in [
        "Time by size",
        "Ratio to ByteArray",
        "Heap allocations per message",
        "Pool hit rate",
        "Resident memory over time",
        "Copying against handing over",
        "What to take",
        "netzmq bench memory --quick",
        "width=device-width",
    ] {
        assert!(page.contains(shown), "{shown}");
    }
    let with_peers = usize::from(cfg!(feature = "peers"));
    assert_eq!(page.matches("<figure>").count(), 6 + with_peers);
    assert_eq!(page.matches("<svg").count(), page.matches("</svg>").count());
    assert_eq!(page.matches("<table").count(), 5 + 2 * with_peers);
    // Self-contained: nothing is fetched, nothing runs.
    for foreign in ["<script", "<link", "<img", "src=", "url(", "@import", "http://", "https://"] {
        assert!(!page.contains(foreign), "{foreign}");
    }
    for wrong in ["NaN", "inf\"", ">inf<"] {
        assert!(!page.contains(wrong) && !tables.contains(wrong), "{wrong}");
    }
    assert!(tables.contains("| 64 B |") && tables.contains("### 1 KiB · 100 messages"), "{tables}");
}

#[test]
fn help_and_version() {
    assert!(succeeds("--help").contains("bench"));
    assert!(succeeds("--version").starts_with("netzmq "));
    for which in ["memory", "alloc", "copy", "receive", "async", "interop"] {
        assert!(succeeds("bench --help").contains(which));
        assert!(succeeds(&format!("bench {which} --help")).contains("--json"));
    }
}

#[test]
fn bad_arguments_are_refused_before_anything_runs() {
    for (words, says) in [
        ("", "Usage"),
        ("bench", "Usage"),
        ("nonsense", "nonsense"),
        ("bench nonsense", "nonsense"),
        ("bench memory --sizes", "--sizes"),
        ("bench memory --sizes 64,big", "big"),
        ("bench memory --sizes 15", "15 bytes are too few"),
        ("bench receive --sizes 0", "too few"),
        ("bench memory --sizes 1000MiB", "largest"),
        ("bench memory --runs 0", "--runs"),
        ("bench memory --runs many", "many"),
        ("bench memory --messages 0", "--messages"),
        ("bench alloc --messages 5", "--messages"),
        ("bench memory --strategies Messages", "MessagePooled+RecvPool"),
        ("bench memory --strategies Message --report x", "--report"),
        ("bench receive --into nowhere", "buffer, vec, shared, pool, heap"),
        ("bench interop --sizes 15", "15 bytes are too few"),
        ("bench interop --c-library no/such/libzmq.so", "no/such/libzmq.so: no libzmq"),
        ("bench interop --libzmq libc.so.6", "zmq_ctx_new"),
        ("bench memory --json", "--json"),
        ("bench memory --json no/such/folder/file.json", "no/such/folder"),
        ("bench copy --json /", "/"),
        ("bench memory --report /dev/null/x", "/dev/null/x"),
    ] {
        let said = fails(words);
        assert!(said.contains(says), "{words}: {said}");
        assert!(!said.contains("a run"), "{words} measured something: {said}");
    }
}

#[test]
fn progress_is_plain_lines_where_there_is_no_terminal() {
    let output = netzmq("bench memory --runs 1 --sizes 64,128 --messages 10");
    let progress = String::from_utf8(output.stderr).unwrap();
    let lines: Vec<&str> = progress.lines().collect();
    assert_eq!(lines.len(), 2, "{progress}");
    assert!(lines[0].contains("memory: 64 B, 10 a run") && lines[1].contains("128 B"), "{progress}");
}

/// `netzmq … | head -1` is no failure.
#[test]
fn a_reader_that_leaves_early_is_no_failure() {
    let mut child =
        command("bench memory --runs 1 --sizes 64,128 --messages 10").stdout(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    assert_eq!(child.wait().unwrap().code(), Some(0));
}
