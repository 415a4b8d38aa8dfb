//! Server-sent events: a body, cut into events (WHATWG HTML, 9.2.6).

/// One event.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct ServerEvent {
    /// Its name; `message` if it has none.
    pub(crate) name: String,
    /// Its data.
    pub(crate) data: String,
}

/// Cuts bytes into events.
#[derive(Debug, Default)]
pub(crate) struct SseParser {
    /// What came of the line that has not ended yet.
    line: Vec<u8>,
    /// Whether the last byte ended a line with a carriage return: a line feed after it belongs to it.
    after_return: bool,
    name: String,
    data: Option<String>,
}

/// An event that is larger than any that a host sends.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("the host sent an event larger than {LIMIT} bytes")]
pub(crate) struct TooLarge;

/// Bytes of one event at most. A message of a few MiB may take several times as much in JSON.
const LIMIT: usize = 64 << 20;

impl SseParser {
    /// Takes the next bytes, and returns the events that they complete.
    pub(crate) fn feed(&mut self, bytes: &[u8]) -> Result<Vec<ServerEvent>, TooLarge> {
        let mut events = Vec::new();
        for &byte in bytes {
            let ends_line = match byte {
                b'\n' if self.after_return => {
                    self.after_return = false;
                    continue;
                }
                b'\n' | b'\r' => true,
                _ => false,
            };
            self.after_return = byte == b'\r';
            if ends_line {
                let line = std::mem::take(&mut self.line);
                events.extend(self.end_line(&String::from_utf8_lossy(&line)));
            } else {
                self.line.push(byte);
            }
            if self.line.len() + self.data.as_ref().map_or(0, String::len) > LIMIT {
                return Err(TooLarge);
            }
        }
        Ok(events)
    }

    fn end_line(&mut self, line: &str) -> Option<ServerEvent> {
        if line.is_empty() {
            let name = std::mem::take(&mut self.name);
            let name = if name.is_empty() { "message".to_owned() } else { name };
            return self.data.take().map(|data| ServerEvent { name, data });
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "event" => value.clone_into(&mut self.name),
            "data" => match &mut self.data {
                Some(data) => {
                    data.push('\n');
                    data.push_str(value);
                }
                None => self.data = Some(value.to_owned()),
            },
            // Comments have an empty field name. Identifiers and retry times are for readers that come back.
            _ => {}
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const STREAM: &str = "\
        : keep-alive\n\nevent: step\ndata: {\"a\":1}\nid: 7\n\ndata: one\ndata:two\n\nevent: lost\n\n\
        event: end\r\ndata\r\n\r\ndata: unfinished\n";

    fn events(pieces: &[&[u8]]) -> Vec<(String, String)> {
        let mut parser = SseParser::default();
        let events = pieces.iter().flat_map(|piece| parser.feed(piece).unwrap());
        events.map(|event| (event.name, event.data)).collect()
    }

    #[test]
    fn events_are_what_stands_between_empty_lines() {
        let wanted = [("step", "{\"a\":1}"), ("message", "one\ntwo"), ("end", "")];
        assert_eq!(events(&[STREAM.as_bytes()]), wanted.map(|(name, data)| (name.to_owned(), data.to_owned())));
    }

    #[test]
    fn an_event_without_end_is_an_error() {
        let mut parser = SseParser::default();
        let piece = vec![b'x'; 1 << 20];
        let ended = (0..100).find_map(|_| parser.feed(&piece).err());
        assert_eq!(ended, Some(TooLarge));
    }

    proptest! {
        #[test]
        fn it_does_not_matter_how_bytes_arrive(cut in 0..STREAM.len(), noise: Vec<u8>) {
            let (left, right) = STREAM.as_bytes().split_at(cut);
            prop_assert_eq!(events(&[left, right]), events(&[STREAM.as_bytes()]));
            prop_assert!(SseParser::default().feed(&noise).is_ok());
        }
    }
}
