//! The server's replies (RFC 5321 section 4.2) with enhanced status codes (RFC 3463), as values.

pub mod say;

use std::borrow::Cow;
use std::fmt;

/// An enhanced status code such as `5.1.1` (RFC 3463). The class is the first digit of the reply code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EnhancedCode {
    /// 2 success, 4 temporary, 5 permanent.
    pub class: u8,
    /// What it is about: 1 address, 2 mailbox, 3 system, 4 network, 5 protocol, 6 content, 7 policy.
    pub subject: u16,
    /// Which case of it.
    pub detail: u16,
}

/// One reply, of one or more lines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// 200 to 599.
    pub code: u16,
    /// Absent in greetings, answers to EHLO, and 3xx replies (RFC 2034 section 4).
    pub enhanced: Option<EnhancedCode>,
    /// What people read; lines are divided by `\n`.
    pub text: Cow<'static, str>,
}

impl fmt::Display for EnhancedCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.class, self.subject, self.detail)
    }
}

impl Reply {
    /// A reply with an enhanced code of the class `code` begins with.
    pub const fn new(code: u16, subject: u16, detail: u16, text: &'static str) -> Reply {
        let enhanced = EnhancedCode { class: (code / 100) as u8, subject, detail };
        Reply { code, enhanced: Some(enhanced), text: Cow::Borrowed(text) }
    }

    /// A reply without an enhanced code.
    pub const fn bare(code: u16, text: &'static str) -> Reply {
        Reply { code, enhanced: None, text: Cow::Borrowed(text) }
    }

    /// The same reply with other words.
    pub fn with_text(self, text: impl Into<Cow<'static, str>>) -> Reply {
        Reply { text: text.into(), ..self }
    }

    /// 2xx or 3xx.
    pub fn is_positive(&self) -> bool {
        self.code < 400
    }

    /// 5xx.
    pub fn is_permanent(&self) -> bool {
        self.code >= 500
    }

    /// Appends the reply as it goes over the wire. Characters a reply cannot carry become `?`.
    pub fn write(&self, out: &mut Vec<u8>) {
        let mut lines = self.text.split('\n').peekable();
        while let Some(line) = lines.next() {
            push_code(self.code, out);
            out.push(if lines.peek().is_some() { b'-' } else { b' ' });
            if let Some(enhanced) = self.enhanced {
                out.extend_from_slice(format!("{enhanced} ").as_bytes());
            }
            out.extend(line.chars().map(|c| if matches!(c, ' '..='~') { c as u8 } else { b'?' }));
            out.extend_from_slice(b"\r\n");
        }
    }
}

fn push_code(code: u16, out: &mut Vec<u8>) {
    out.extend([100, 10, 1].map(|unit| b'0' + (code / unit % 10) as u8));
}

/// As a log line or a bounce shows it: the lines joined by blanks.
impl fmt::Display for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.code)?;
        if let Some(enhanced) = self.enhanced {
            write!(f, " {enhanced}")?;
        }
        write!(f, " {}", self.text.replace('\n', " "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replies_are_written_line_by_line() {
        let mut out = Vec::new();
        Reply::new(550, 1, 1, "one\ntwo\rthr\u{e9}e").write(&mut out);
        assert_eq!(out, b"550-5.1.1 one\r\n550 5.1.1 two?thr?e\r\n");
    }
}
