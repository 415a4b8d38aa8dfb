//! What a service tells of a span of its own, as it comes, and what becomes of that.
//!
//! Nothing of it is to be believed. Where it stands in its trace and when it was is judged by [`OwnSpans`](super::OwnSpans);
//! here it is cut down to what a record may hold.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::attributes::{Attribute, AttributeValue};
use super::begun::{OWN_SPAN_TIME, OwnPlace};
use super::context::{SpanContext, SpanOrigin, TraceFlags};
use super::id::{SpanId, TraceId};
use super::own::{LeftOut, OwnSpan, SpanLink, SpanScope};
use super::room::Room;
use super::span::{SpanEvent, SpanFault, SpanKind, SpanRecord};
use super::state::TraceState;
use super::subject::SpanSubject;
use crate::{CallId, RevisionId};

/// Attributes that are kept of a span.
const ATTRIBUTES: usize = 64;
/// Attributes that are kept of an event, a link or a scope.
const ATTRIBUTES_OF_PART: usize = 16;
/// Events that are kept of a span.
const EVENTS: usize = 64;
/// Links that are kept of a span.
const LINKS: usize = 32;
/// Bytes of what is said of an error.
const MESSAGE: usize = 1024;
/// Members of a `tracestate` that are looked at.
const STATES: usize = 33;

/// What the attribute with the kind of an error is called (OpenTelemetry).
const ERROR_TYPE: &str = "error.type";
/// The kind of an error of which nothing else is said.
const ERROR: &str = "error";

/// A name and a value, the value as JSON text.
pub type ToldAttribute = (String, String);

/// The context of a span.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ToldContext {
    /// The trace, in hexadecimal digits.
    pub trace: String,
    /// The span, in hexadecimal digits.
    pub span: String,
    /// Whether it may be recorded.
    pub sampled: bool,
    /// What tracing systems say to themselves.
    pub state: Vec<(String, String)>,
}

/// A time of day, since 1970.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ToldTime {
    /// Whole seconds.
    pub seconds: u64,
    /// The rest.
    pub nanoseconds: u32,
}

/// Something that happened.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ToldEvent {
    /// What.
    pub name: String,
    /// When.
    pub time: ToldTime,
    /// What there is to say of it.
    pub attributes: Vec<ToldAttribute>,
}

/// A span that this one has to do with.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ToldLink {
    /// That span.
    pub context: ToldContext,
    /// What there is to say of it.
    pub attributes: Vec<ToldAttribute>,
}

/// How it ended.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum ToldStatus {
    /// Nothing is said.
    #[default]
    Unset,
    /// Well.
    Ok,
    /// In an error.
    Error(String),
}

/// What in the service made it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ToldScope {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: Option<String>,
    /// Where it says what its names mean.
    pub schema: Option<String>,
    /// What else is said of it.
    pub attributes: Vec<ToldAttribute>,
}

/// A span that is over, as a service tells of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToldSpan {
    /// Its context.
    pub context: ToldContext,
    /// The span that it follows from, in hexadecimal digits.
    pub parent: String,
    /// Which side it tells of.
    pub kind: SpanKind,
    /// What it is called.
    pub name: String,
    /// When it began.
    pub start: ToldTime,
    /// When it ended.
    pub end: ToldTime,
    /// What is said of it.
    pub attributes: Vec<ToldAttribute>,
    /// What happened in it.
    pub events: Vec<ToldEvent>,
    /// What it has to do with.
    pub links: Vec<ToldLink>,
    /// How it ended.
    pub status: ToldStatus,
    /// What made it.
    pub scope: ToldScope,
    /// What the service itself left out.
    pub left_out: LeftOut,
}

impl Default for ToldSpan {
    fn default() -> Self {
        Self {
            context: ToldContext::default(),
            parent: String::new(),
            kind: SpanKind::Internal,
            name: String::new(),
            start: ToldTime::default(),
            end: ToldTime::default(),
            attributes: Vec::new(),
            events: Vec::new(),
            links: Vec::new(),
            status: ToldStatus::default(),
            scope: ToldScope::default(),
            left_out: LeftOut::default(),
        }
    }
}

impl ToldContext {
    /// The span that it names, if that is one of this trace.
    pub fn span_in(&self, trace: TraceId) -> Option<SpanId> {
        let told: TraceId = self.trace.parse().ok()?;
        if told == trace { SpanId::parse(&self.span) } else { None }
    }

    /// The context, if it is one.
    fn read(&self) -> Option<SpanContext> {
        let members: Vec<_> = self.state.iter().take(STATES).map(|(key, value)| format!("{key}={value}")).collect();
        Some(SpanContext {
            trace: self.trace.parse().ok()?,
            span: SpanId::parse(&self.span)?,
            flags: TraceFlags::default().sampled(self.sampled),
            state: TraceState::combine(members.iter().map(String::as_bytes)).map(TraceState::into_text),
        })
    }
}

