//! Guessing what someone meant who wrote a word that nobody knows.

/// The known word that is closest to `word`, if one is close.
pub(crate) fn closest<'k>(word: &str, known: &[&'k str]) -> Option<&'k str> {
    let word = word.to_lowercase().replace('-', "_");
    let distance = |candidate: &str| strsim::damerau_levenshtein(&word, candidate);
    let best = known.iter().copied().min_by_key(|candidate| distance(candidate))?;
    // A third of the letters may be wrong: enough for `timeot`, too little to take `memory` for `queue`.
    (distance(best) <= best.chars().count().div_ceil(3)).then_some(best)
}

/// What to tell someone who wrote `word`: the word that was meant, or all that there are.
pub(crate) fn suggestion(word: &str, known: &[&str]) -> String {
    match closest(word, known) {
        Some(meant) => format!("did you mean `{meant}`?"),
        None if known.is_empty() => "there are none here".to_owned(),
        None => {
            let mut names = known.to_vec();
            names.sort_unstable();
            let names: Vec<_> = names.iter().map(|name| format!("`{name}`")).collect();
            format!("known here are {}", names.join(", "))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn close_words_are_suggested_and_others_are_not() {
        let known = ["timeout", "memory", "queue", "queue_wait", "cpu_time"];
        for (word, wanted) in [
            ("timeot", Some("timeout")),
            ("TIMEOUT", Some("timeout")),
            ("queue-wait", Some("queue_wait")),
            ("cputime", Some("cpu_time")),
            ("memroy", Some("memory")),
            ("colour", None),
            ("", None),
        ] {
            assert_eq!(closest(word, &known), wanted, "{word}");
        }
        assert_eq!(suggestion("colour", &["b", "a"]), "known here are `a`, `b`");
    }
}
