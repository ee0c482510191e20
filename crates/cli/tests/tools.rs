//! The socket tools as a user runs them: two of them talk to each other, and what comes out is what went in. They bind to
//! wildcard ports and tell which one on standard error, where these tests read it.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::process::{Child, ChildStderr, Command, Output, Stdio};

const ANY: &str = "tcp://127.0.0.1:*";

fn command(words: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_netzmq"));
    command.args(words);
    command
}

/// Runs to the end with this on standard input.
fn run(words: &[&str], input: &[u8]) -> Output {
    let mut child =
        command(words).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // It may end before it has read everything.
    let _ = child.stdin.take().unwrap().write_all(input);
    child.wait_with_output().unwrap()
}

#[track_caller]
fn succeeds(words: &[&str], input: &[u8]) -> Vec<u8> {
    let output = run(words, input);
    assert_eq!(output.status.code(), Some(0), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

#[track_caller]
fn ends_with(code: i32, words: &[&str], says: &str) {
    let output = run(words, b"");
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{words:?}: {said}");
    assert!(said.contains(says), "{words:?}: {said}");
}

/// A tool that has bound and runs until it is done or killed.
struct Server {
    child: Child,
    stderr: BufReader<ChildStderr>,
}

impl Server {
    fn start(words: &[&str]) -> Server {
        let mut child = command(words)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        Server { child, stderr }
    }

    /// The next endpoint that it tells.
    fn endpoint(&mut self) -> String {
        let mut line = String::new();
        self.stderr.read_line(&mut line).unwrap();
        line.trim().rsplit(' ').next().unwrap().to_owned()
    }

    fn bound(words: &[&str]) -> (Server, String) {
        let mut server = Server::start(words);
        let endpoint = server.endpoint();
        assert!(endpoint.contains("://"), "{words:?}: {endpoint}");
        (server, endpoint)
    }

    fn write(&mut self, input: &[u8]) {
        self.child.stdin.as_mut().unwrap().write_all(input).unwrap();
    }

    /// So many bytes of its output, while it runs.
    #[track_caller]
    fn read(&mut self, count: usize) -> Vec<u8> {
        let mut output = vec![0; count];
        self.child.stdout.as_mut().unwrap().read_exact(&mut output).unwrap();
        output
    }

    /// Its output, after its input has ended and it has too.
    #[track_caller]
    fn output(mut self) -> Vec<u8> {
        drop(self.child.stdin.take());
        let mut said = String::new();
        self.stderr.read_to_string(&mut said).unwrap();
        let mut output = Vec::new();
        self.child.stdout.take().unwrap().read_to_end(&mut output).unwrap();
        assert_eq!(self.child.wait().unwrap().code(), Some(0), "{said}");
        output
    }

    fn kill(self) {
        drop(self);
    }
}

/// Nothing runs on after a test, also after one that failed.
impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn push_to_pull() {
    for endpoint in [ANY, "ipc://*"] {
        let (pull, endpoint) = Server::bound(&["pull", "-b", endpoint, "-n", "3"]);
        succeeds(&["push", &endpoint], b"one\ntwo\nthree");
        assert_eq!(pull.output(), b"one\ntwo\nthree\n");
    }
}

#[test]
fn what_was_sent_arrives_before_the_sender_ends() {
    let (push, endpoint) = Server::bound(&["push", "-b", ANY, "-m", "x", "-r", "50000"]);
    let output = succeeds(&["pull", &endpoint, "-n", "50000", "--stats"], b"");
    assert_eq!(output.len(), 100_000);
    assert_eq!(push.output(), b"");
}

#[test]
fn any_message_survives_frames() {
    // Two messages: one of three parts, with bytes that no line could carry, and an empty one.
    let input = b"\x01\0\0\0\x03a\nb\x01\0\0\0\0\0\0\0\0\x02\0\xff\0\0\0\0\0";
    let (pull, endpoint) = Server::bound(&["pull", "-b", ANY, "-n", "2", "--format", "frames"]);
    succeeds(&["push", &endpoint, "-f", "frames"], input);
    assert_eq!(pull.output(), input);
}

#[test]
fn subscribers_get_their_topics() {
    let (mut publisher, endpoint) = Server::bound(&["pub", "-b", ANY, "-d", " "]);
    let subscriber = Server::start(&["sub", &endpoint, "-T", "b", "-n", "2", "-d", "|"]);
    // The publisher waits for the subscription before it reads.
    publisher.write(b"a 1\nb 2\nc 3\nbb 4\n");
    assert_eq!(subscriber.output(), b"b|2\nbb|4\n");
    publisher.output();
}

#[test]
fn requests_and_replies() {
    let (echo, endpoint) = Server::bound(&["rep", "-b", ANY, "--echo", "-n", "2"]);
    assert_eq!(succeeds(&["req", &endpoint], b"question\nanother\n"), b"question\nanother\n");
    assert_eq!(echo.output(), b"question\nanother\n");

    let (fixed, endpoint) = Server::bound(&["rep", "-b", ANY, "--reply", "so|so", "-d", "|", "-n", "1"]);
    assert_eq!(succeeds(&["req", &endpoint, "-m", "how?"], b""), b"so\tso\n");
    assert_eq!(fixed.output(), b"how?\n");

    let (mut asked, endpoint) = Server::bound(&["rep", "-b", ANY]);
    asked.write(b"typed\n");
    assert_eq!(succeeds(&["req", &endpoint, "-m", "how?"], b""), b"typed\n");
    asked.kill();
}

#[test]
fn routers_and_dealers() {
    let (mut router, endpoint) = Server::bound(&["router", "-b", ANY, "-d", " ", "-n", "1"]);
    let mut dealer = Server::start(&["dealer", &endpoint, "--routing-id", "bob", "-n", "1"]);
    dealer.write(b"hello\n");
    let mut line = String::new();
    let mut stdout = BufReader::new(router.child.stdout.take().unwrap());
    // With -n 1 the router would end after this; its answer is typed before.
    router.write(b"bob early\n");
    stdout.read_line(&mut line).unwrap();
    assert_eq!(line, "bob hello\n");
    drop(router.child.stdin.take());
    dealer.kill();
    router.kill();
}

#[test]
fn a_router_answers_who_asked() {
    let (mut router, endpoint) = Server::bound(&["router", "-b", ANY, "-d", " "]);
    let mut dealer = Server::start(&["dealer", &endpoint, "--routing-id", "bob", "-n", "1"]);
    dealer.write(b"hello\n");
    let mut line = String::new();
    BufReader::new(router.child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert_eq!(line, "bob hello\n");
    router.write(b"nobody lost\nbob back\n");
    assert_eq!(dealer.output(), b"back\n");
    let mut said = String::new();
    router.stderr.read_line(&mut said).unwrap();
    assert!(said.contains("nobody"), "{said}");
    router.kill();
}

#[test]
fn pairs_talk_both_ways() {
    // Without a count: who has received enough ends, and need not have read its input by then.
    let (mut one, endpoint) = Server::bound(&["pair", "-b", ANY, "-t", "60s"]);
    let mut other = Server::start(&["pair", &endpoint, "-t", "60s"]);
    one.write(b"1\n2\n");
    other.write(b"3\n4\n");
    assert_eq!(one.read(4), b"3\n4\n");
    assert_eq!(other.read(4), b"1\n2\n");
}

#[test]
fn a_proxy_stands_between() {
    let mut proxy = Server::start(&["proxy", "queue", "-f", ANY, "-b", ANY]);
    let (front, back) = (proxy.endpoint(), proxy.endpoint());
    let worker = Server::start(&["rep", &back, "--echo", "-n", "1"]);
    assert_eq!(succeeds(&["req", &front, "-m", "through"], b""), b"through\n");
    assert_eq!(worker.output(), b"through\n");
    proxy.kill();
}

#[test]
fn curve_lets_in_who_knows_the_key() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("secret");
    let file = file.to_str().unwrap();
    let key = String::from_utf8(succeeds(&["keygen", "--secret", file], b"")).unwrap();
    let key = key.trim();
    assert_eq!(key.len(), 40);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(std::fs::metadata(file).unwrap().permissions().mode() & 0o777, 0o600);
    }
    ends_with(2, &["keygen", "--secret", file], "exists");

    let serve = ["rep", "-b", ANY, "--echo", "--curve-server", "--curve-secret", file];
    let (server, endpoint) = Server::bound(&serve);
    assert_eq!(succeeds(&["req", &endpoint, "--curve-server-key", key, "-m", "sealed"], b""), b"sealed\n");
    let wrong = String::from_utf8(succeeds(&["keygen"], b"")).unwrap();
    let wrong = wrong.lines().next().unwrap().strip_prefix("public ").unwrap();
    ends_with(1, &["req", &endpoint, "--curve-server-key", wrong, "-m", "x", "-t", "300ms"], "no reply");
    ends_with(1, &["req", &endpoint, "-m", "x", "-t", "300ms"], "no reply");
    let seen = succeeds(&["ping", &endpoint, "--curve-server-key", key], b"");
    assert!(String::from_utf8_lossy(&seen).contains("mechanism CURVE"));
    server.kill();

    ends_with(2, &["pull", ANY, "--curve-server-key", "short"], "--curve-server-key");
    ends_with(2, &["pull", ANY, "--curve-server"], "--curve-secret");
    ends_with(2, &["pull", ANY, "--curve-server", "--curve-secret", "/nowhere"], "/nowhere");
}

#[test]
fn nothing_in_time_is_exit_code_1() {
    ends_with(1, &["pull", "-b", ANY, "-t", "50ms"], "no message came within 50ms");
    ends_with(1, &["sub", "-b", ANY, "-t", "50ms", "-n", "2"], "no message came");
    ends_with(1, &["push", "-b", ANY, "-m", "x", "-t", "50ms"], "nobody took the message");
    ends_with(
        1,
        &["push", "tcp://127.0.0.1:1", "-m", "x", "-t", "50ms"],
        "not everything that was sent was taken",
    );
    ends_with(1, &["pub", "-b", ANY, "-m", "x", "-t", "50ms"], "0 of 1 subscriptions");
    ends_with(1, &["req", "tcp://127.0.0.1:1", "-m", "x", "-t", "50ms"], "no reply came");
    ends_with(1, &["rep", "-b", ANY, "-t", "50ms"], "no request came");
    ends_with(1, &["dealer", "-b", ANY, "-t", "50ms"], "no message came");
    ends_with(1, &["monitor", "-b", ANY, "-t", "100ms", "-n", "100"], "events came, then none");
}

#[test]
fn a_publisher_need_not_wait() {
    assert_eq!(succeeds(&["pub", "-b", ANY, "-m", "x", "--wait", "0"], b""), b"");
}

#[test]
fn wrong_usage_is_exit_code_2() {
    ends_with(2, &["pull"], "ENDPOINT");
    ends_with(2, &["pull", "nonsense"], "nonsense");
    ends_with(2, &["pull", "tcp://127.0.0.1:99999"], "99999");
    ends_with(2, &["pull", "-b", "tcp://203.0.113.1:*"], "203.0.113.1");
    ends_with(2, &["push", ANY, "-r", "2"], "--message");
    ends_with(2, &["pull", ANY, "-t", "soon"], "soon");
    ends_with(2, &["proxy", "queue", "-f", ANY], "--backend");
    ends_with(2, &["monitor", ANY, "--type", "phone"], "phone");
    ends_with(2, &["push", ANY, "-m", "x"], ANY);
}

#[test]
fn frames_that_are_cut_off_are_told() {
    let (pull, endpoint) = Server::bound(&["pull", "-b", ANY]);
    let output = run(&["push", &endpoint, "-f", "frames"], b"\0\0\0\0\x09cut");
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("standard input"));
    pull.kill();
}

