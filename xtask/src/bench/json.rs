//! Reads the one line of JSON that a peer program prints: a flat object of numbers and plain strings.

/// The number under `name`.
pub(crate) fn number(line: &str, name: &str) -> Option<f64> {
    let value = field(line, name)?;
    value.parse().ok()
}

/// The raw text of a value, quotes removed.
fn field<'a>(line: &'a str, name: &str) -> Option<&'a str> {
    let inner = line.trim().strip_prefix('{')?.strip_suffix('}')?;
    inner.split(',').find_map(|pair| {
        let (key, value) = pair.split_once(':')?;
        (key.trim().trim_matches('"') == name).then(|| value.trim().trim_matches('"'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_by_name() {
        let line = r#"{"engine":"raw","messages":20, "p50_us":1.5}"#;
        assert_eq!(number(line, "messages"), Some(20.0));
        assert_eq!(number(line, "p50_us"), Some(1.5));
        assert_eq!(number(line, "engine"), None);
        assert_eq!(number(line, "p99_us"), None);
        assert_eq!(number("ready", "messages"), None);
    }
}
