//! The walk through two contracts at a time.

use super::change::{Change, ChangeKind, Diff};
use super::members::Member;
use crate::path::{Path, Step};
use crate::short::short;
use crate::{Function, Local, Obstacle, Shape, Type};

/// Pairs of types that are looked at. Contracts that were decoded have no more; types that were made by hand may.
const LOOKS: usize = 1 << 22;

/// How deep the walk goes. Types that were decoded are no deeper.
const DEPTH: usize = 128;

/// Which way values go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Flow {
    /// From the caller, who knows the type before, to the callee, who knows the one after.
    Argument,
    /// From the callee back to the caller.
    Result,
}

/// A place in both contracts.
#[derive(Clone, Copy)]
pub(super) struct Place<'a> {
    pub(super) function: &'a Function,
    pub(super) flow: Flow,
    pub(super) path: Path<'a>,
}

impl<'a> Place<'a> {
    pub(super) fn then(&'a self, step: Step<'a>) -> Self {
        Self { path: self.path.then(step), ..*self }
    }
}

/// Compares, and keeps what it finds.
pub(super) struct Walk {
    interface: String,
    diff: Diff,
    looks: usize,
}

impl Walk {
    pub(super) fn new(interface: &str) -> Self {
        Self { interface: short(interface), diff: Diff::default(), looks: LOOKS }
    }

    pub(super) fn finish(self) -> Diff {
        self.diff
    }

    pub(super) fn note_interface(
        &mut self,
        kind: ChangeKind,
        breaking: bool,
        before: Option<&str>,
        after: Option<&str>,
        note: &str,
    ) {
        self.note(String::new(), kind, breaking, (before.map(short), after.map(short)), note);
    }

    pub(super) fn note_obstacle(&mut self, obstacle: &Obstacle) {
        let place = match obstacle.path.strip_prefix(Path::RESULT) {
            Some(rest) if rest.is_empty() || rest.starts_with(['.', '[', '?']) => {
                format!("{} -> {}", obstacle.function, obstacle.path)
            }
            _ => format!("{}({})", obstacle.function, obstacle.path),
        };
        let note = format!("it cannot cross between services: {}", obstacle.advice);
        self.note(place, ChangeKind::Changed, true, (Some(obstacle.ty.clone()), None), &note);
    }

    pub(super) fn note_function(
        &mut self,
        function: &Function,
        kind: ChangeKind,
        breaking: bool,
        texts: (Option<String>, Option<String>),
        note: &str,
    ) {
        self.note(short(&function.shown_name()), kind, breaking, texts, note);
    }

    pub(super) fn note_at(
        &mut self,
        place: &Place<'_>,
        kind: ChangeKind,
        breaking: bool,
        texts: (Option<String>, Option<String>),
        note: &str,
    ) {
        let (function, path) = (short(&place.function.shown_name()), short(&place.path));
        let path = match place.flow {
            Flow::Argument => format!("{function}({path})"),
            Flow::Result => format!("{function} -> {path}"),
        };
        self.note(path, kind, breaking, texts, note);
    }

    fn note(
        &mut self,
        path: String,
        kind: ChangeKind,
        breaking: bool,
        (before, after): (Option<String>, Option<String>),
        note: &str,
    ) {
        let interface = self.interface.clone();
        self.diff.push(Change { interface, path, kind, breaking, before, after, note: note.to_owned() });
    }

    /// Compares two types.
    pub(super) fn types(&mut self, before: &Type, after: &Type, place: &Place<'_>) {
        if before.is(after) {
            return;
        }
        let Some(looks) = self.looks.checked_sub(1).filter(|_| place.path.depth() <= DEPTH) else {
            return self.retyped(before, after, place, "the types are too large to be compared");
        };
        self.looks = looks;
        match (before.shape(), after.shape()) {
            (Shape::List(before), Shape::List(after)) => self.types(before, after, &place.then(Step::Every)),
            (Shape::FixedList(first, n), Shape::FixedList(second, m)) if n == m => {
                self.types(first, second, &place.then(Step::Every));
            }
            (Shape::Option(before), Shape::Option(after)) => self.types(before, after, &place.then(Step::Some)),
            (Shape::Tuple(first), Shape::Tuple(second)) if first.len() == second.len() => {
                for (index, (before, after)) in first.iter().zip(second).enumerate() {
                    self.types(before, after, &place.then(Step::Position(index)));
                }
            }
            (Shape::Record(first), Shape::Record(second)) => {
                self.fields(&Member::fields(first), &Member::fields(second), place);
            }
            (Shape::Variant(_) | Shape::Enum(_), Shape::Variant(_) | Shape::Enum(_))
            | (Shape::Flags(_), Shape::Flags(_)) => self.cases(before, after, place),
            (Shape::Result { ok: ok1, err: err1 }, Shape::Result { ok: ok2, err: err2 }) => {
                self.payloads(ok1.as_ref(), ok2.as_ref(), &place.then(Step::Name("ok")));
                self.payloads(err1.as_ref(), err2.as_ref(), &place.then(Step::Name("err")));
            }
            (Shape::Local(first), Shape::Local(second)) => {
                if !self.locals(first, second, place) {
                    self.retyped(before, after, place, "another type");
                }
            }
            (first, second) => {
                if !(first.is_plain() && first == second) {
                    self.retyped(before, after, place, "another type");
                }
            }
        }
    }

    /// Compares the payloads of a case.
    pub(super) fn payloads(&mut self, before: Option<&Type>, after: Option<&Type>, place: &Place<'_>) {
        match (before, after) {
            (None, None) => {}
            (Some(before), Some(after)) => self.types(before, after, place),
            (Some(_), None) | (None, Some(_)) => {
                let shown = |ty: Option<&Type>| Some(ty.map_or_else(|| "no payload".to_owned(), shown));
                let texts = (shown(before), shown(after));
                self.note_at(place, ChangeKind::Changed, true, texts, "the payload of the case is another");
            }
        }
    }

    /// Compares what cannot cross, which still can change; false if they are of different kinds.
    fn locals(&mut self, before: &Local, after: &Local, place: &Place<'_>) -> bool {
        match (before, after) {
            (Local::Own(first), Local::Own(second)) | (Local::Borrow(first), Local::Borrow(second)) => first == second,
            (Local::Stream(first), Local::Stream(second)) | (Local::Future(first), Local::Future(second)) => {
                self.payloads(first.as_ref(), second.as_ref(), &place.then(Step::Every));
                true
            }
            (Local::Map(key1, value1), Local::Map(key2, value2)) => {
                self.types(key1, key2, &place.then(Step::Name("key")));
                self.types(value1, value2, &place.then(Step::Name("value")));
                true
            }
            (first, second) => matches!((first, second), (Local::ErrorContext, Local::ErrorContext)),
        }
    }

    fn retyped(&mut self, before: &Type, after: &Type, place: &Place<'_>, note: &str) {
        self.note_at(place, ChangeKind::Changed, true, (Some(shown(before)), Some(shown(after))), note);
    }
}

/// A type as a change shows it: what it is, not only what it is called, since both sides may call different types the
/// same.
pub(super) fn shown(ty: &Type) -> String {
    match (ty.name(), ty.shape()) {
        (Some(name), Shape::Record(_)) => short(&format_args!("record {name}")),
        (Some(name), Shape::Variant(_)) => short(&format_args!("variant {name}")),
        (Some(name), Shape::Enum(_)) => short(&format_args!("enum {name}")),
        (Some(name), Shape::Flags(_)) => short(&format_args!("flags {name}")),
        (_, shape) => short(shape),
    }
}