#[test]
fn monitor_tells_of_connections() {
    let (rep, endpoint) = Server::bound(&["rep", "-b", ANY, "--echo"]);
    let text = succeeds(&["monitor", &endpoint, "--type", "req", "-t", "300ms"], b"");
    let text = String::from_utf8(text).unwrap();
    for event in ["connected", "handshake done", &endpoint] {
        assert!(text.contains(event), "{event} is missing in\n{text}");
    }
    let wrong = succeeds(&["monitor", &endpoint, "--type", "pull", "-n", "3"], b"");
    assert!(
        String::from_utf8_lossy(&wrong).contains("handshake failed"),
        "{}",
        String::from_utf8_lossy(&wrong)
    );
    rep.kill();
}

#[test]
fn ping_says_who_is_there() {
    for (words, name, round_trip) in [
        (&["rep", "-b", ANY, "--echo"][..], "REP", "median"),
        (&["pull", "-b", "ipc://*"][..], "PULL", "median"),
        (&["push", "-b", ANY][..], "PUSH", "not measured"),
    ] {
        let (server, endpoint) = Server::bound(words);
        let text = String::from_utf8(succeeds(&["ping", &endpoint, "-n", "3"], b"")).unwrap();
        for shown in ["ZMTP 3.1", "mechanism NULL", name, round_trip] {
            assert!(text.contains(shown), "{shown} is missing in\n{text}");
        }
        server.kill();
    }
}

