//! The answer to `/headers`: what the guest saw of its request, as JSON.

use serde_json::json;

/// A request as it arrived in a guest.
#[derive(Debug, Clone, Default)]
pub struct Report {
    /// Method, as on the wire.
    pub method: String,
    /// Scheme, where the host tells it.
    pub scheme: Option<String>,
    /// Authority, where the host tells it.
    pub authority: Option<String>,
    /// Path and query.
    pub path: Option<String>,
    /// Header fields in the order in which the host gave them; values that are not UTF-8 are replaced.
    pub headers: Vec<(String, Vec<u8>)>,
}

/// The report as a JSON object; headers are an array of `[name, value]`.
pub fn to_json(report: &Report) -> String {
    let headers: Vec<_> =
        report.headers.iter().map(|(name, value)| json!([name, String::from_utf8_lossy(value)])).collect();
    json!({
        "method": report.method,
        "scheme": report.scheme,
        "authority": report.authority,
        "path": report.path,
        "headers": headers,
    })
    .to_string()
}
