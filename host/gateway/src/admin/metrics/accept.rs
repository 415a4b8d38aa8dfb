//! Which format a reader gets.

use http::HeaderValue;

use super::encode::Format;

const OPEN_METRICS: &str = "application/openmetrics-text";

/// What a reader says of a format: how much it wants it, in thousandths.
fn quality(parameters: &str) -> u32 {
    let written = parameters.split(';').find_map(|parameter| parameter.trim().strip_prefix("q="));
    let quality = written.map_or(Some(1.0), |quality| quality.trim().parse::<f32>().ok());
    // Whoever writes what is no number wants nothing of it.
    quality.map_or(0, |quality| (quality.clamp(0.0, 1.0) * 1000.0) as u32)
}

/// Whether a version of OpenMetrics that is asked for is one that there is.
fn is_known(parameters: &str) -> bool {
    let version = parameters.split(';').find_map(|parameter| parameter.trim().strip_prefix("version="));
    version.is_none_or(|version| matches!(version.trim().trim_matches('"'), "1.0.0" | "0.0.1"))
}

/// OpenMetrics for those who name it and like it at least as well as plain text; the format of Prometheus for all others.
pub(super) fn choose<'a>(accept: impl IntoIterator<Item = &'a HeaderValue>) -> Format {
    let (mut open, mut plain) = (0, 0);
    for value in accept.into_iter().filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(',')) {
        let (range, parameters) = value.split_once(';').unwrap_or((value, ""));
        let range = range.trim();
        if range.eq_ignore_ascii_case(OPEN_METRICS) && is_known(parameters) {
            open = open.max(quality(parameters));
        } else if range.eq_ignore_ascii_case("text/plain") {
            plain = plain.max(quality(parameters));
        }
    }
    if open > 0 && open >= plain { Format::OpenMetrics } else { Format::Prometheus }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn readers_get_what_they_like_best() {
        // What Prometheus 2 and 3 ask for, without protobuf.
        let second = "application/openmetrics-text;version=1.0.0;q=0.8,application/openmetrics-text;version=0.0.1;q=0.75,\
                      text/plain;version=0.0.4;q=0.5,*/*;q=0.1";
        let third = "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,\
                     application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4";
        for (accept, format) in [
            ("", Format::Prometheus),
            ("*/*", Format::Prometheus),
            ("text/plain", Format::Prometheus),
            (second, Format::OpenMetrics),
            (third, Format::OpenMetrics),
            ("application/openmetrics-text", Format::OpenMetrics),
            ("Application/OpenMetrics-Text; version=\"1.0.0\"", Format::OpenMetrics),
            ("application/openmetrics-text; version=2.0.0", Format::Prometheus),
            ("application/openmetrics-text; q=0", Format::Prometheus),
            ("application/openmetrics-text; q=much", Format::Prometheus),
            ("application/openmetrics-text; q=0.2, text/plain; q=0.9", Format::Prometheus),
        ] {
            assert_eq!(choose([&HeaderValue::from_str(accept).unwrap()]), format, "{accept}");
        }
        assert_eq!(choose([]), Format::Prometheus);
    }
}