#[test]
fn ping_tells_who_is_not_there() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("tcp://{}", free.local_addr().unwrap());
    drop(free);
    ends_with(2, &["ping", &endpoint], &endpoint);

    let web = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("tcp://{}", web.local_addr().unwrap());
    let answering = std::thread::spawn(move || {
        let (mut stream, _) = web.accept().unwrap();
        let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n");
        let _ = stream.read_to_end(&mut Vec::new());
    });
    ends_with(2, &["ping", &endpoint], "not as ZeroMQ does");
    answering.join().unwrap();

    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("tcp://{}", silent.local_addr().unwrap());
    ends_with(1, &["ping", &endpoint, "-t", "100ms"], "no greeting");
    ends_with(2, &["ping", "inproc://here"], "only tcp and ipc");
    ends_with(2, &["ping", "nonsense"], "nonsense");
}

#[test]
fn doctor_finds_this_host_well() {
    let text = String::from_utf8(succeeds(&["doctor"], b"")).unwrap();
    for shown in ["ZMTP 3.1", "CURVE", "ROUTER", "inproc", "tcp", "ipc"] {
        assert!(text.contains(shown), "{shown} is missing in\n{text}");
    }
    assert!(!text.contains("FAILED"), "{text}");
}

#[test]
fn completions_and_manual() {
    for shell in ["bash", "zsh", "fish"] {
        let script = String::from_utf8(succeeds(&["completions", shell], b"")).unwrap();
        assert!(script.contains("netzmq") && script.contains("keygen"), "{shell}");
    }
    let page = String::from_utf8(succeeds(&["man"], b"")).unwrap();
    for shown in [".TH netzmq", "NETZMQ PUB", "NETZMQ BENCH", "curve"] {
        assert!(page.contains(shown), "{shown}");
    }
}

/// `netzmq pull … | head -1` is no failure.
#[test]
fn a_reader_that_leaves_early_is_no_failure() {
    let (mut pull, endpoint) = Server::bound(&["pull", "-b", ANY]);
    drop(pull.child.stdout.take());
    succeeds(&["push", &endpoint, "-m", "x"], b"");
    assert_eq!(pull.child.wait().unwrap().code(), Some(0));
}
