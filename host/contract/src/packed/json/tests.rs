//! What JSON may say, and how mistakes in it are told.

use serde_json::{Value, json};

use super::super::tests::{around, field, line, names, option, plain, shape};
use super::*;
use crate::Param;

#[test]
fn other_notations_are_read() {
    for (ty, json, bytes) in [
        (plain(Shape::U64), json!("7"), &[7, 0, 0, 0, 0, 0, 0, 0][..]),
        (plain(Shape::S64), json!("-1"), &[0xff; 8]),
        (plain(Shape::U16), json!(1e3), &[0xe8, 3]),
        (plain(Shape::F32), json!(1), &[0, 0, 0x80, 0x3f]),
        (plain(Shape::F64), json!("Infinity"), &[0, 0, 0, 0, 0, 0, 0xf0, 0x7f]),
        (plain(Shape::List(plain(Shape::U8))), json!([1, 2]), &[2, 0, 0, 0, 1, 2]),
        (plain(Shape::List(plain(Shape::U8))), json!("AQI"), &[2, 0, 0, 0, 1, 2]),
        (plain(Shape::Flags(names(&["r", "w"]))), json!(["w", "r", "w"]), &[3, 0, 0, 0]),
        (line(), json!({"qty": 1, "sku": ""}), &[0, 0, 0, 0, 1, 0, 0]),
    ] {
        assert_eq!(from_json(&ty, &json).as_deref(), Ok(bytes), "{ty} {json}");
    }
}

#[test]
fn mistakes_are_told_with_their_place() {
    let order = Type::named("order", Shape::Record(vec![field("lines", plain(Shape::List(line())))]));
    let result = plain(Shape::Result { ok: Some(plain(Shape::U8)), err: None });
    for (ty, json, wanted) in [
        (
            order.clone(),
            json!({"lines": [{"sku": "a", "qty": 1}, {"sku": "b", "qty": "two"}]}),
            "`value.lines[1].qty`: expected `u16`, found the string \"two\"",
        ),
        (
            order.clone(),
            json!({"lines": [{"sku": "a", "qyt": 1}]}),
            "`value.lines[0]`: expected a record with sku, qty, note, found a field `qyt`",
        ),
        (
            order.clone(),
            json!({"lines": [{"sku": "a"}]}),
            "`value.lines[0].qty`: expected `u16`, found nothing: the field is missing",
        ),
        (order, json!([]), "`value`: expected `order` (record { lines: list<line> }), found an array of 0"),
        (plain(Shape::U8), json!(256), "`value`: expected `u8`, found 256, which is out of its range"),
        (plain(Shape::U8), json!(1.5), "found 1.5"),
        (plain(Shape::U8), json!("1"), "found the string \"1\""),
        (plain(Shape::U64), json!("+1"), "found the string \"+1\""),
        (plain(Shape::U64), json!("99999999999999999999"), "found 99999999999999999999, which is out of its range"),
        (plain(Shape::U64), json!(1e300), "found 1e+300"),
        (plain(Shape::F32), json!(1e300), "found 1e+300"),
        (plain(Shape::F64), json!("inf"), "found the string \"inf\""),
        (plain(Shape::Char), json!("ab"), "found the string \"ab\", which is not one character"),
        (plain(Shape::Bool), json!(null), "expected `bool`, found null"),
        (plain(Shape::List(plain(Shape::U8))), json!("a!"), "a string that is no base64"),
        (plain(Shape::FixedList(plain(Shape::U8), 3)), json!("AQI="), "expected `list<u8, 3>`, found 2 bytes"),
        (plain(Shape::Tuple(vec![line()])), json!([1, 2]), "found an array of 2"),
        (shape(), json!("square"), "found the case `square`"),
        (shape(), json!("circle"), "`value.circle`: expected `f32`, found nothing: the case has a payload"),
        (shape(), json!({"dot": 1}), "found a payload for `dot`, which has none: write \"dot\""),
        (shape(), json!({"dot": 1, "circle": 1}), "found an object with 2 keys, where the one key is the case"),
        (plain(Shape::Flags(names(&["r"]))), json!(["w"]), "expected `flags { r }`, found the flag `w`"),
        (plain(Shape::Flags(names(&["r"]))), json!([1]), "found 1 for a flag"),
        (option(option(plain(Shape::U8))), json!(5), "found 5; write {\"some\": ...}"),
        (option(option(plain(Shape::U8))), json!({}), "found an empty object; write {\"some\": ...}"),
        (result.clone(), json!({"fine": 1}), "found `fine`, which is neither `ok` nor `err`"),
        (result.clone(), json!({"err": 1}), "found a payload for `err`, which has none: write null"),
        (result, json!("ok"), "expected `result<u8>`, found the string \"ok\""),
    ] {
        let error = from_json(&ty, &json).unwrap_err().to_string();
        assert!(error.contains(wanted), "{wanted}: {error}");
    }
}

#[test]
fn calls_are_objects_or_arrays() {
    let param = |name: &str, ty: Type| Param { name: name.to_owned(), ty };
    let params = vec![
        param("sku", plain(Shape::String)),
        param("qty", plain(Shape::U8)),
        param("note", option(plain(Shape::Bool))),
    ];
    let reserve = Function { params, result: None, ..around(&line()) };
    let bytes = [1, 0, 0, 0, b'x', 3, 0];
    for json in [json!({"qty": 3, "sku": "x"}), json!(["x", 3]), json!(["x", 3, null])] {
        assert_eq!(arguments_from_json(&reserve, &json).as_deref(), Ok(&bytes[..]), "{json}");
    }
    assert_eq!(arguments_to_json(&reserve, &bytes), Ok(json!({"sku": "x", "qty": 3, "note": null})));
    for (json, wanted) in [
        (
            json!({"sku": "x", "count": 3}),
            "`f`: expected `func(sku: string, qty: u8, note: option<bool>)`, found an argument `count`",
        ),
        (json!(["x"]), "`qty`: expected `u8`, found nothing: the argument is missing"),
        (json!(["x", 1, true, 4]), "found 4 arguments"),
        (json!("x"), "found the string \"x\"; arguments are an object or an array"),
        (json!(["x", "y"]), "`qty`: expected `u8`, found the string \"y\""),
    ] {
        let error = arguments_from_json(&reserve, &json).unwrap_err().to_string();
        assert!(error.contains(wanted), "{wanted}: {error}");
    }
    assert_eq!(result_to_json(&reserve, &[]), Ok(Value::Null));
    assert_eq!(result_from_json(&reserve, &Value::Null), Ok(Vec::new()));
    assert!(result_from_json(&reserve, &json!(1)).is_err() && result_to_json(&reserve, &[0]).is_err());
    let number = Function { result: Some(plain(Shape::U8)), ..reserve };
    assert_eq!(result_to_json(&number, &[4]), Ok(json!(4)));
    assert_eq!(result_from_json(&number, &json!(4)), Ok(vec![4]));
}
