//! From a TOML error to a sentence a person can act on.

use super::ConfigError;

/// The error with its line, and for an unknown key the nearest known one.
pub(super) fn explain(text: &str, error: &toml::de::Error) -> ConfigError {
    let line = error.span().filter(|span| !span.is_empty()).map(|span| line_of(text, span.start));
    let message = error.message();
    match message.strip_prefix("unknown field `").and_then(|rest| rest.split_once('`')) {
        Some((key, known)) => ConfigError {
            line,
            message: format!("unknown key `{key}`"),
            suggestion: nearest(key, quoted_words(known)).map(str::to_owned),
        },
        None => ConfigError { line, message: message.trim_end().replace('\n', ", "), suggestion: None },
    }
}

fn line_of(text: &str, offset: usize) -> usize {
    text.bytes().take(offset).fold(1, |line, byte| line + usize::from(byte == b'\n'))
}

fn quoted_words(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

/// The known word that takes the fewest edits, if those are fewer than half its letters.
fn nearest<'a>(word: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    known
        .map(|candidate| (edit_distance(word, candidate), candidate))
        .filter(|(distance, candidate)| distance * 2 <= candidate.len())
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// Levenshtein distance over bytes, one row at a time.
fn edit_distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, left) in a.bytes().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, right) in b.bytes().enumerate() {
            let substituted = diagonal + usize::from(left != right);
            diagonal = row[j + 1];
            row[j + 1] = substituted.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nearest_key() {
        let known = || ["hostname", "listen", "limits"].into_iter();
        assert_eq!(nearest("hostnme", known()), Some("hostname"));
        assert_eq!(nearest("limit", known()), Some("limits"));
        assert_eq!(nearest("banana", known()), None);
    }
}
