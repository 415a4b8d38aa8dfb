//! What guests print.

use patchbay_model::{InstancePolicy, LogLevel, LogStream, empty_body};

use crate::harness::{PATIENCE, Rig, call, every_way, until};

#[tokio::test(flavor = "multi_thread")]
async fn lines_become_records_of_their_call() {
    for (guest, policy) in every_way() {
        let rig = Rig::new();
        let service = rig.probe(guest, policy).await;
        let (call, _) = call("/log?out=one&err=two&out=&out=three%0D%0Afour", empty_body(), PATIENCE);
        let id = call.context.id.to_string();
        drop(service.serve(call).await.unwrap());
        until(|| rig.log.records().len() == 5).await;
        let records = rig.log.records();
        let mut lines: Vec<_> = records.iter().map(|record| (record.stream, record.line.as_str())).collect();
        lines.sort_by_key(|(stream, _)| *stream == LogStream::Stderr);
        let expected = [
            (LogStream::Stdout, "one"),
            (LogStream::Stdout, ""),
            (LogStream::Stdout, "three"),
            (LogStream::Stdout, "four"),
            (LogStream::Stderr, "two"),
        ];
        assert_eq!(lines, expected, "{guest} {policy:?}");
        for record in &records {
            assert_eq!((record.service.as_deref(), record.revision), (Some("probe"), Some(7)));
            assert_eq!(record.call.as_deref(), Some(id.as_str()), "{guest} {policy:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn lines_of_calls_that_share_an_instance_belong_to_none() {
    let rig = Rig::new();
    let service = rig.probe("probe3.wasm", InstancePolicy::Concurrent).await;
    service.prepared.warm().await.unwrap();
    let (_, printed) = tokio::join!(service.get("/sleep?ms=300"), async {
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        service.get("/log?out=shared").await
    });
    assert_eq!(printed.unwrap().0, 200);
    let records = rig.log.records();
    assert_eq!(records.len(), 1);
    assert_eq!((records[0].line.as_str(), records[0].call.as_deref()), ("shared", None));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_line_without_an_end_ends_with_its_call() {
    for (guest, policy) in every_way() {
        let rig = Rig::new();
        let service = rig.probe(guest, policy).await;
        for turn in 1..=2 {
            let (call, _) = call("/log?part=ha&part=lf&out=whole", empty_body(), PATIENCE);
            let id = call.context.id.to_string();
            drop(service.serve(call).await.unwrap());
            until(|| rig.log.records().len() == 2 * turn).await;
            let records = rig.log.records().split_off(2 * (turn - 1));
            let mut lines: Vec<_> = records.iter().map(|record| record.line.as_str()).collect();
            lines.sort_unstable();
            assert_eq!(lines, ["half", "whole"], "{guest} {policy:?}");
            assert!(records.iter().all(|record| record.call.as_deref() == Some(id.as_str())), "{guest} {policy:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_line_without_an_end_ends_with_its_instance() {
    for (guest, policy) in every_way() {
        let rig = Rig::new();
        let service = rig.probe(guest, policy).await;
        let (call, _) = call("/log?part=half&out=whole&pause=600000", empty_body(), PATIENCE);
        let id = call.context.id.to_string();
        tokio::select! {
            _ = service.serve(call) => panic!("it says more, but in ten minutes"),
            () = until(|| rig.log.records().len() == 1) => {}
        }
        until(|| rig.log.records().len() == 2).await;
        let records = rig.log.records();
        assert_eq!([&*records[0].line, &*records[1].line], ["whole", "half"], "{guest} {policy:?}");
        assert!(records.iter().all(|record| record.call.as_deref() == Some(id.as_str())), "{guest} {policy:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_message_of_a_panic_is_logged() {
    for (guest, policy) in every_way() {
        let rig = Rig::new();
        let service = rig.probe(guest, policy).await;
        service.get("/panic").await.unwrap_err();
        let lines: Vec<_> = rig.log.records().into_iter().map(|record| record.line).collect();
        assert!(lines.iter().any(|line| line.contains("the probe was asked to panic")), "{guest}: {lines:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn long_lines_are_cut() {
    for (guest, policy) in every_way() {
        let rig = Rig::new();
        let service = rig.probe(guest, policy).await;
        let long = "x".repeat(20_000);
        service.get(&format!("/log?out={long}&out=next")).await.unwrap();
        until(|| rig.log.records().len() == 2).await;
        let records = rig.log.records();
        assert!(records[0].line.starts_with("xxx") && records[0].line.ends_with("longer than 8 KiB]"));
        assert!(records[0].line.len() < 8_300 && records[1].line == "next");
        service.get(&format!("/log?info=a:{long}")).await.unwrap();
        until(|| rig.log.records().len() == 3).await;
        assert!(rig.log.records()[2].line == records[0].line, "logged lines are cut like printed ones");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_logged_has_its_level_and_context() {
    for (guest, policy) in every_way() {
        let rig = Rig::new();
        let service = rig.probe(guest, policy).await;
        let long = "c".repeat(300);
        let path = format!("/log?warn=stock:low%0Avery+low%0A&critical=:out&trace={long}:&out=printed");
        let (call, _) = call(&path, empty_body(), PATIENCE);
        let id = call.context.id.to_string();
        drop(service.serve(call).await.unwrap());
        until(|| rig.log.records().len() == 5).await;
        let records = rig.log.records();
        let found: Vec<_> = records
            .iter()
            .map(|record| (record.stream, record.level, record.context.as_deref(), record.line.as_str()))
            .collect();
        let expected = [
            (LogStream::Logging, Some(LogLevel::Warn), Some("stock"), "low"),
            (LogStream::Logging, Some(LogLevel::Warn), Some("stock"), "very low"),
            (LogStream::Logging, Some(LogLevel::Critical), None, "out"),
            (LogStream::Logging, Some(LogLevel::Trace), Some(&long[..256]), ""),
            (LogStream::Stdout, None, None, "printed"),
        ];
        assert_eq!(found, expected, "{guest} {policy:?}");
        assert!(records.iter().all(|record| record.call.as_deref() == Some(id.as_str())), "{guest} {policy:?}");
    }
}
