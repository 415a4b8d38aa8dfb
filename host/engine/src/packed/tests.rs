//! Packed values against wasmtime's own `Val`, with the same components: both have to agree on every type and value.
//!
//! The component of a test has an export that passes its parameter on to an import of the same type, and gives back
//! what that gives. So each value is lifted and lowered twice, once on each side of the guest.

mod echo;
mod hostile;
mod values;

use std::sync::{Arc, Mutex};

use proptest::prelude::*;
use wasmtime::component::{Component, Instance, Linker, Val};
use wasmtime::{Config, Engine, Store};

use super::{Arity, Packed, arity::ByArity};
use echo::Encoding;
use values::{Kind, kind_and_value};

type Seen<T> = Arc<Mutex<Option<T>>>;

/// An instance whose import takes packed values, and remembers them.
struct ImportPacked<'a> {
    linker: &'a mut Linker<()>,
    seen: Seen<Vec<u8>>,
}

impl ByArity for ImportPacked<'_> {
    type Output = ();

    fn with<const P: usize, const R: usize>(self) {
        let seen = self.seen;
        let echo = move |_: wasmtime::StoreContextMut<'_, ()>, Packed(bytes): Packed<P>| {
            *seen.lock().unwrap() = Some(bytes.to_vec());
            Ok(Packed::<R>(bytes))
        };
        self.linker.root().func_wrap("f", echo).unwrap();
    }
}

/// Calls the export with packed values.
struct CallPacked<'a> {
    store: &'a mut Store<()>,
    instance: Instance,
    bytes: Vec<u8>,
}

impl ByArity for CallPacked<'_> {
    type Output = wasmtime::Result<Vec<u8>>;

    fn with<const P: usize, const R: usize>(self) -> Self::Output {
        let function = self.instance.get_func(&mut *self.store, "g").unwrap();
        let function = function.typed::<Packed<P>, Packed<R>>(&*self.store)?;
        function.call(&mut *self.store, Packed(self.bytes.into())).map(|Packed(bytes)| bytes.into())
    }
}

/// The component that echoes values of this kind, and what its function takes and gives.
struct Bench {
    component: Component,
    arity: Arity,
}

impl Bench {
    fn new(engine: &Engine, kind: &Kind, encoding: Encoding) -> Self {
        let text = echo::component(kind, encoding);
        let component = echo::compile(engine, &text);
        let wasmtime::component::types::ComponentItem::ComponentFunc(function) =
            component.component_type().get_export(engine, "g").unwrap().ty
        else {
            panic!("`g` is a function");
        };
        Self { arity: Arity::of(&function), component }
    }

    /// Sends `value` through as `Val`; returns what came back, and the packed form that the import saw.
    fn send(&self, engine: &Engine, value: &Val) -> (Val, Vec<u8>) {
        let (mut linker, seen) = (Linker::new(engine), Seen::default());
        self.arity.choose(ImportPacked { linker: &mut linker, seen: seen.clone() });
        let mut store = Store::new(engine, ());
        let instance = linker.instantiate(&mut store, &self.component).unwrap();
        let mut back = [Val::Bool(false)];
        let function = instance.get_func(&mut store, "g").unwrap();
        function.call(&mut store, std::slice::from_ref(value), &mut back).unwrap();
        let [back] = back;
        (back, seen.lock().unwrap().take().unwrap())
    }

    /// Sends a value both ways; it has to come back the same.
    fn hands_over(&self, engine: &Engine, value: &Val) {
        let (back, bytes) = self.send(engine, value);
        assert_eq!(back, *value);
        let (packed, seen) = self.send_packed(engine, bytes.clone()).unwrap();
        assert_eq!((packed, seen.as_ref()), (bytes, Some(value)));
    }