impl ToldTime {
    fn read(self) -> Option<SystemTime> {
        let since = (self.nanoseconds < 1_000_000_000).then(|| Duration::new(self.seconds, self.nanoseconds))?;
        UNIX_EPOCH.checked_add(since)
    }
}

impl ToldSpan {
    /// Whether its work failed, as the service says.
    pub const fn has_failed(&self) -> bool {
        matches!(self.status, ToldStatus::Error(_))
    }

    /// The span that it says to follow from.
    pub(super) fn parent(&self) -> Option<SpanId> {
        SpanId::parse(&self.parent)
    }

    /// When it began, and how long it took. `None` if that cannot be: the host heard `begun` of its beginning and `ended` of
    /// its end, and has the same clock as the service.
    pub(super) fn times(&self, begun: SystemTime, ended: SystemTime) -> Option<(SystemTime, Duration)> {
        let (start, end) = (self.start.read()?, self.end.read()?);
        let duration = end.duration_since(start).ok()?;
        (is_near(start, begun) && is_near(end, ended)).then_some((start, duration))
    }

    /// What is kept of it: a span of this revision, in the course of this call.
    pub fn record(self, place: OwnPlace, revision: &RevisionId, call: CallId) -> SpanRecord {
        let Self { name, kind, attributes, events, links, status, scope, left_out, .. } = self;
        let OwnPlace { context, parent, start, duration } = place;
        let mut room = Room::default();
        let name = room.name(name);
        let scope = scope_of(scope, &mut room);
        let mut own = room.attributes(attributes, ATTRIBUTES);
        let (fault, succeeded) = match status {
            ToldStatus::Unset => (None, false),
            ToldStatus::Ok => (None, true),
            ToldStatus::Error(message) => (
                Some(SpanFault {
                    kind: kind_of_error(&mut own).into(),
                    message: room.text(message, MESSAGE),
                    details: None,
                }),
                false,
            ),
        };
        let events_told = events.len();
        let events: Vec<_> =
            events.into_iter().filter_map(|event| event_of(event, (start, duration), &mut room)).take(EVENTS).collect();
        let links_told = links.len();
        let links: Vec<_> = links.into_iter().filter_map(|link| link_of(link, &mut room)).take(LINKS).collect();
        let left_out = LeftOut {
            attributes: left_out.attributes.saturating_add(room.left_out()),
            events: left_out.events.saturating_add(fewer(events_told, events.len())),
            links: left_out.links.saturating_add(fewer(links_told, links.len())),
        };
        SpanRecord {
            context,
            origin: SpanOrigin::Child { parent, remote: false },
            kind,
            name,
            start,
            duration,
            service: Some(revision.service.clone()),
            revision: Some(revision.number),
            call: Some(call),
            caller: None,
            attempts: 0,
            queued: Duration::ZERO,
            fault,
            subject: SpanSubject::Own(Box::new(OwnSpan { scope, links, succeeded, left_out })),
            events,
            own,
        }
    }
}

fn is_near(told: SystemTime, heard: SystemTime) -> bool {
    let apart = told.duration_since(heard).unwrap_or_else(|earlier| earlier.duration());
    apart <= OWN_SPAN_TIME
}

fn fewer(told: usize, kept: usize) -> u32 {
    u32::try_from(told.saturating_sub(kept)).unwrap_or(u32::MAX)
}

/// The kind of an error, which is taken out of what else is said: the host says it of every span that failed.
fn kind_of_error(own: &mut Vec<Attribute>) -> String {
    let said = own.iter().position(|attribute| attribute.name == ERROR_TYPE).map(|index| own.remove(index));
    match said.map(|attribute| attribute.value) {
        Some(AttributeValue::Text(kind)) if !kind.is_empty() => kind.into_owned(),
        _ => ERROR.to_owned(),
    }
}

fn scope_of(scope: ToldScope, room: &mut Room) -> SpanScope {
    let ToldScope { name, version, schema, attributes } = scope;
    SpanScope {
        name: room.name(name),
        version: version.map(|version| room.name(version)),
        schema: schema.map(|schema| room.name(schema)),
        attributes: room.attributes(attributes, ATTRIBUTES_OF_PART),
    }
}

/// An event. One that was before the span, or after it, stands at its edge. `None` if its time is none, or its name is one of
/// the host's.
fn event_of(event: ToldEvent, (start, duration): (SystemTime, Duration), room: &mut Room) -> Option<SpanEvent> {
    let after = event.time.read()?.duration_since(start).unwrap_or_default().min(duration);
    if Room::is_reserved(&event.name) || room.is_full() {
        return None;
    }
    let name = room.name(event.name).into();
    Some(SpanEvent { name, after, attributes: room.attributes(event.attributes, ATTRIBUTES_OF_PART) })
}

fn link_of(link: ToldLink, room: &mut Room) -> Option<SpanLink> {
    let context = link.context.read()?;
    if !room.takes(context.state.as_ref().map_or(0, |state| state.len())) {
        return None;
    }
    Some(SpanLink { context, attributes: room.attributes(link.attributes, ATTRIBUTES_OF_PART) })
}

#[cfg(test)]
mod tests;
