//! Durations, sizes and ages as short as people want to read them.

use std::time::{Duration, SystemTime};

/// A duration to two or three digits: `<0.1ms`, `0.4ms`, `312ms`, `8.4s`, `2m 5s`, `3h 12m`.
pub(crate) fn duration(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match seconds {
        0 if duration < Duration::from_micros(100) => "<0.1ms".to_owned(),
        0 if duration < Duration::from_millis(10) => format!("{:.1}ms", duration.as_secs_f64() * 1e3),
        0 => format!("{}ms", duration.as_millis()),
        1..60 => format!("{:.1}s", duration.as_secs_f64()),
        60..3600 => format!("{}m {}s", seconds / 60, seconds % 60),
        3600..86400 => format!("{}h {}m", seconds / 3600, seconds % 3600 / 60),
        _ => format!("{}d {}h", seconds / 86400, seconds % 86400 / 3600),
    }
}

/// A size to three digits: `512B`, `132KiB`, `12.2MiB`.
pub(crate) fn size(bytes: u64) -> String {
    const UNITS: [&str; 4] = ["KiB", "MiB", "GiB", "TiB"];
    if bytes < 1024 {
        return format!("{bytes}B");
    }
    // Only three digits are shown, so the precision of a float is enough.
    let mut size = bytes as f64 / 1024.0;
    let mut unit = 0;
    while size >= 1000.0 && unit + 1 < UNITS.len() {
        size /= 1024.0;
        unit += 1;
    }
    let unit = UNITS.get(unit).copied().unwrap_or_default();
    if size < 99.95 { format!("{size:.1}{unit}") } else { format!("{size:.0}{unit}") }
}

/// How long ago `then` was.
pub(crate) fn age(then: SystemTime, now: SystemTime) -> String {
    match now.duration_since(then) {
        Ok(age) if age < Duration::from_secs(1) => "just now".to_owned(),
        Ok(age) if age < Duration::from_secs(60) => format!("{}s ago", age.as_secs()),
        Ok(age) => format!("{} ago", duration(age)),
        // Clocks differ.
        Err(_) => "just now".to_owned(),
    }
}

/// `n` of something: `1 route`, `3 routes`.
pub(crate) fn count(n: u64, noun: &str) -> String {
    format!("{n} {noun}{}", if n == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short() {
        for (micros, text) in [
            (0, "<0.1ms"),
            (412, "0.4ms"),
            (12_345, "12ms"),
            (999_999, "999ms"),
            (8_412_000, "8.4s"),
            (125_000_000, "2m 5s"),
            (11_520_000_000, "3h 12m"),
            (180_000_000_000, "2d 2h"),
        ] {
            assert_eq!(duration(Duration::from_micros(micros)), text);
        }
        for (bytes, text) in [
            (0, "0B"),
            (1023, "1023B"),
            (1024, "1.0KiB"),
            (135_350, "132KiB"),
            (1_023_000, "999KiB"),
            (1_040_000, "1.0MiB"),
            (12_814_984, "12.2MiB"),
            (u64::MAX, "16777216TiB"),
        ] {
            assert_eq!(size(bytes), text);
        }
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1000);
        for (seconds, text) in [(1000, "just now"), (1001, "just now"), (995, "5s ago"), (0, "16m 40s ago")] {
            assert_eq!(age(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds), now), text);
        }
        assert_eq!(count(1, "route"), "1 route");
        assert_eq!(count(0, "route"), "0 routes");
    }
}