    /// Sends packed values through; returns what came back, and the value that the import saw.
    fn send_packed(&self, engine: &Engine, bytes: Vec<u8>) -> wasmtime::Result<(Vec<u8>, Option<Val>)> {
        let (mut linker, seen) = (Linker::new(engine), Seen::<Val>::default());
        let sees = seen.clone();
        let echo = move |_: wasmtime::StoreContextMut<'_, ()>, _, params: &[Val], results: &mut [Val]| {
            *sees.lock().unwrap() = params.first().cloned();
            results.clone_from_slice(params);
            Ok(())
        };
        linker.root().func_new("f", echo).unwrap();
        let mut store = Store::new(engine, ());
        let instance = linker.instantiate(&mut store, &self.component).unwrap();
        let back = self.arity.choose(CallPacked { store: &mut store, instance, bytes })?;
        Ok((back, seen.lock().unwrap().take()))
    }
}

fn engine() -> Engine {
    let mut config = Config::new();
    config.concurrency_support(false).wasm_component_model_fixed_length_lists(true);
    Engine::new(&config).unwrap()
}

proptest! {
    // Each case compiles a component.
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn both_ways_agree_on_every_value((kind, value) in kind_and_value(), encoding in values::encoding()) {
        let engine = engine();
        let bench = Bench::new(&engine, &kind, encoding);
        let (back, bytes) = bench.send(&engine, &value);
        prop_assert_eq!(&back, &value, "a value comes back as it went");
        let (back, seen) = bench.send_packed(&engine, bytes.clone()).unwrap();
        prop_assert_eq!(back, bytes, "so do its packed bytes");
        prop_assert_eq!(seen, Some(value), "and they mean the same");
    }

    #[test]
    fn noise_is_refused_or_is_a_value((kind, _) in kind_and_value(), noise: Vec<u8>) {
        let engine = engine();
        let bench = Bench::new(&engine, &kind, Encoding::Utf8);
        if let Ok((back, _)) = bench.send_packed(&engine, noise.clone()) {
            prop_assert_eq!(back.len(), noise.len());
        }
    }
}

#[test]
fn packed_bytes_are_as_specified() {
    let engine = engine();
    let text = |text: &str| Val::String(text.to_owned());
    let nan32 = f32::from_bits(0xffc0_1234);
    for (kind, value, bytes) in [
        (Kind::Bool, Val::Bool(true), &[1][..]),
        (Kind::S8, Val::S8(-2), &[0xfe]),
        (Kind::S16, Val::S16(-2), &[0xfe, 0xff]),
        (Kind::Char, Val::Char('é'), &[0xe9, 0, 0, 0]),
        (Kind::F32, Val::Float32(nan32), &[0, 0, 0xc0, 0x7f]),
        (Kind::List(Box::new(Kind::F32)), Val::List(vec![Val::Float32(nan32)]), &[1, 0, 0, 0, 0, 0, 0xc0, 0x7f]),
        (Kind::F64, Val::Float64(f64::NAN), &[0, 0, 0, 0, 0, 0, 0xf8, 0x7f]),
        (Kind::String, text("né"), &[3, 0, 0, 0, b'n', 0xc3, 0xa9]),
        (Kind::List(Box::new(Kind::U16)), Val::List(vec![Val::U16(1), Val::U16(2)]), &[2, 0, 0, 0, 1, 0, 2, 0]),
        (Kind::List(Box::new(Kind::U8)), Val::List(vec![]), &[0, 0, 0, 0]),
        (
            Kind::Option(Box::new(Kind::Option(Box::new(Kind::U8)))),
            Val::Option(Some(Box::new(Val::Option(None)))),
            &[1, 0],
        ),
        (Kind::Flags(32), Val::Flags(vec!["f0".to_owned(), "f31".to_owned()]), &[1, 0, 0, 0x80]),
        (Kind::Flags(3), Val::Flags(vec!["f2".to_owned()]), &[4, 0, 0, 0]),
        (Kind::Enum(256), Val::Enum("c255".to_owned()), &[255]),
        (Kind::Enum(300), Val::Enum("c258".to_owned()), &[2, 1]),
        (
            Kind::Variant(vec![None, Some(Kind::F32), Some(Kind::U64)]),
            Val::Variant("c1".to_owned(), Some(Box::new(Val::Float32(1.0)))),
            &[1, 0, 0, 0x80, 0x3f],
        ),
        (
            Kind::Record(vec![Kind::U8, Kind::U32]),
            Val::Record(vec![("f0".to_owned(), Val::U8(1)), ("f1".to_owned(), Val::U32(2))]),
            &[1, 2, 0, 0, 0],
        ),
    ] {
        for encoding in [Encoding::Utf8, Encoding::Utf16, Encoding::Latin1OrUtf16] {
            let bench = Bench::new(&engine, &kind, encoding);
            assert_eq!(bench.send(&engine, &value).1, bytes, "{kind:?} {encoding:?}");
            assert_eq!(bench.send_packed(&engine, bytes.to_vec()).unwrap().0, bytes, "{kind:?} {encoding:?}");
        }
    }
}

