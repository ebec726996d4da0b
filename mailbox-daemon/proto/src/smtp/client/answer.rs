//! Replies of a server (RFC 5321 section 4.2), read from any chunks.

use memchr::memchr;

/// Longest reply line taken; RFC 5321 section 4.5.3.1.5 allows 512 octets.
const LINE_BYTES_MAX: usize = 4096;
/// Lines of one reply; EHLO answers have a few dozen.
const LINES_MAX: usize = 200;
/// Text kept of one reply; more says nothing new to a person.
const TEXT_BYTES_MAX: usize = 4096;

/// A server's reply, all its lines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// 200 to 599.
    pub code: u16,
    /// The enhanced code of RFC 3463 that the text began with.
    pub enhanced: Option<(u8, u16, u16)>,
    /// The text of all lines without codes, lines parted by LF; bytes that are no UTF-8 replaced.
    pub text: String,
}

impl Answer {
    /// 2yz: done.
    pub fn is_positive(&self) -> bool {
        self.code < 300
    }

    /// 5yz: do not try again.
    pub fn is_permanent(&self) -> bool {
        self.code >= 500
    }
}

/// As a log or a report shows it, on one line.
impl std::fmt::Display for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.code)?;
        if let Some((class, subject, detail)) = self.enhanced {
            write!(f, " {class}.{subject}.{detail}")?;
        }
        for line in self.text.lines() {
            write!(f, " {line}")?;
        }
        Ok(())
    }
}

/// What came was no SMTP reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoAnswer;

/// Gathers bytes into answers.
#[derive(Default)]
pub(super) struct AnswerReader {
    waiting: Vec<u8>,
    lines: usize,
    code: u16,
    enhanced: Option<(u8, u16, u16)>,
    text: String,
}

impl AnswerReader {
    pub(super) fn feed(&mut self, bytes: &[u8]) {
        self.waiting.extend_from_slice(bytes);
    }

    /// Whether bytes came that no answer used up.
    pub(super) fn has_rest(&self) -> bool {
        !self.waiting.is_empty() || self.lines > 0
    }

    /// The next whole answer; `None` until more bytes come.
    pub(super) fn next(&mut self) -> Result<Option<Answer>, NoAnswer> {
        let mut used = 0;
        let mut result = Ok(None);
        while let Some(end) = memchr(b'\n', &self.waiting[used..]) {
            let line = &self.waiting[used..used + end];
            used += end + 1;
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            let Some((code, is_last, text)) = split(line).filter(|_| line.len() <= LINE_BYTES_MAX) else {
                result = Err(NoAnswer);
                break;
            };
            let text = String::from_utf8_lossy(text).into_owned();
            if !self.add_line(code, &text) {
                result = Err(NoAnswer);
                break;
            }
            if is_last {
                result = Ok(Some(self.take()));
                break;
            }
        }
        self.waiting.drain(..used);
        match result {
            Ok(None) if self.waiting.len() > LINE_BYTES_MAX => Err(NoAnswer),
            result => result,
        }
    }

    fn add_line(&mut self, code: u16, line: &str) -> bool {
        if self.lines > 0 && code != self.code || self.lines >= LINES_MAX {
            return false;
        }
        let (enhanced, line) = split_enhanced(code, line);
        if self.lines == 0 {
            self.enhanced = enhanced;
        } else if self.text.len() < TEXT_BYTES_MAX {
            self.text.push('\n');
        }
        let room = TEXT_BYTES_MAX.saturating_sub(self.text.len());
        self.text.push_str(&line[..line.floor_char_boundary(room)]);
        self.lines += 1;
        self.code = code;
        true
    }

    fn take(&mut self) -> Answer {
        self.lines = 0;
        Answer { code: self.code, enhanced: self.enhanced.take(), text: std::mem::take(&mut self.text) }
    }
}

/// `Reply-line = *( Reply-code "-" [ textstring ] CRLF ) Reply-code [ SP textstring ] CRLF`
fn split(line: &[u8]) -> Option<(u16, bool, &[u8])> {
    let (digits, rest) = line.split_at_checked(3)?;
    let code = digits
        .iter()
        .try_fold(0, |code, digit| digit.is_ascii_digit().then(|| code * 10 + u16::from(digit - b'0')))?;
    let (is_last, text) = match rest.split_first() {
        None => (true, rest),
        Some((b' ', text)) => (true, text),
        Some((b'-', text)) => (false, text),
        Some(_) => return None,
    };
    (200..=599).contains(&code).then_some((code, is_last, text))
}

