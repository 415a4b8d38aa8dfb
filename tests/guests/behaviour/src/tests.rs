//! Paths and what they mean.

use super::*;

#[test]
fn every_path_means_one_behaviour() {
    let target = Target { secure: false, authority: "127.0.0.1:9".into(), path: "/a?b=1".into() };
    let errand = Errand { target, connect: None, first_byte: Some(5_000_000), between_bytes: None };
    let cases = [
        ("/version", Behaviour::Version),
        ("/config/greeting", Behaviour::Config("greeting".into())),
        ("/drip", Behaviour::Drip { chunks: 5, interval: 100, size: 16 }),
        ("/drip?size=3&chunks=9&interval=0", Behaviour::Drip { chunks: 9, interval: 0, size: 3 }),
        ("/sleep?ms=none", Behaviour::Sleep { ms: 1_000 }),
        ("/lie?promised=1&sent=2", Behaviour::Lie { promised: 1, sent: 2 }),
        ("/fill?mib=3", Behaviour::Fill { mib: 3, times: 10 }),
        ("/exit?code=3", Behaviour::Exit { code: 3 }),
        ("/log?out=a%20b&err=c+d", Behaviour::Log(vec![Line::Out("a b".into()), Line::Err("c d".into())])),
        ("/log?part=a&part=b", Behaviour::Log(vec![Line::Part("a".into()), Line::Part("b".into())])),
        ("/log?part=a&pause=5", Behaviour::Log(vec![Line::Part("a".into()), Line::Pause(5)])),
        ("/log?out=100%&out=%zz", Behaviour::Log(vec![Line::Out("100%".into()), Line::Out("%zz".into())])),
        (
            "/log?warn=stock:low",
            Behaviour::Log(vec![Line::Logged { level: "warn".into(), context: "stock".into(), message: "low".into() }]),
        ),
        ("/outgoing?url=http%3A%2F%2F127.0.0.1%3A9%2Fa%3Fb%3D1&first=5", Behaviour::Outgoing(Some(errand))),
        ("/relay", Behaviour::Relay(None)),
        ("/outgoing?url=ftp://x", Behaviour::Outgoing(None)),
        ("/", Behaviour::Unknown),
        ("/configuration", Behaviour::Unknown),
    ];
    for (path, expected) in cases {
        assert_eq!(Behaviour::from_path(path), expected, "{path}");
    }
}

#[test]
fn a_target_without_a_path_asks_for_the_root() {
    let target = Target::parse("https://example.test").expect("an address");
    assert_eq!((target.secure, target.path.as_str()), (true, "/"));
    assert_eq!(Target::parse("http:///nowhere"), None);
}

#[test]
fn chunks_have_the_size_asked_for() {
    assert_eq!(chunk(0, 4), b"aaa\n");
    assert_eq!(chunk(27, 1), b"\n");
    assert!(chunk(3, 0).is_empty());
}

#[test]
fn the_report_is_json() {
    let report = Report {
        method: "GET".into(),
        path: Some("/headers".into()),
        headers: vec![("x-a".into(), b"1".to_vec()), ("x-a".into(), b"2".to_vec())],
        ..Report::default()
    };
    let parsed: serde_json::Value = serde_json::from_str(&to_json(&report)).expect("JSON");
    assert_eq!(parsed["headers"], serde_json::json!([["x-a", "1"], ["x-a", "2"]]));
    assert_eq!(parsed["authority"], serde_json::Value::Null);
}
