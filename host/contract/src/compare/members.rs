//! Comparing what has names in an order: parameters, fields and cases.

use std::collections::HashMap;

use super::change::ChangeKind;
use super::walk::{Flow, Place, Walk, shown};
use crate::path::{Path, Step};
use crate::short::short;
use crate::{Case, Field, Function, Param, Type};

/// A parameter, a field, a case or a flag.
#[derive(Clone, Copy)]
pub(super) struct Member<'a> {
    pub(super) name: &'a str,
    /// Its type; of a case, that of its payload.
    pub(super) ty: Option<&'a Type>,
}

impl<'a> Member<'a> {
    pub(super) fn params(params: &'a [Param]) -> Vec<Self> {
        params.iter().map(|Param { name, ty }| Self { name, ty: Some(ty) }).collect()
    }

    pub(super) fn fields(fields: &'a [Field]) -> Vec<Self> {
        fields.iter().map(|Field { name, ty }| Self { name, ty: Some(ty) }).collect()
    }

    pub(super) fn cases(cases: &'a [Case]) -> Vec<Self> {
        cases.iter().map(|Case { name, ty }| Self { name, ty: ty.as_ref() }).collect()
    }

    pub(super) fn names(names: &'a [String]) -> Vec<Self> {
        names.iter().map(|name| Self { name, ty: None }).collect()
    }

    pub(super) fn shown(&self) -> Option<String> {
        Some(self.ty.map_or_else(|| short(self.name), shown))
    }
}

/// What became of one of the members before or after.
pub(super) enum Fate<'a> {
    /// It is still there.
    Kept(Member<'a>, Member<'a>),
    /// It is still there, under another name.
    Renamed(Member<'a>, Member<'a>),
    Removed(Member<'a>),
    Added(Member<'a>),
}

/// What became of each of the members, and whether those that are still there are in another order.
///
/// One that is gone and one that is new are the same under another name if they are at the same position and `alike`.
pub(super) fn fates<'a>(
    before: &[Member<'a>],
    after: &[Member<'a>],
    alike: impl Fn(&Member<'a>, &Member<'a>) -> bool,
) -> (Vec<Fate<'a>>, bool) {
    let by_name = |members: &[Member<'a>]| -> HashMap<&'a str, usize> {
        members.iter().enumerate().map(|(index, member)| (member.name, index)).collect()
    };
    let (in_before, in_after) = (by_name(before), by_name(after));
    let renamed_from = |index: usize| {
        let (old, new) = (before.get(index)?, after.get(index)?);
        let both_alone = !in_after.contains_key(old.name) && !in_before.contains_key(new.name);
        (both_alone && alike(old, new)).then_some(Fate::Renamed(*old, *new))
    };
    let mut fates = Vec::new();
    let mut furthest = None;
    let mut reordered = false;
    for (index, old) in before.iter().enumerate() {
        if let Some((at, new)) = in_after.get(old.name).and_then(|at| Some((*at, after.get(*at)?))) {
            reordered |= furthest.is_some_and(|furthest| at < furthest);
            furthest = furthest.max(Some(at));
            fates.push(Fate::Kept(*old, *new));
        } else {
            fates.push(renamed_from(index).unwrap_or(Fate::Removed(*old)));
        }
    }
    let is_new =
        |(index, new): &(usize, &Member<'a>)| !in_before.contains_key(new.name) && renamed_from(*index).is_none();
    fates.extend(after.iter().enumerate().filter(is_new).map(|(_, new)| Fate::Added(*new)));
    (fates, reordered)
}

/// The names in their order, for the change that they are in another.
pub(super) fn order(members: &[Member<'_>]) -> Option<String> {
    let names: Vec<_> = members.iter().map(|member| member.name).take(32).collect();
    Some(short(&names.join(", ")))
}

impl Walk {
    /// Compares the parameters of a function. They are told apart by their position; names that changed places show
    /// that positions did, too.
    pub(super) fn params(&mut self, before: &Function, after: &Function) {
        let place = |name| Place { function: before, flow: Flow::Argument, path: Path::root(name) };
        let (first, second) = (Member::params(&before.params), Member::params(&after.params));
        let (fates, reordered) = fates(&first, &second, |_, _| true);
        if reordered {
            let texts = (order(&first), order(&second));
            self.note_function(before, ChangeKind::Reordered, true, texts, "parameters are told apart by position");
        }
        for fate in fates {
            match fate {
                Fate::Kept(old, new) => self.payloads(old.ty, new.ty, &place(old.name)),
                Fate::Renamed(old, new) => {
                    let place = place(old.name);
                    let texts = (Some(short(old.name)), Some(short(new.name)));
                    self.note_at(&place, ChangeKind::Renamed, false, texts, "parameters are told apart by position");
                    self.payloads(old.ty, new.ty, &place);
                }
                Fate::Removed(old) => {
                    let place = place(old.name);
                    self.note_at(&place, ChangeKind::Removed, true, (old.shown(), None), "callers pass it");
                }
                Fate::Added(new) => {
                    let place = place(new.name);
                    self.note_at(&place, ChangeKind::Added, true, (None, new.shown()), "callers do not pass it");
                }
            }
        }
    }

    /// Compares the fields of a record.
    pub(super) fn fields(&mut self, before: &[Member<'_>], after: &[Member<'_>], place: &Place<'_>) {
        self.named(before, after, place, "records have to have the same fields");
    }

    /// Compares members that have to be the same in the same order; `rule` says so.
    pub(super) fn named(&mut self, before: &[Member<'_>], after: &[Member<'_>], place: &Place<'_>, rule: &str) {
        let (fates, reordered) = fates(before, after, |old, new| old.ty == new.ty);
        if reordered {
            self.note_at(place, ChangeKind::Reordered, true, (order(before), order(after)), "the order is part of it");
        }
        for fate in fates {
            match fate {
                Fate::Kept(old, new) => self.payloads(old.ty, new.ty, &place.then(Step::Name(old.name))),
                Fate::Renamed(old, new) => {
                    let texts = (Some(short(old.name)), Some(short(new.name)));
                    self.note_at(&place.then(Step::Name(old.name)), ChangeKind::Renamed, true, texts, rule);
                }
                Fate::Removed(old) => {
                    let place = place.then(Step::Name(old.name));
                    self.note_at(&place, ChangeKind::Removed, true, (old.shown(), None), rule);
                }
                Fate::Added(new) => {
                    let place = place.then(Step::Name(new.name));
                    self.note_at(&place, ChangeKind::Added, true, (None, new.shown()), rule);
                }
            }
        }
    }
}
