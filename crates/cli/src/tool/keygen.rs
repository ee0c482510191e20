//! `netzmq keygen`: a CURVE key pair, as text that files and other tools take.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::PathBuf;

use netzmq::proto::CurveSecretKey;

use crate::Result;
use crate::error::Failure;
use crate::output;

/// Its arguments.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct KeygenArgs {
    /// Write the secret key to a new FILE that only you can read, and print the public key alone
    #[arg(short, long, value_name = "FILE")]
    secret: Option<PathBuf>,
}

/// Makes and prints a pair.
pub(crate) fn run(args: &KeygenArgs) -> Result<()> {
    let key = fresh()?;
    let public = key.public_key();
    let Some(path) = &args.secret else {
        return output::print(&format!("public {public}\nsecret {}\n", *key.to_z85()));
    };
    let mut options = OpenOptions::new();
    // An existing key is never overwritten: there may be no other copy of it.
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let written =
        options.open(path).and_then(|mut file| write!(file, "# secret key of {public}\n{}\n", *key.to_z85()));
    written.map_err(|error| Failure::file(path, error))?;
    output::print(&format!("{public}\n"))
}

/// A key that nobody else has.
pub(crate) fn fresh() -> Result<CurveSecretKey> {
    Ok(CurveSecretKey::from_bytes(random()?))
}

/// Bytes that nobody can guess.
pub(crate) fn random() -> Result<[u8; 32]> {
    let mut bytes = [0; 32];
    match getrandom::fill(&mut bytes) {
        Ok(()) => Ok(bytes),
        Err(error) => Err(Failure::Io { what: "randomness".to_owned(), source: error.into() }),
    }
}
