//! What led to a message, and has to go on with whatever it leads to.

use super::message::Message;

impl Message {
    /// Carries on which message led to it, except where it says something else itself: in the CloudEvents extensions
    /// `causationid` and `correlationid`. Its place in a trace is another matter: that of the span in which it is published.
    pub fn caused_by(&mut self, cause: &Self) {
        self.carry("causationid", &cause.id);
        // A story begins with the first message that led to another one.
        self.carry("correlationid", cause.extension("correlationid").unwrap_or(&cause.id));
    }

    fn carry(&mut self, name: &str, value: &str) {
        if self.extension(name).is_none() {
            self.extensions.push((name.to_owned(), value.to_owned()));
        }
    }
}
