//! The table of faults, held against its printed form in `docs/faults.md`.

use super::*;

const KINDS: [FaultKind; 16] = [
    FaultKind::NotFound,
    FaultKind::MethodNotAllowed,
    FaultKind::Unauthenticated,
    FaultKind::Denied,
    FaultKind::Invalid,
    FaultKind::TooLarge,
    FaultKind::Deadline,
    FaultKind::Overloaded,
    FaultKind::RateLimited,
    FaultKind::Unavailable,
    FaultKind::Exhausted,
    FaultKind::Trapped,
    FaultKind::Failed,
    FaultKind::Loop,
    FaultKind::Cancelled,
    FaultKind::Internal,
];

/// What a caller can do. Without a wildcard, so that a new kind is explained here.
const fn advice(kind: FaultKind) -> &'static str {
    match kind {
        FaultKind::NotFound => "Nothing answers at this address. Ask for another.",
        FaultKind::MethodNotAllowed => "Use one of the methods in the `Allow` header.",
        FaultKind::Unauthenticated => {
            "The address is not for everybody. Come with a credential, or with a newer one, as `WWW-Authenticate` says."
        }
        FaultKind::Denied => {
            "No rule in the `callers` of the service lets the caller do this. Its operator can add one."
        }
        FaultKind::Invalid => "Repair the request as `detail` says.",
        FaultKind::TooLarge => "Send less; `detail` names the limit. Over HTTP/1.1 the connection is closed.",
        FaultKind::Deadline => "The work may or may not have been done. Repeat it only if that does no harm.",
        FaultKind::Overloaded => "The call was not begun. Try again after `Retry-After` seconds, and more slowly.",
        FaultKind::RateLimited => {
            "The call was not begun. Call more slowly; `Retry-After` says when the next call may come."
        }
        FaultKind::Unavailable => {
            "No instance can be had now, or the service keeps failing and is left alone; the call was not begun. Try again \
             after `Retry-After` seconds."
        }
        FaultKind::Exhausted => {
            "The call needs more memory, CPU time, stack or other resources than the service may use, or a larger reply, \
             and would again. The operator can raise the limits."
        }
        FaultKind::Trapped => "The service has a defect that this call met. Tell its authors the `instance`.",
        FaultKind::Failed => "The service ended the call without an answer, or with one that is no valid HTTP.",
        FaultKind::Loop => "Services called each other in a chain of more than 16 calls. Tell their authors.",
        FaultKind::Cancelled => "The caller went away. Seen in logs only, since nobody reads the answer.",
        FaultKind::Internal => "The host failed, not the service. Tell its operator the `instance`.",
    }
}

fn table() -> String {
    let rows = KINDS.map(|kind| {
        let entry = entry_of(kind);
        let Entry { urn, status, title, .. } = entry;
        let retry = entry.retry_after.map_or(String::new(), |seconds| format!(", `Retry-After: {seconds}`"));
        format!("| `{urn}` | {status}{retry} | {title} | {} |\n", advice(kind))
    });
    format!("| `type` | status | `title` | what to do |\n|---|---|---|---|\n{}", rows.concat())
}

#[test]
fn the_table_is_the_one_in_the_documentation() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/faults.md");
    let text = std::fs::read_to_string(path).unwrap();
    let (before, rest) = text.split_once("<!-- table -->\n").unwrap();
    let (found, after) = rest.split_once("<!-- end of table -->\n").unwrap();
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(path, format!("{before}<!-- table -->\n{}<!-- end of table -->\n{after}", table())).unwrap();
        return;
    }
    assert_eq!(found, table(), "docs/faults.md is not up to date; run the tests with UPDATE_GOLDEN=1 to rewrite it");
}

#[test]
fn types_are_the_names_of_kinds_and_every_status_can_be_sent() {
    for kind in KINDS {
        let fault = Fault::new(kind, "public").with_details("secret");
        let reply = reply_to(&fault, CallId::new(7));
        assert_eq!(entry_of(kind).urn, format!("urn:patchbay:fault:{kind}"));
        assert_eq!(reply.status().as_u16(), entry_of(kind).status);
        let problem = Problem::of(&fault, CallId::new(7));
        let json = serde_json::to_string(&problem).unwrap();
        assert!(json.contains(r#""instance":"urn:patchbay:call:0000000000000007""#), "{json}");
        assert!(!json.contains("secret") && !json.contains("step"), "{json}");
    }
}

#[test]
fn the_wait_that_is_known_is_told_in_whole_seconds() {
    for (wait, told) in [(None, "1"), (Some(0), "1"), (Some(1), "1"), (Some(1001), "2"), (Some(60_000), "60")] {
        let fault = Fault::new(FaultKind::Unavailable, "it rests");
        let fault = match wait {
            Some(millis) => fault.with_retry_after(std::time::Duration::from_millis(millis)),
            None => fault,
        };
        assert_eq!(reply_to(&fault, CallId::new(7)).headers()[header::RETRY_AFTER], told);
    }
}
