//! Comparing contracts that are written as text.

use super::*;
use crate::decode;

/// A component that imports the interface `name`, with these types and functions.
fn interface(name: &str, body: &str) -> ContractItem {
    let text = format!(r#"(component (import "{name}" (instance {body})))"#);
    let bytes = wat::parse_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"));
    decode(&bytes).unwrap().imports.pop().unwrap()
}

fn stock(body: &str) -> ContractItem {
    interface("shop:inventory/stock@0.1.0", body)
}

/// An interface with one function, `f`.
fn function(types: &str, function: &str) -> ContractItem {
    stock(&format!(r#"{types} (export "f" (func {function}))"#))
}

/// The lines of the difference, without the name of the interface.
fn lines(import: &ContractItem, export: &ContractItem) -> Vec<String> {
    can_serve(export, import).to_string().lines().skip(1).map(|line| line.trim().to_owned()).collect()
}

/// A type of one shape, used in a parameter and in the result.
fn both_ways(shape: &str) -> ContractItem {
    function(&format!(r#"(type $t' {shape}) (export "t" (type $t (eq $t')))"#), r#"(param "p" $t) (result (list $t))"#)
}

#[test]
fn what_is_the_same_can_serve() {
    for shape in [
        "u8",
        r#"(record (field "a" u8) (field "b" string))"#,
        r#"(variant (case "a") (case "b" f32))"#,
        r#"(enum "a" "b")"#,
        r#"(flags "a" "b")"#,
        "(tuple u8 (option s64))",
        "(result char (error bool))",
        "(list (list f64))",
    ] {
        assert_eq!(can_serve(&both_ways(shape), &both_ways(shape)), Diff::default(), "{shape}");
    }
}

#[test]
fn names_have_to_be_on_one_track() {
    let named = |name: &str| interface(name, r#"(export "f" (func))"#);
    for (import, export, serves) in [
        ("a:b/c@1.2.0", "a:b/c@1.9.3", true),
        ("a:b/c@1.9.3", "a:b/c@1.2.0", true),
        ("a:b/c@0.2.1", "a:b/c@0.2.7", true),
        ("a:b/c", "a:b/c", true),
        ("f", "f", true),
        ("a:b/c@1.2.0", "a:b/c@2.0.0", false),
        ("a:b/c@0.2.0", "a:b/c@0.3.0", false),
        ("a:b/c@0.0.1", "a:b/c@0.0.2", false),
        ("a:b/c@0.2.0-rc.1", "a:b/c@0.2.0", false),
        ("a:b/c@0.2.0", "a:b/d@0.2.0", false),
        ("a:b/c@0.2.0", "a:b/c", false),
        ("f", "g", false),
    ] {
        let diff = can_serve(&named(export), &named(import));
        assert_eq!(diff.breaks(), !serves, "{import} by {export}: {diff}");
    }
}

#[test]
fn functions_may_be_added() {
    let one = stock(r#"(export "take" (func (param "sku" string)))"#);
    let two = stock(r#"(export "take" (func (param "sku" string))) (export "count" (func (result u32)))"#);
    assert_eq!(lines(&one, &two), ["+ count: func() -> u32"]);
    assert!(!can_serve(&two, &one).breaks());
    assert_eq!(lines(&two, &one), ["- count: func() -> u32  // breaks: callers may call it"]);
}

#[test]
fn parameters_go_by_position() {
    let ab = function("", r#"(param "a" u32) (param "b" u32)"#);
    for (export, wanted) in [
        (r#"(param "a" u32) (param "c" u32)"#, vec!["~ f(b): b -> c  // parameters are told apart by position"]),
        (
            r#"(param "b" u32) (param "a" u32)"#,
            vec!["~ f: a, b -> b, a  // breaks: parameters are told apart by position"],
        ),
        (r#"(param "a" u32)"#, vec!["- f(b): u32  // breaks: callers pass it"]),
        (r#"(param "a" u32) (param "x" u8) (param "b" u32)"#, vec!["+ f(x): u8  // breaks: callers do not pass it"]),
        (r#"(param "a" u32) (param "b" s32)"#, vec!["~ f(b): u32 -> s32  // breaks: another type"]),
        (
            r#"(param "a" u32) (param "c" string) (result u8)"#,
            vec![
                "~ f(b): b -> c  // parameters are told apart by position",
                "~ f(b): u32 -> string  // breaks: another type",
                "~ f -> result: no result -> u8  // breaks: another result",
            ],
        ),
    ] {
        assert_eq!(lines(&ab, &function("", export)), wanted, "{export}");
    }
    let waiting = stock(r#"(export "f" (func async (param "a" u32) (param "b" u32)))"#);
    assert_eq!(lines(&ab, &waiting), ["~ f: func -> async func  // the host stands between"]);
}

#[test]
fn records_stay_as_they_are() {
    let line = |fields: &str| {
        let types = format!(
            r#"(type $l' (record {fields})) (export "line" (type $l (eq $l')))
            (type $o' (record (field "lines" (list $l)))) (export "order" (type $o (eq $o')))"#
        );
        function(&types, r#"(param "order" $o)"#)
    };
    let old = line(r#"(field "sku" string) (field "qty" u32)"#);
    let rule = "// breaks: records have to have the same fields";
    for (fields, wanted) in [
        (
            r#"(field "sku" string) (field "qty" u64)"#,
            vec!["~ f(order.lines[].qty): u32 -> u64  // breaks: another type".to_owned()],
        ),
        (r#"(field "sku" string)"#, vec![format!("- f(order.lines[].qty): u32  {rule}")]),
        (
            r#"(field "sku" string) (field "qty" u32) (field "note" (option string))"#,
            vec![format!("+ f(order.lines[].note): option<string>  {rule}")],
        ),
        (r#"(field "sku" string) (field "count" u32)"#, vec![format!("~ f(order.lines[].qty): qty -> count  {rule}")]),
        (
            r#"(field "qty" u32) (field "sku" string)"#,
            vec!["~ f(order.lines[]): sku, qty -> qty, sku  // breaks: the order is part of it".to_owned()],
        ),
        (
            r#"(field "sku" string) (field "count" u64)"#,
            vec![format!("- f(order.lines[].qty): u32  {rule}"), format!("+ f(order.lines[].count): u64  {rule}")],
        ),
    ] {
        assert_eq!(lines(&old, &line(fields)), wanted, "{fields}");
    }
}

#[test]
fn cases_may_be_appended_where_the_callee_reads_them() {
    let pair = |old: &str, new: &str| lines(&both_ways(old), &both_ways(new));
    assert_eq!(
        pair(r#"(enum "a" "b")"#, r#"(enum "a" "b" "c")"#),
        ["+ f(p.c): c  // callers need not pass it", "+ f -> result[].c: c  // breaks: callers do not know it"]
    );
    assert_eq!(
        pair(r#"(variant (case "a") (case "b" u8))"#, r#"(variant (case "a"))"#),
        ["- f(p.b): u8  // breaks: callers may pass it", "- f -> result[].b: u8  // it is not returned any more"]
    );
    assert_eq!(
        pair(r#"(flags "a")"#, r#"(flags "a" "b")"#),
        ["+ f(p.b): b  // callers need not pass it", "+ f -> result[].b: b  // breaks: callers do not know it"]
    );
    // A variant can grow out of an enum.
    assert_eq!(pair(r#"(enum "a" "b")"#, r#"(variant (case "a") (case "b"))"#), [""; 0]);
    assert_eq!(
        pair(r#"(enum "a" "b")"#, r#"(variant (case "a") (case "b" u8))"#),
        [
            "~ f(p.b): no payload -> u8  // breaks: the payload of the case is another",
            "~ f -> result[].b: no payload -> u8  // breaks: the payload of the case is another"
        ]
    );
    let rule = "// breaks: cases and flags are numbered in their order: new ones have to be the last";
    assert_eq!(
        pair(r#"(enum "a" "b")"#, r#"(enum "a" "x" "b")"#),
        [format!("+ f(p.x): x  {rule}"), format!("+ f -> result[].x: x  {rule}")]
    );
    assert_eq!(
        pair(r#"(enum "a" "b")"#, r#"(enum "b" "a")"#)[0],
        "~ f(p): a, b -> b, a  // breaks: the order is part of it"
    );
    assert_eq!(pair(r#"(enum "a" "b")"#, r#"(enum "a" "c")"#)[0], format!("~ f(p.b): b -> c  {rule}"));

    let names = |count: usize| (0..count).map(|n| format!(r#" "n{n}""#)).collect::<String>();
    assert_eq!(
        pair(&format!("(enum{})", names(256)), &format!("(enum{})", names(257)))[0],
        "~ f(p): 256 in 1 bytes -> 257 in 2 bytes  // breaks: so many cases or flags are packed in another width"
    );
}

#[test]
fn other_types_break() {
    for (old, new, wanted) in [
        ("u8", "s8", "~ f(p): u8 -> s8  // breaks: another type"),
        ("string", "(list char)", "~ f(p): string -> list<char>  // breaks: another type"),
        ("(option u8)", "u8", "~ f(p): option<u8> -> u8  // breaks: another type"),
        ("(option u8)", "(option u16)", "~ f(p?): u8 -> u16  // breaks: another type"),
        ("(tuple u8 u8)", "(tuple u8)", "~ f(p): tuple<u8, u8> -> tuple<u8>  // breaks: another type"),
        ("(tuple u8 u8)", "(tuple u8 bool)", "~ f(p.1): u8 -> bool  // breaks: another type"),
        ("(result u8)", "(result u16)", "~ f(p.ok): u8 -> u16  // breaks: another type"),
        (
            "(result)",
            "(result (error u8))",
            "~ f(p.err): no payload -> u8  // breaks: the payload of the case is another",
        ),
        (r#"(record (field "a" u8))"#, "(tuple u8)", "~ f(p): record t -> tuple<u8>  // breaks: another type"),
        (r#"(enum "a")"#, r#"(flags "a")"#, "~ f(p): enum t -> flags t  // breaks: another type"),
        ("bool", r#"(enum "false" "true")"#, "~ f(p): bool -> enum t  // breaks: another type"),
    ] {
        assert_eq!(lines(&both_ways(old), &both_ways(new))[0], wanted, "{old} {new}");
    }
}

#[test]
fn what_cannot_cross_breaks_for_another_service_and_is_no_change() {
    let files = stock(
        r#"(export "file" (type $file (sub resource)))
        (export "[method]file.read" (func (param "self" (borrow $file)) (result (stream u8))))"#,
    );
    let diff = can_serve(&files, &files);
    assert!(diff.to_string().contains("~ file.read(self): borrow<file>  // breaks: it cannot cross"), "{diff}");
    let contract = |export: &ContractItem| Contract {
        imports: Vec::new(),
        exports: vec![export.clone()],
        language: None,
        producers: Vec::new(),
    };
    assert!(compare_exports(&contract(&files), &contract(&files)).is_empty());
}

#[test]
fn revisions_are_compared_by_their_exports() {
    let contract = |exports: &[ContractItem]| Contract {
        imports: Vec::new(),
        exports: exports.to_vec(),
        language: None,
        producers: Vec::new(),
    };
    let old = contract(&[
        interface("shop:inventory/stock@0.1.0", r#"(export "take" (func (param "n" u32)))"#),
        interface("shop:inventory/audit@0.1.0", r#"(export "list" (func (result (list string))))"#),
    ]);
    let new = contract(&[
        interface("shop:inventory/stock@0.1.2", r#"(export "take" (func (param "n" u64)))"#),
        interface("shop:inventory/audit@0.2.0", r#"(export "list" (func (result (list string))))"#),
    ]);
    let diff = compare_exports(&old, &new);
    assert_eq!(
        diff.to_string(),
        "shop:inventory/stock@0.1.0\n  ~ take(n): u32 -> u64  // breaks: another type\n\
         shop:inventory/audit@0.1.0\n  - shop:inventory/audit@0.1.0  // breaks: callers may import it\n\
         shop:inventory/audit@0.2.0\n  + shop:inventory/audit@0.2.0"
    );
    let json = serde_json::to_value(&diff).unwrap();
    assert_eq!(
        json["changes"][0],
        serde_json::json!({
            "interface": "shop:inventory/stock@0.1.0", "path": "take(n)", "kind": "changed", "breaking": true,
            "before": "u32", "after": "u64", "note": "another type"
        })
    );
    assert!(compare_exports(&old, &old).is_empty());
}

#[test]
fn work_and_text_are_bounded() {
    let doubled = |leaf: &str| {
        let types: String = (0..15).map(|level| format!("(type (tuple {level} {level}))")).collect();
        stock(&format!(
            r#"(type (tuple {leaf} {leaf})) {types} (export "t" (type $t (eq 15))) (export "f" (func (param "p" $t)))"#
        ))
    };
    let diff = can_serve(&doubled("u8"), &doubled("s8"));
    assert_eq!((diff.changes.len(), diff.omitted), (200, (1 << 16) - 200));
    assert!(diff.breaks() && diff.to_string().ends_with("... and 65336 more"));

    let long = |name: &str| function("", &format!(r#"(param "{}" u8)"#, name.repeat(10_000)));
    let text = can_serve(&long("a"), &long("b")).to_string();
    assert!(text.len() < 1000, "{text}");
}
