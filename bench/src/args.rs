//! The command line, the same for every engine.

/// Shown when the command line can't be read.
pub const USAGE: &str =
    "usage: peer-ENGINE ROLE ENDPOINT [--size BYTES] [--count N] [--warmup N] [--peers N] [--rounds N] [--gap NS]
roles: push pull req rep pub sub router dealers inproc-push inproc-req router-router
       curve-push curve-pull curve-router curve-handshakes
       paced-push paced-pull idle-router idle-dealers";

/// Which side of which cell this process is; see the crate's front page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Role {
    Push,
    Pull,
    Req,
    Rep,
    Pub,
    Sub,
    Router,
    Dealers,
    InprocPush,
    InprocReq,
    RouterRouter,
    CurvePush,
    CurvePull,
    CurveRouter,
    CurveHandshakes,
    PacedPush,
    PacedPull,
    IdleRouter,
    IdleDealers,
    RestedReq,
    LoadedReq,
}

impl Role {
    /// Every role with its name on the command line.
    pub const NAMES: [(&'static str, Role); 21] = [
        ("push", Role::Push),
        ("pull", Role::Pull),
        ("req", Role::Req),
        ("rep", Role::Rep),
        ("pub", Role::Pub),
        ("sub", Role::Sub),
        ("router", Role::Router),
        ("dealers", Role::Dealers),
        ("inproc-push", Role::InprocPush),
        ("inproc-req", Role::InprocReq),
        ("router-router", Role::RouterRouter),
        ("curve-push", Role::CurvePush),
        ("curve-pull", Role::CurvePull),
        ("curve-router", Role::CurveRouter),
        ("curve-handshakes", Role::CurveHandshakes),
        ("paced-push", Role::PacedPush),
        ("paced-pull", Role::PacedPull),
        ("idle-router", Role::IdleRouter),
        ("idle-dealers", Role::IdleDealers),
        ("rested-req", Role::RestedReq),
        ("loaded-req", Role::LoadedReq),
    ];

    /// The name on the command line.
    pub fn name(self) -> &'static str {
        Self::NAMES.iter().find(|(_, role)| *role == self).map_or("", |(name, _)| name)
    }
}

/// One run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Args {
    /// What to do.
    pub role: Role,
    /// `tcp://127.0.0.1:PORT`, `ipc://PATH` or `inproc://NAME`.
    pub endpoint: String,
    /// Bytes of a body, at least [`crate::body::SIZE_MIN`].
    pub size: usize,
    /// Measured messages (per socket for `sub`, `dealers`; per round for `router-router`).
    pub count: u64,
    /// Messages before the clock starts, at least one.
    pub warmup: u64,
    /// Sockets that `sub` and `dealers` open, and that `pub` and `router` serve.
    pub peers: usize,
    /// Rounds of `router-router`, the first of which is not counted.
    pub rounds: u32,
    /// Nanoseconds from one message of `paced-push` to the next.
    pub gap_ns: u64,
}

impl Args {
    /// Reads `ROLE ENDPOINT` and the options.
    pub fn parse(words: impl IntoIterator<Item = String>) -> Result<Args, String> {
        let mut words = words.into_iter();
        let name = words.next().ok_or("no role given")?;
        let role = Role::NAMES
            .iter()
            .find(|(known, _)| *known == name)
            .map(|(_, role)| *role)
            .ok_or_else(|| format!("no such role: {name}"))?;
        let endpoint = words.next().ok_or("no endpoint given")?;
        let mut args =
            Args { role, endpoint, size: 64, count: 100_000, warmup: 1_000, peers: 1, rounds: 2, gap_ns: 0 };
        while let Some(option) = words.next() {
            let value: u64 = words
                .next()
                .ok_or_else(|| format!("{option} needs a value"))?
                .parse()
                .map_err(|_| format!("{option} needs a whole number"))?;
            match option.as_str() {
                "--size" => args.size = usize::try_from(value).map_err(|e| e.to_string())?,
                "--count" => args.count = value,
                "--warmup" => args.warmup = value.max(1),
                "--peers" => args.peers = usize::try_from(value).map_err(|e| e.to_string())?,
                "--rounds" => args.rounds = u32::try_from(value).map_err(|e| e.to_string())?,
                "--gap" => args.gap_ns = value,
                _ => return Err(format!("no such option: {option}")),
            }
        }
        if args.size < crate::body::SIZE_MIN {
            return Err(format!("--size must be at least {}", crate::body::SIZE_MIN));
        }
        if args.count == 0 || args.peers == 0 || args.rounds < 2 {
            return Err("--count and --peers must be at least 1, --rounds at least 2".into());
        }
        Ok(args)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Args, String> {
        Args::parse(line.split_whitespace().map(String::from))
    }

    #[test]
    fn reads_a_full_line() {
        let args =
            parse("pull tcp://127.0.0.1:1 --size 16 --count 5 --warmup 0 --peers 3 --rounds 4").unwrap();
        assert_eq!((args.role, args.size, args.count), (Role::Pull, 16, 5));
        assert_eq!((args.warmup, args.peers, args.rounds), (1, 3, 4), "a warm-up of none becomes one");
    }

    #[test]
    fn says_what_is_wrong() {
        for line in
            ["", "pull", "pill x", "pull x --size", "pull x --size a", "pull x --siez 1", "pull x --size 8"]
        {
            assert!(parse(line).is_err(), "{line}");
        }
    }

    #[test]
    fn every_role_has_its_name() {
        for (name, role) in Role::NAMES {
            assert_eq!(role.name(), name);
        }
    }
}
