//! Fields of what comes in that claim to be ours (RFC 8601 section 5).

use super::{SPAM_FIELD, VERDICT_FIELD};
use types::Domain;

/// The version of `Authentication-Results:` that is written and understood.
const VERSION: &[u8] = b"1";

/// Whether a field claims that `host` checked the message, or may be read so by others: then it has to go.
///
/// That is our own fields by name, and `Authentication-Results:` with our name in whatever spelling, with no name that can be
/// read, or in a version nobody here knows.
pub fn is_forged(name: &[u8], value: &[u8], host: &str) -> bool {
    if [VERDICT_FIELD, SPAM_FIELD].iter().any(|own| name.eq_ignore_ascii_case(own.as_bytes())) {
        return true;
    }
    if !name.eq_ignore_ascii_case(b"Authentication-Results") {
        return false;
    }
    let mut text = Text(value);
    let Some(id) = text.comments().and_then(|()| text.value()) else { return true };
    is_same_host(&id, host) || !text.has_known_version()
}

/// Case, a dot at the end and the spelling of an international name do not make another host.
fn is_same_host(id: &[u8], host: &str) -> bool {
    let Ok(id) = std::str::from_utf8(id) else { return true };
    let id = id.trim().trim_end_matches('.');
    match (Domain::parse(id), Domain::parse(host)) {
        (Ok(id), Ok(host)) => id == host,
        _ => id.eq_ignore_ascii_case(host),
    }
}

/// What is left of a field's value.
struct Text<'a>(&'a [u8]);

impl Text<'_> {
    fn next(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    /// Skips blanks and comments (CFWS of RFC 5322 section 3.2.2); `None` where a comment does not end.
    fn comments(&mut self) -> Option<()> {
        let mut depth = 0_usize;
        while let Some(&byte) = self.0.first() {
            match (byte, depth) {
                (b'(', _) => depth += 1,
                (b')', 1..) => depth -= 1,
                (b'\\', 1..) => drop(self.next()),
                (b' ' | b'\t' | b'\r' | b'\n', 0) | (_, 1..) => {}
                _ => break,
            }
            self.next();
        }
        (depth == 0).then_some(())
    }

    /// A token or a quoted string (RFC 2045 section 5.1), read as leniently as others may.
    fn value(&mut self) -> Option<Vec<u8>> {
        let mut value = Vec::new();
        if self.0.first() != Some(&b'"') {
            let ends = |byte: &u8| byte.is_ascii_whitespace() || b";(\"/".contains(byte);
            let end = self.0.iter().position(ends).unwrap_or(self.0.len());
            value.extend_from_slice(&self.0[..end]);
            self.0 = &self.0[end..];
            return (!value.is_empty()).then_some(value);
        }
        self.next();
        loop {
            match self.next()? {
                b'"' => return (!value.is_empty()).then_some(value),
                b'\\' => value.push(self.next()?),
                byte if byte.is_ascii_whitespace() => {}
                byte => value.push(byte),
            }
        }
    }

    /// Nothing before the first result, or the version we know.
    fn has_known_version(&mut self) -> bool {
        if self.comments().is_none() {
            return false;
        }
        let digits = self.0.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let (version, rest) = self.0.split_at(digits);
        self.0 = rest;
        let is_known = version.is_empty() || version == VERSION;
        is_known && self.comments().is_some() && matches!(self.0.first(), None | Some(b';'))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const HOST: &str = "mail.home.test";

    #[test]
    fn our_name_in_every_spelling() {
        for value in [
            " mail.home.test; spf=pass",
            "mail.home.test;spf=pass",
            " MAIL.Home.Test 1; none",
            "\r\n\tmail.home.test\r\n 1;\r\n\tspf=pass",
            " (a (nested \\) one)) mail.home.test (b) 1 (c); spf=pass",
            " \"mail.home.test\"; spf=pass",
            " \"mail\\.home.test\" 1; spf=pass",
            " \"mail.\r\n home.test\"; spf=pass",
            " mail.home.test.; spf=pass",
            " mail.home.test",
            " mail.home.test/1; spf=pass",
            " mail.home.test 2; spf=pass",
            " mail.home.test(c); spf=pass",
        ] {
            assert!(is_forged(b"authentication-RESULTS", value.as_bytes(), HOST), "{value}");
        }
        assert!(is_forged(b"Authentication-Results", " p\u{f6}st.test; none".as_bytes(), "xn--pst-sna.test"));
    }

    #[test]
    fn nobody_can_tell_whose_it_is() {
        for value in [
            "",
            " ",
            "; spf=pass",
            " (open mail.home.test; spf=pass",
            " \"mail.home",
            " \"\"; none",
            " other.test 2; spf=pass",
            " other.test 1x; none",
            " other.test mail.home.test; spf=pass",
        ] {
            assert!(is_forged(b"Authentication-Results", value.as_bytes(), HOST), "{value}");
        }
        assert!(is_forged(b"x-mailbox-verdict", b" accept", HOST));
    }

    #[test]
    fn what_others_found_stays() {
        for value in [
            " other.test; spf=pass",
            " other.test 1; none",
            " (mail.home.test) other.test; dkim=pass",
            " a.mail.home.test; none",
            " home.test;",
            " other.test",
        ] {
            assert!(!is_forged(b"Authentication-Results", value.as_bytes(), HOST), "{value}");
        }
        assert!(!is_forged(b"ARC-Authentication-Results", b" i=1; mail.home.test; none", HOST));
        assert!(!is_forged(b"Subject", b" mail.home.test", HOST));
    }

    proptest! {
        #[test]
        fn nothing_breaks_it(value in "[\\x00-\\x7f]{0,60}|[ ();\"\\\\a1\\r\\n]{0,40}") {
            is_forged(b"Authentication-Results", value.as_bytes(), HOST);
        }

        #[test]
        fn blanks_and_comments_do_not_hide_it(before in "( |\\t|\r\n |\\([a-z ]{0,5}\\)){0,5}", after in "( |\r\n\t|\\([;\"a-z]{0,5}\\)){0,5}") {
            let value = format!("{before}Mail.home.TEST{after};spf=pass");
            prop_assert!(is_forged(b"Authentication-Results", value.as_bytes(), HOST), "{value}");
        }
    }
}