#[test]
fn many_parameters_go_through_memory() {
    let engine = engine();
    let fields = |count| Kind::Record(vec![Kind::U32; count]);
    let value = |count| Val::Record((0..count).map(|index| (format!("f{index}"), Val::U32(index as u32))).collect());
    for count in [16, 17, 40] {
        let bench = Bench::new(&engine, &fields(count), Encoding::Utf8);
        let (back, bytes) = bench.send(&engine, &value(count));
        assert_eq!((&back, bytes.len()), (&value(count), 4 * count));
        let (packed, seen) = bench.send_packed(&engine, bytes.clone()).unwrap();
        assert_eq!((packed, seen), (bytes, Some(back)));
    }
}

/// What is staged in the host goes to the guest in one piece or in several, and the last may be a short one.
#[test]
fn lists_arrive_whole_in_however_many_pieces() {
    let engine = engine();
    let pair = |index: u8| Val::Tuple(vec![Val::U8(index), Val::String("x".repeat(usize::from(index)))]);
    let numbers = |index: u8| Val::Tuple((0..40).map(|number| Val::U32(u32::from(index) * 100 + number)).collect());
    let small = Kind::Tuple(vec![Kind::U8, Kind::String]);
    let large = Kind::Tuple(vec![Kind::U32; 40]);
    for (kind, value, counts) in
        [(small, &pair as &dyn Fn(u8) -> Val, &[0, 1, 9, 10, 11, 20, 21, 200][..]), (large, &numbers, &[0, 1, 2, 3])]
    {
        let bench = Bench::new(&engine, &Kind::List(Box::new(kind)), Encoding::Utf8);
        for count in counts {
            bench.hands_over(&engine, &Val::List((0..*count).map(value).collect()));
        }
    }
}

/// Which of many cases holds, takes two bytes in memory.
#[test]
fn cases_beyond_the_first_256_are_told_apart_in_memory() {
    let engine = engine();
    for count in [256, 257, 300] {
        let bench = Bench::new(&engine, &Kind::List(Box::new(Kind::Enum(count))), Encoding::Utf8);
        bench.hands_over(&engine, &Val::List((0..count).map(|case| Val::Enum(format!("c{case}"))).collect()));
    }
}

#[test]
fn large_lists_move_whole() {
    let engine = engine();
    let bench = Bench::new(&engine, &Kind::List(Box::new(Kind::U8)), Encoding::Utf8);
    let (mut linker, seen) = (Linker::new(&engine), Seen::default());
    bench.arity.choose(ImportPacked { linker: &mut linker, seen: seen.clone() });
    let mut store = Store::new(&engine, ());
    let instance = linker.instantiate(&mut store, &bench.component).unwrap();
    let size = 64 << 20;
    let mut bytes = (size as u32).to_le_bytes().to_vec();
    bytes.resize(4 + size, 7);
    let back = bench.arity.choose(CallPacked { store: &mut store, instance, bytes: bytes.clone() }).unwrap();
    assert!(back == bytes && seen.lock().unwrap().as_ref() == Some(&bytes));
}
