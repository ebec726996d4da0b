//! Writing a header field whose value is text of any kind (RFC 5322 section 2.2.1 and 2.2.3, RFC 2047).

use super::encoded_word::words;

/// A line is folded where it would be longer (RFC 5322 section 2.1.1).
const LINE_BYTES: usize = 78;
/// No line may be longer; a longer word is encoded.
const WORD_BYTES_MAX: usize = 900;

/// A whole field with its line break. A line break in `text` counts as a blank, other control characters but tabs are left out; text that is no
/// ASCII becomes encoded words, long values are folded.
pub fn write_field(name: &str, text: &str) -> Vec<u8> {
    let text = on_one_line(text);
    let is_plain = text.is_ascii() && text.split([' ', '\t']).all(|word| word.len() <= WORD_BYTES_MAX);
    let value = match is_plain {
        true => folded(name.len() + ": ".len(), &text),
        false => words(&text),
    };
    format!("{name}: {value}\r\n").into_bytes()
}

/// Text without line breaks and control characters; blanks around it go.
fn on_one_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '\r' | '\n' if letters.peek().is_none_or(|next| matches!(next, ' ' | '\t' | '\r' | '\n')) => {}
            '\r' | '\n' => line.push(' '),
            '\t' => line.push(letter),
            letter if letter.is_control() => {}
            letter => line.push(letter),
        }
    }
    line.trim().to_owned()
}

/// Breaks lines before blanks, so that unfolding gives the same text again.
fn folded(start: usize, text: &str) -> String {
    let mut out = String::with_capacity(text.len() + text.len() / LINE_BYTES * 2);
    let mut column = start;
    let mut rest = text;
    while !rest.is_empty() {
        let blanks = rest.len() - rest.trim_start_matches([' ', '\t']).len();
        let word = rest[blanks..].find([' ', '\t']).map_or(rest.len(), |end| blanks + end);
        if blanks > 0 && column + word > LINE_BYTES {
            out.push_str("\r\n");
            column = 0;
        }
        out.push_str(&rest[..word]);
        column += word;
        rest = &rest[word..];
    }
    out
}

#[cfg(test)]
mod tests {
    use super::super::{encoded_word, header};
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn values_are_folded_and_encoded() {
        let long = "word ".repeat(40);
        for (text, expected) in [
            ("Header content", "X: Header content\r\n".to_owned()),
            ("  a\tb  c ", "X: a\tb  c\r\n".to_owned()),
            ("one\r\n two\r\nthree\nfour\r\n", "X: one two three four\r\n".to_owned()),
            ("a\u{0}\u{7}b", "X: ab\r\n".to_owned()),
            ("Grüße", "X: =?utf-8?B?R3LDvMOfZQ==?=\r\n".to_owned()),
            ("", "X: \r\n".to_owned()),
            (
                &long,
                format!("X:{}\r\n{}\r\n{}\r\n", " word".repeat(15), " word".repeat(15), " word".repeat(10)),
            ),
        ] {
            assert_eq!(String::from_utf8(write_field("X", text)).unwrap(), expected, "{text:?}");
        }
        let field = write_field("Subject", &"x".repeat(3000));
        assert!(field.split(|byte| *byte == b'\n').all(|line| line.len() <= 100), "one long word");
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(text in "[ -~äß\t\r\n]{0,300}") {
            let field = write_field("Subject", &text);
            prop_assert_eq!(header::fields(&field).count(), 1);
            prop_assert!(field.is_ascii());
            if !text.contains("=?") {
                let read = encoded_word::decoded(&header::value(&field, "subject").unwrap());
                prop_assert_eq!(read, on_one_line(&text));
            }
        }
    }
}