/// `status-code = class "." subject "." detail` (RFC 2034 section 4); its class is the reply's first digit.
fn split_enhanced(code: u16, line: &str) -> (Option<(u8, u16, u16)>, &str) {
    let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
    let mut numbers = word.split('.').map(|part| match part.len() {
        1..=3 if part.bytes().all(|b| b.is_ascii_digit()) => part.parse::<u16>().ok(),
        _ => None,
    });
    let parts = [numbers.next().flatten(), numbers.next().flatten(), numbers.next().flatten()];
    match (parts, numbers.next()) {
        ([Some(class), Some(subject), Some(detail)], None) if class == code / 100 => {
            (Some((class as u8, subject, detail)), rest)
        }
        _ => (None, line),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(chunks: &[&[u8]]) -> Vec<Result<Answer, NoAnswer>> {
        let mut reader = AnswerReader::default();
        let mut answers = Vec::new();
        for chunk in chunks {
            reader.feed(chunk);
            loop {
                match reader.next() {
                    Ok(None) => break,
                    Ok(Some(answer)) => answers.push(Ok(answer)),
                    Err(error) => {
                        answers.push(Err(error));
                        return answers;
                    }
                }
            }
        }
        answers
    }

    #[test]
    fn replies_of_every_shape() {
        for (text, expected) in [
            ("250 OK\r\n", Some((250, None, "OK"))),
            ("250\r\n", Some((250, None, ""))),
            ("250-a\r\n250-b\r\n250 c\r\n", Some((250, None, "a\nb\nc"))),
            ("550 5.1.1 no such user\r\n", Some((550, Some((5, 1, 1)), "no such user"))),
            ("550-5.7.1 you\r\n550 5.7.1 shall not\r\n", Some((550, Some((5, 7, 1)), "you\nshall not"))),
            ("550 4.1.1 class of another reply\r\n", Some((550, None, "4.1.1 class of another reply"))),
            ("220 mail.5.1.test here\r\n", Some((220, None, "mail.5.1.test here"))),
            ("421 bare line feed\n", Some((421, None, "bare line feed"))),
            ("250 caf\u{e9}\r\n", Some((250, None, "caf\u{e9}"))),
            ("2500 x\r\n", None),
            ("hello\r\n", None),
            ("150 x\r\n", None),
            ("650 x\r\n", None),
            ("250-a\r\n251 b\r\n", None),
            ("\r\n", None),
        ] {
            let answers = read(&[text.as_bytes()]);
            let expected = expected
                .map(|(code, enhanced, text)| Answer { code, enhanced, text: text.to_owned() })
                .ok_or(NoAnswer);
            assert_eq!(answers, [expected], "{text:?}");
        }
    }

    #[test]
    fn endless_lines_and_replies_are_given_up() {
        assert_eq!(read(&[&b"250 ".repeat(2000)]), [Err(NoAnswer)]);
        assert_eq!(read(&[&b"250-x\r\n".repeat(LINES_MAX + 1)]), [Err(NoAnswer)]);
        let long = read(&[
            &[b"250-".to_vec(), b"x".repeat(4000), b"\r\n".to_vec()].concat().repeat(100),
            b"250 end\r\n",
        ]);
        assert!(long[0].as_ref().is_ok_and(|answer| answer.text.len() <= TEXT_BYTES_MAX));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_alike_in_any_chunks(
            bytes in "(250[ -][ -~\u{e9}]{0,20}\r\n|[0-9]{3} 5\\.[0-9.]{0,9} x\r\n|[\\x00-\\x7f]{0,9}\n){0,6}",
            cuts in prop::collection::vec(0usize..200, 0..6),
        ) {
            let bytes = bytes.as_bytes();
            let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(bytes.len())).collect();
            cuts.sort_unstable();
            let mut chunks = Vec::new();
            let mut from = 0;
            for cut in cuts {
                chunks.push(&bytes[from..cut]);
                from = cut;
            }
            chunks.push(&bytes[from..]);
            prop_assert_eq!(read(&chunks), read(&[bytes]));
        }

        #[test]
        fn raw_noise_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            read(&[&bytes]);
        }
    }
}
