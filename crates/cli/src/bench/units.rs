//! Numbers for people: sizes in and out, times, rates.

/// Reads a size: `64`, `1k`, `64KiB`, `1MiB`. All units are powers of two.
pub(crate) fn parse_size(text: &str) -> Result<usize, String> {
    let wrong = || format!("{text:?} is not a size such as 64, 512, 64KiB or 1MiB");
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = text.get(digits.len()..).unwrap_or_default().to_ascii_lowercase();
    let shift = match unit.trim_end_matches('b').trim_end_matches('i') {
        "" => 0,
        "k" => 10,
        "m" => 20,
        _ => return Err(wrong()),
    };
    let number: usize = digits.trim().parse().map_err(|_| wrong())?;
    number
        .checked_mul(1 << shift)
        .filter(|&size| size <= SIZE_MAX)
        .ok_or_else(|| format!("{text:?} is more than {}, the largest body that is measured", size(SIZE_MAX)))
}

/// More would measure only the machine's memory.
const SIZE_MAX: usize = 64 << 20;

/// A size in the largest unit that leaves it whole.
pub(crate) fn size(bytes: usize) -> String {
    match bytes {
        b if b >= 1 << 20 && b % (1 << 20) == 0 => format!("{} MiB", b >> 20),
        b if b >= 1 << 10 && b % (1 << 10) == 0 => format!("{} KiB", b >> 10),
        b => format!("{b} B"),
    }
}

/// Three significant digits.
fn three(value: f64) -> String {
    let decimals = match value.abs() {
        v if v >= 99.95 => 0,
        v if v >= 9.995 => 1,
        _ => 2,
    };
    format!("{value:.decimals$}")
}

/// Milliseconds.
pub(crate) fn ms(value: f64) -> String {
    format!("{} ms", three(value))
}

/// From the least to the most milliseconds.
pub(crate) fn range_ms(min: f64, max: f64) -> String {
    format!("{} … {}", three(min), three(max))
}

/// Nanoseconds, or what is readable instead.
pub(crate) fn ns(value: f64) -> String {
    match value {
        v if v >= 999_500.0 => format!("{} ms", three(v / 1e6)),
        v if v >= 9_995.0 => format!("{} µs", three(v / 1e3)),
        v => format!("{} ns", three(v)),
    }
}

/// From the least to the most, in the unit of the most.
pub(crate) fn range_ns(min: f64, max: f64) -> String {
    match max {
        v if v >= 999_500.0 => format!("{} … {}", three(min / 1e6), three(max / 1e6)),
        v if v >= 9_995.0 => format!("{} … {}", three(min / 1e3), three(max / 1e3)),
        _ => format!("{} … {}", three(min), three(max)),
    }
}

/// A number without a unit: three digits, thousands grouped.
pub(crate) fn plain(value: f64) -> String {
    if value < 999.5 { three(value) } else { grouped(value.round() as u64) }
}

/// A part of the whole, 0 to 1.
pub(crate) fn percent(part: f64) -> String {
    match part * 100.0 {
        p if p >= 99.995 => "100 %".to_owned(),
        p => format!("{p:.2} %"),
    }
}

/// Something per second.
pub(crate) fn rate(value: f64) -> String {
    match value {
        v if v >= 999_500.0 => format!("{} M/s", three(v / 1e6)),
        v if v >= 999.5 => format!("{} k/s", three(v / 1e3)),
        v => format!("{} /s", three(v)),
    }
}

/// Bytes per second (decimal units, as networks have them).
pub(crate) fn byte_rate(value: f64) -> String {
    match value {
        v if v >= 999_500_000.0 => format!("{} GB/s", three(v / 1e9)),
        v => format!("{} MB/s", three(v / 1e6)),
    }
}

/// A mean count: whole numbers without a fraction, nothing as 0.
pub(crate) fn mean(value: f64) -> String {
    match value {
        v if v < 0.005 => "0".to_owned(),
        v if (v - v.round()).abs() < 0.005 => format!("{v:.0}"),
        v => format!("{v:.2}"),
    }
}

/// Mean bytes: whole, the small change of setting up left out.
pub(crate) fn mean_bytes(value: f64) -> String {
    grouped(value.round() as u64)
}

/// A whole number in groups of three digits.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_and_written() {
        for (text, bytes) in
            [("64", 64), ("1k", 1024), ("64KiB", 65536), ("2 MiB", 2 << 20), ("1M", 1 << 20), ("7b", 7)]
        {
            assert_eq!(parse_size(text), Ok(bytes), "{text}");
        }
        for text in [
            "",
            "k",
            "-1",
            "64x",
            "6 4",
            "1.5k",
            "99999999999999999999",
            "65MiB",
            "18446744073709551615M",
            "é",
        ] {
            assert!(parse_size(text).is_err(), "{text}");
        }
        for (bytes, text) in [(64, "64 B"), (1024, "1 KiB"), (1500, "1500 B"), (3 << 20, "3 MiB")] {
            assert_eq!(size(bytes), text);
        }
    }

    #[test]
    fn numbers_keep_three_digits() {
        assert_eq!(
            (ms(0.1234), ms(12.34), ms(1234.0)),
            ("0.12 ms".into(), "12.3 ms".into(), "1234 ms".into())
        );
        assert_eq!((ns(12.0), ns(12_345.0), ns(2e6)), ("12.0 ns".into(), "12.3 µs".into(), "2.00 ms".into()));
        assert_eq!(
            (rate(12.0), rate(1234.0), rate(9.99e6)),
            ("12.0 /s".into(), "1.23 k/s".into(), "9.99 M/s".into())
        );
        assert_eq!((byte_rate(5e8), byte_rate(5e9)), ("500 MB/s".into(), "5.00 GB/s".into()));
        assert_eq!((mean(0.0001), mean(2.0), mean(1.5)), ("0".into(), "2".into(), "1.50".into()));
        assert_eq!(
            (grouped(0), grouped(1234), grouped(1_234_567)),
            ("0".into(), "1,234".into(), "1,234,567".into())
        );
    }
}
