//! What goes to standard output: text that is put together first and written at once.
//!
//! Colour only on a terminal, and not where `NO_COLOR` is set. A closed pipe is an error here and success to `main`.

use std::io::{self, IsTerminal, Write};

use crate::Result;

/// Whether standard output is a terminal that wants colours.
pub(crate) fn is_colourful() -> bool {
    io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// Writes to standard output.
pub(crate) fn print(text: &str) -> Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()?;
    Ok(())
}

/// How to make text stand out, or nothing where there is no colour.
#[derive(Debug, Copy, Clone)]
pub(crate) struct Style {
    colour: bool,
}

impl Style {
    /// No colour at all.
    #[cfg(test)]
    pub(crate) const PLAIN: Style = Style { colour: false };

    /// For standard output as it is.
    pub(crate) fn detect() -> Style {
        Style { colour: is_colourful() }
    }

    fn wrap(self, code: &str, text: &str) -> String {
        if self.colour { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }

    pub(crate) fn bold(self, text: &str) -> String {
        self.wrap("1", text)
    }

    pub(crate) fn dim(self, text: &str) -> String {
        self.wrap("2", text)
    }

    pub(crate) fn green(self, text: &str) -> String {
        self.wrap("32", text)
    }

    pub(crate) fn red(self, text: &str) -> String {
        self.wrap("31", text)
    }
}
