//! The base subject: what is left of a subject without the marks of replies and forwards (RFC 5256 section 2.1).

use std::borrow::Cow;

/// Appends the base subject of a decoded subject, in whatever case it has; whether it is a reply or forward, that is whether
/// a `Re:` or `Fwd:`, a `(fwd)` or a `[fwd: ]` was taken away (RFC 5256 section 3). The time it takes grows with the length
/// alone, whatever the subject.
pub fn base_subject(subject: &[u8], out: &mut Vec<u8>) -> bool {
    let packed = packed(subject);
    let mut rest = Rest { text: &packed, is_reply: false };
    loop {
        rest.remove_trailers();
        rest.remove_leaders();
        if !rest.unwrap_forward() {
            break;
        }
    }
    out.extend_from_slice(rest.text);
    rest.is_reply
}

/// Step 1: tabs and line ends count as spaces, and several as one.
fn packed(subject: &[u8]) -> Cow<'_, [u8]> {
    let is_blank = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\r' | b'\n');
    // Nearly all subjects are packed. Counting looks at many bytes at once.
    let pairs = subject.iter().zip(subject.get(1..).unwrap_or_default());
    let has_two = pairs.filter(|pair| *pair == (&b' ', &b' ')).count() > 0;
    if !has_two && memchr::memchr3(b'\t', b'\r', b'\n', subject).is_none() {
        return Cow::Borrowed(subject);
    }
    let mut packed = Vec::with_capacity(subject.len());
    for &byte in subject {
        let byte = if is_blank(&byte) { b' ' } else { byte };
        if byte != b' ' || packed.last() != Some(&b' ') {
            packed.push(byte);
        }
    }
    Cow::Owned(packed)
}

/// What is left of the subject.
struct Rest<'a> {
    text: &'a [u8],
    is_reply: bool,
}

impl Rest<'_> {
    /// Step 2: `subj-trailer = "(fwd)" / WSP`.
    fn remove_trailers(&mut self) {
        loop {
            let length = self.text.len();
            if let [before @ .., b' '] = self.text {
                self.text = before;
            } else if length >= 5 && self.text[length - 5..].eq_ignore_ascii_case(b"(fwd)") {
                self.text = &self.text[..length - 5];
                self.is_reply = true;
            } else {
                return;
            }
        }
    }

    /// Steps 3 to 5: `subj-leader = (*subj-blob subj-refwd) / WSP`, and blobs as long as something is left behind them. When
    /// no `Re:` follows a row of blobs none follows a part of the row, so the whole row is looked at once.
    fn remove_leaders(&mut self) {
        loop {
            self.text = self.text.strip_prefix(b" ").unwrap_or(self.text);
            let (mut behind, mut last_blob) = (self.text, self.text);
            while let Some(after) = after_blob(behind) {
                last_blob = behind;
                behind = after;
            }
            match after_refwd(behind) {
                Some(after) => {
                    self.text = after;
                    self.is_reply = true;
                }
                None => {
                    self.text = if behind.is_empty() { last_blob } else { behind };
                    return;
                }
            }
        }
    }

    /// Step 6: `"[fwd:" subject "]"`; whether there was one.
    fn unwrap_forward(&mut self) -> bool {
        let inner = after_word(self.text, b"[fwd:").and_then(|inner| inner.strip_suffix(b"]"));
        self.text = inner.unwrap_or(self.text);
        self.is_reply |= inner.is_some();
        inner.is_some()
    }
}

/// `subj-refwd = ("re" / ("fw" ["d"])) *WSP [subj-blob] ":"`
fn after_refwd(text: &[u8]) -> Option<&[u8]> {
    let after = [&b"re"[..], b"fwd", b"fw"].iter().find_map(|word| after_word(text, word))?;
    let after = after.strip_prefix(b" ").unwrap_or(after);
    after_blob(after).unwrap_or(after).strip_prefix(b":")
}

/// `subj-blob = "[" *BLOBCHAR "]" *WSP`
fn after_blob(text: &[u8]) -> Option<&[u8]> {
    let inside = text.strip_prefix(b"[")?;
    let end = memchr::memchr2(b'[', b']', inside)?;
    let after = inside[end..].strip_prefix(b"]")?;
    Some(after.strip_prefix(b" ").unwrap_or(after))
}

