//! Random types, and values of them.

use proptest::collection::vec;
use proptest::prelude::*;
use wasmtime::component::Val;

use super::echo::Encoding;

/// A type.
#[derive(Debug, Clone)]
pub(super) enum Kind {
    Bool,
    U8,
    S8,
    U16,
    S16,
    U32,
    S32,
    U64,
    S64,
    F32,
    F64,
    Char,
    String,
    List(Box<Kind>),
    Fixed(Box<Kind>, u32),
    Tuple(Vec<Kind>),
    Record(Vec<Kind>),
    Variant(Vec<Option<Kind>>),
    Enum(usize),
    Flags(usize),
    Option(Box<Kind>),
    Result(Option<Box<Kind>>, Option<Box<Kind>>),
}

impl Kind {
    /// The core types of its flat values (Component Model, canonical ABI, `flatten_type`).
    pub(super) fn flat(&self) -> Vec<&'static str> {
        match self {
            Self::U64 | Self::S64 => vec!["i64"],
            Self::F32 => vec!["f32"],
            Self::F64 => vec!["f64"],
            Self::String | Self::List(_) => vec!["i32", "i32"],
            Self::Fixed(element, count) => element.flat().repeat(*count as usize),
            Self::Tuple(parts) | Self::Record(parts) => parts.iter().flat_map(Self::flat).collect(),
            Self::Variant(cases) => flat_cases(cases.iter().map(Option::as_ref)),
            Self::Option(some) => flat_cases([None, Some(&**some)].into_iter()),
            Self::Result(ok, err) => flat_cases([ok.as_deref(), err.as_deref()].into_iter()),
            Self::Flags(count) => vec!["i32"; count.div_ceil(32)],
            _ => vec!["i32"],
        }
    }

    /// Values of it. Not-a-number is left out, because it equals nothing.
    fn value(&self) -> BoxedStrategy<Val> {
        match self.clone() {
            Self::Bool => any::<bool>().prop_map(Val::Bool).boxed(),
            Self::U8 => any::<u8>().prop_map(Val::U8).boxed(),
            Self::S8 => any::<i8>().prop_map(Val::S8).boxed(),
            Self::U16 => any::<u16>().prop_map(Val::U16).boxed(),
            Self::S16 => any::<i16>().prop_map(Val::S16).boxed(),
            Self::U32 => any::<u32>().prop_map(Val::U32).boxed(),
            Self::S32 => any::<i32>().prop_map(Val::S32).boxed(),
            Self::U64 => any::<u64>().prop_map(Val::U64).boxed(),
            Self::S64 => any::<i64>().prop_map(Val::S64).boxed(),
            Self::F32 => any::<f32>().prop_filter("a number", |number| !number.is_nan()).prop_map(Val::Float32).boxed(),
            Self::F64 => any::<f64>().prop_filter("a number", |number| !number.is_nan()).prop_map(Val::Float64).boxed(),
            Self::Char => any::<char>().prop_map(Val::Char).boxed(),
            Self::String => {
                prop_oneof!["[ -~]{0,12}", "[\u{20}-\u{ff}]{0,12}", "\\PC{0,12}"].prop_map(Val::String).boxed()
            }
            Self::List(element) => vec(element.value(), 0..5).prop_map(Val::List).boxed(),
            Self::Fixed(element, count) => vec(element.value(), count as usize).prop_map(Val::FixedLengthList).boxed(),
            Self::Tuple(parts) => each(&parts).prop_map(Val::Tuple).boxed(),
            Self::Record(parts) => each(&parts)
                .prop_map(|parts| {
                    Val::Record((0..).zip(parts).map(|(index, part)| (format!("f{index}"), part)).collect())
                })
                .boxed(),
            Self::Variant(cases) => (0..cases.len())
                .prop_flat_map(move |index| {
                    let payload = payload(cases[index].as_ref());
                    payload.prop_map(move |payload| Val::Variant(format!("c{index}"), payload))
                })
                .boxed(),
            Self::Enum(count) => (0..count).prop_map(|index| Val::Enum(format!("c{index}"))).boxed(),
            Self::Flags(count) => vec(any::<bool>(), count)
                .prop_map(|set| {
                    let names = set.iter().enumerate().filter(|(_, set)| **set).map(|(index, _)| format!("f{index}"));
                    Val::Flags(names.collect())
                })
                .boxed(),
            Self::Option(some) => prop_oneof![Just(None), some.value().prop_map(|value| Some(Box::new(value)))]
                .prop_map(Val::Option)
                .boxed(),
            Self::Result(ok, err) => prop_oneof![
                payload(ok.as_deref()).prop_map(|ok| Val::Result(Ok(ok))),
                payload(err.as_deref()).prop_map(|err| Val::Result(Err(err))),
            ]
            .boxed(),
        }
    }
}

fn flat_cases<'a>(payloads: impl Iterator<Item = Option<&'a Kind>>) -> Vec<&'static str> {
    let mut joined = Vec::new();
    for payload in payloads.flatten() {
        for (index, core) in payload.flat().into_iter().enumerate() {
            match joined.get_mut(index) {
                None => joined.push(core),
                Some(other) if *other == core => {}
                Some(other) if matches!((*other, core), ("i32", "f32") | ("f32", "i32")) => *other = "i32",
                Some(other) => *other = "i64",
            }
        }
    }
    joined.insert(0, "i32");
    joined
}

fn each(parts: &[Kind]) -> BoxedStrategy<Vec<Val>> {
    parts.iter().map(Kind::value).collect::<Vec<_>>().boxed()
}

fn payload(kind: Option<&Kind>) -> BoxedStrategy<Option<Box<Val>>> {
    kind.map_or(Just(None).boxed(), |kind| kind.value().prop_map(|value| Some(Box::new(value))).boxed())
}

fn kind() -> impl Strategy<Value = Kind> {
    use Kind as K;
    let simple =
        [K::Bool, K::U8, K::S8, K::U16, K::S16, K::U32, K::S32, K::U64, K::S64, K::F32, K::F64, K::Char, K::String];
    let leaf = prop_oneof![
        12 => proptest::sample::select(simple.to_vec()),
        1 => prop_oneof![Just(1usize), Just(5), Just(256), Just(257), Just(300)].prop_map(K::Enum),
        1 => prop_oneof![Just(1usize), Just(8), Just(9), Just(17), Just(32)].prop_map(K::Flags),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        let payload = || proptest::option::of(inner.clone());
        prop_oneof![
            inner.clone().prop_map(|element| K::List(Box::new(element))),
            (inner.clone(), 1..4u32).prop_map(|(element, count)| K::Fixed(Box::new(element), count)),
            vec(inner.clone(), 1..5).prop_map(K::Tuple),
            vec(inner.clone(), 1..5).prop_map(K::Record),
            vec(payload(), 1..5).prop_map(K::Variant),
            inner.clone().prop_map(|some| K::Option(Box::new(some))),
            (payload(), payload()).prop_map(|(ok, err)| K::Result(ok.map(Box::new), err.map(Box::new))),
        ]
    })
}

/// A type and a value of it.
pub(super) fn kind_and_value() -> impl Strategy<Value = (Kind, Val)> {
    kind().prop_flat_map(|kind| {
        let value = kind.value();
        (Just(kind), value)
    })
}

/// Any of the encodings.
pub(super) fn encoding() -> impl Strategy<Value = Encoding> {
    proptest::sample::select(vec![Encoding::Utf8, Encoding::Utf16, Encoding::Latin1OrUtf16])
}
