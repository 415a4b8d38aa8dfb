//! The steps of a change as they happen: a line for each that is over, and a moving one for the one that is not.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use patchbay_model::units;
use serde_json::Value;

use crate::brief;
use crate::client::Following;
use crate::client::view::{Outcome, StepNews};
use crate::failure::Failure;
use crate::screen::{BAD, DIM, GOOD, Screen, styled};

/// How often the moving line moves.
const TICK: Duration = Duration::from_millis(100);

/// A line that moves while something takes its time. Invisible where nobody could see it move. Clones share the line.
#[derive(Clone)]
pub(crate) struct Spinner {
    lively: bool,
    shown: Arc<Mutex<Option<ProgressBar>>>,
}

impl Spinner {
    pub(crate) fn new(screen: Screen) -> Self {
        Self { lively: screen.is_lively(), shown: Arc::default() }
    }

    /// Shows `text`, and since when.
    pub(crate) fn show(&self, text: impl Into<String>) {
        self.hide();
        if !self.lively {
            return;
        }
        let bar = bar(None, "  {spinner} {wide_msg} {elapsed}");
        bar.set_message(text.into());
        bar.enable_steady_tick(TICK);
        *self.line() = Some(bar);
    }

    /// Shows how many of all bytes went.
    pub(crate) fn bytes(&self, done: u64, all: u64) {
        if self.lively {
            let template = "  {spinner} upload [{bar:30}] {bytes} of {total_bytes}";
            self.line().get_or_insert_with(|| bar(Some(all), template)).set_position(done);
        }
    }

    /// Takes the line away.
    pub(crate) fn hide(&self) {
        if let Some(bar) = self.line().take() {
            bar.finish_and_clear();
        }
    }

    fn line(&self) -> MutexGuard<'_, Option<ProgressBar>> {
        self.shown.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn bar(length: Option<u64>, template: &str) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(length, ProgressDrawTarget::stderr());
    // The templates are those above; one with a mistake would be shown in the library's own style.
    match ProgressStyle::with_template(template) {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}

/// One line for something that is over.
pub(crate) fn line(mark: &str, step: &str, took: &str, note: &str) -> String {
    format!("  {mark} {step:<8} {took:>7}  {note}").trim_end().to_owned()
}

/// The mark of something that went well.
pub(crate) fn good() -> String {
    styled(GOOD, "✓")
}

/// The mark of something that did not.
pub(crate) fn bad() -> String {
    styled(BAD, "✗")
}

/// Follows a change to its end, and shows its steps. Returns the outcome and the steps that were told.
///
/// # Errors
/// If the change fails, or the host goes away.
pub(crate) async fn follow(mut following: Following, screen: Screen) -> Result<(Value, Vec<StepNews>), Failure> {
    let spinner = Spinner::new(screen);
    let mut steps = Vec::new();
    loop {
        let next = following.next_of_change().await;
        spinner.hide();
        match next? {
            (name, data) if name == "step" => {
                let news: StepNews = serde_json::from_value(data)?;
                if news.state == "begun" {
                    spinner.show(news.step);
                    continue;
                }
                screen.line(step_line(&news))?;
                steps.push(news);
            }
            (name, data) if name == "outcome" => return Ok((data, steps)),
            // A newer host may tell more.
            _ => {}
        }
    }
}

fn step_line(news: &StepNews) -> String {
    let took = units::parse_duration(&news.elapsed).map(brief::duration).unwrap_or_default();
    match news.state.as_str() {
        "skipped" => styled(DIM, line("-", &news.step, "", &news.note)),
        "failed" => line(&bad(), &news.step, &took, ""),
        _ => line(&good(), &news.step, &took, &news.note),
    }
}

/// Prints how a change ended: a sentence for people, the outcome with its steps for programs.
///
/// # Errors
/// If nobody reads it.
pub(crate) fn conclude(mut outcome: Value, steps: &[StepNews], screen: Screen) -> Result<(), Failure> {
    if screen.json {
        if let Some(outcome) = outcome.as_object_mut() {
            outcome.insert("steps".to_owned(), serde_json::to_value(steps)?);
        }
        return screen.value(&outcome);
    }
    Ok(screen.line(sentence(&serde_json::from_value(outcome)?))?)
}

fn sentence(outcome: &Outcome) -> String {
    let cut = |calls_cut: u64| match calls_cut {
        0 => String::new(),
        1 => "; 1 call outlived the drain deadline and was cut".to_owned(),
        n => format!("; {n} calls outlived the drain deadline and were cut"),
    };
    match outcome {
        Outcome::Activated { revision, replaced: Some(old), calls_cut } => {
            format!("{} serves instead of {old}{}", styled(GOOD, revision), cut(*calls_cut))
        }
        Outcome::Activated { revision, replaced: None, calls_cut } => {
            format!("{} serves{}", styled(GOOD, revision), cut(*calls_cut))
        }
        Outcome::CanaryStarted { revision, stable, share, mirrored } => {
            let gets = match mirrored {
                Some(mirrored) => format!("{mirrored} of the requests, mirrored"),
                None => format!("{share} of the calls"),
            };
            format!("{} is tried beside {stable}, with {gets}", styled(GOOD, revision))
        }
        Outcome::CanaryAborted { revision, calls_cut } => {
            format!("the canary of {} is over{}", styled(GOOD, revision), cut(*calls_cut))
        }
        Outcome::Unchanged { revision } => format!("{} serves already; nothing changed", styled(GOOD, revision)),
        Outcome::Removed { service, calls_cut } => format!("{} is removed{}", styled(GOOD, service), cut(*calls_cut)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outcomes_are_sentences() {
        for (json, wanted) in [
            (
                r#"{"outcome":"activated","revision":"a@2","replaced":"a@1","calls_cut":1}"#,
                "a@2 serves instead of a@1; 1 call outlived the drain deadline and was cut",
            ),
            (r#"{"outcome":"activated","revision":"a@1","calls_cut":0}"#, "a@1 serves"),
            (
                r#"{"outcome":"canary-started","revision":"a@2","stable":"a@1","share":"5%"}"#,
                "a@2 is tried beside a@1, with 5% of the calls",
            ),
            (
                r#"{"outcome":"canary-started","revision":"a@2","stable":"a@1","share":"0%","mirrored":"10%"}"#,
                "a@2 is tried beside a@1, with 10% of the requests, mirrored",
            ),
            (r#"{"outcome":"canary-aborted","revision":"a@2","calls_cut":0}"#, "the canary of a@2 is over"),
            (r#"{"outcome":"unchanged","revision":"a@1"}"#, "a@1 serves already; nothing changed"),
            (r#"{"outcome":"removed","service":"a","calls_cut":0}"#, "a is removed"),
        ] {
            let sentence = sentence(&serde_json::from_str(json).unwrap());
            assert_eq!(anstream::adapter::strip_str(&sentence).to_string(), wanted);
        }
    }

    #[test]
    fn steps_are_lines() {
        let news = |state: &str, note: &str| StepNews {
            step: "compile".to_owned(),
            state: state.to_owned(),
            elapsed: "1s 204ms".to_owned(),
            note: note.to_owned(),
        };
        for (news, wanted) in [
            (news("done", "compiled"), "  ✓ compile     1.2s  compiled"),
            (news("skipped", "still compiled"), "  - compile           still compiled"),
            (news("failed", "no"), "  ✗ compile     1.2s"),
        ] {
            assert_eq!(anstream::adapter::strip_str(&step_line(&news)).to_string(), wanted);
        }
    }
}