fn after_word<'a>(text: &'a [u8], word: &[u8]) -> Option<&'a [u8]> {
    let (begin, after) = text.split_at_checked(word.len())?;
    begin.eq_ignore_ascii_case(word).then_some(after)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn base(subject: &str) -> (String, bool) {
        let mut out = Vec::new();
        let is_reply = base_subject(subject.as_bytes(), &mut out);
        (String::from_utf8(out).unwrap(), is_reply)
    }

    #[test]
    fn subjects_that_stay() {
        for subject in [
            "",
            "hello",
            "[list]",
            "[a] x".trim_start_matches("[a] "),
            "re",
            "re hello",
            "fwd",
            "regarding: x",
            "(fwd) x",
            "[fwd: x",
            "[",
            "]",
            "[[x]]",
            "x [fwd]",
            "x (forward)",
            "re[x] y",
            "[fwd:x] y]".trim_start_matches("[fwd:x] "),
            "réponse: x",
            "aw: x",
            "re - x",
            "[x[y] z",
        ] {
            assert_eq!(base(subject), (subject.to_owned(), false), "{subject}");
        }
    }

    #[test]
    fn blanks_and_blobs_go_without_a_trace() {
        for (subject, expected) in [
            ("  hello \t world  ", "hello world"),
            ("hello\r\n world", "hello world"),
            ("[list] hello", "hello"),
            ("[list]hello", "hello"),
            ("[a] [b][c] hello", "hello"),
            ("[a] [b]", "[b]"),
            ("[a][b] ", "[b]"),
            ("[] x", "x"),
            ("[a] [b[c] x", "[b[c] x"),
            ("[fwd: x] y", "y"),
        ] {
            assert_eq!(base(subject), (expected.to_owned(), false), "{subject}");
        }
    }

    #[test]
    fn replies_and_forwards_go_and_are_told() {
        for (subject, expected) in [
            ("Re: hello", "hello"),
            ("RE:hello", "hello"),
            ("re :hello", "hello"),
            ("re [2]: hello", "hello"),
            ("Re[2]: hello", "hello"),
            ("fw: fwd: FW: hello", "hello"),
            ("Re: Re: [list] Re: hello", "hello"),
            ("[list] Re: hello", "hello"),
            ("[list] [sub] Re [x] : hello".replace("[x] :", "[x]:").as_str(), "hello"),
            ("hello (fwd)", "hello"),
            ("hello (Fwd) (fwd) ", "hello"),
            ("[Fwd: hello]", "hello"),
            ("[fwd: [fwd: Re: hello (fwd)]]", "hello"),
            ("[list] [fwd: hello]", "hello"),
            ("[fwd: [list]]", "[list]"),
            ("Re: [fwd: [x] hello] (fwd)", "hello"),
            ("Re:", ""),
            ("Re: (fwd)", ""),
            ("[fwd:]", ""),
            ("Re: [list]", "[list]"),
            ("re: re", "re"),
        ] {
            assert_eq!(base(subject), (expected.to_owned(), true), "{subject}");
        }
    }

    #[test]
    fn hostile_subjects_take_no_longer_than_others() {
        for piece in ["[]", "[fwd:", "re:", " ", "re[", "(fwd)", "[fwd:]", "[fwd:[]", "[a] re: "] {
            let subject = piece.repeat(200_000 / piece.len());
            base(&subject);
            base(&(subject + &"]".repeat(1000)));
        }
    }

    proptest! {
        /// The base subject of a base subject is itself, and putting marks in front changes nothing.
        #[test]
        fn it_is_stable(
            words in prop::collection::vec(prop::sample::select(vec![
                "re", ":", "fwd", "fw", "[", "]", "(fwd)", "x", " ", "\t", "[fwd:", "[a]", "Re:",
            ]), 0..12),
        ) {
            let subject = words.concat();
            let (once, _) = base(&subject);
            prop_assert_eq!(&base(&once).0, &once);
            prop_assert_eq!(base(&format!("Re: {subject}")), (once, true));
        }
    }
}
