use crate::imap::utf7;
use types::{Flags, Keyword, MailboxName, SequenceSet, SystemFlag};

/// Appends a decimal number.
pub fn number(out: &mut Vec<u8>, mut value: u64) {
    let mut digits = [0; 20];
    let mut at = digits.len();
    loop {
        at -= 1;
        digits[at] = b'0' + (value % 10) as u8;
        value /= 10;
        if value == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[at..]);
}

/// Appends a set as RFC 9051's `sequence-set`.
pub fn sequence_set(out: &mut Vec<u8>, set: &SequenceSet) {
    for (index, range) in set.ranges().iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        end(out, range.first);
        if range.last != range.first {
            out.push(b':');
            end(out, range.last);
        }
    }
}

fn end(out: &mut Vec<u8>, value: u32) {
    match value {
        u32::MAX => out.push(b'*'),
        value => number(out, u64::from(value)),
    }
}

/// Appends a string: quoted where that is allowed and short, else a literal.
pub fn string(out: &mut Vec<u8>, text: &[u8]) {
    const QUOTED_BYTES_MAX: usize = 1000;
    if text.len() <= QUOTED_BYTES_MAX && text.iter().all(|byte| matches!(byte, b' '..=b'~')) {
        return quoted(out, text);
    }
    out.push(b'{');
    number(out, text.len() as u64);
    out.extend_from_slice(b"}\r\n");
    out.extend_from_slice(text);
}

/// Appends a quoted string. The caller knows that no line end and no NUL is in it.
pub fn quoted(out: &mut Vec<u8>, text: &[u8]) {
    out.push(b'"');
    for byte in text {
        if matches!(byte, b'"' | b'\\') {
            out.push(b'\\');
        }
        out.push(*byte);
    }
    out.push(b'"');
}

/// Appends a string or NIL.
pub fn nstring(out: &mut Vec<u8>, text: Option<&[u8]>) {
    match text {
        Some(text) => string(out, text),
        None => out.extend_from_slice(b"NIL"),
    }
}

/// Appends an atom where the text is one, else a string.
pub fn astring(out: &mut Vec<u8>, text: &[u8]) {
    let atom_byte = |byte: &u8| byte.is_ascii_graphic() && !b"(){%*\"\\".contains(byte);
    match !text.is_empty() && text.iter().all(atom_byte) && !text.eq_ignore_ascii_case(b"NIL") {
        true => out.extend_from_slice(text),
        false => string(out, text),
    }
}

/// Appends a mailbox name in the session's spelling: UTF-8 in quotes, or modified UTF-7.
pub fn mailbox_name(out: &mut Vec<u8>, name: &MailboxName, utf8: bool) {
    if name.as_str().is_ascii() && !name.as_str().contains('&') {
        return astring(out, name.as_str().as_bytes());
    }
    if utf8 {
        return quoted(out, name.as_str().as_bytes());
    }
    let mut encoded = Vec::new();
    utf7::encode(name.as_str(), &mut encoded);
    astring(out, &encoded);
}

/// Appends flags of a mailbox in parentheses: system flags, keywords, and `\*` where new ones can be made.
pub fn flag_list(out: &mut Vec<u8>, system: Flags, keywords: &[Keyword], more: bool) {
    out.push(b'(');
    let begin = out.len();
    let mut put = |name: &str| {
        out.extend_from_slice(name.as_bytes());
        out.push(b' ');
    };
    for flag in SystemFlag::ALL.into_iter().filter(|flag| system.has(*flag)) {
        put(flag.imap_name());
    }
    for keyword in keywords {
        put(keyword.as_str());
    }
    if more {
        put("\\*");
    }
    if out.len() > begin {
        out.pop();
    }
    out.push(b')');
}

/// Appends one message's flags without parentheses; `keywords` names the slots.
pub(super) fn message_flags(out: &mut Vec<u8>, flags: Flags, recent: bool, keywords: &[(usize, Keyword)]) {
    let begin = out.len();
    if !flags.is_empty() {
        for flag in SystemFlag::ALL {
            if flags.has(flag) {
                out.extend_from_slice(flag.imap_name().as_bytes());
                out.push(b' ');
            }
        }
        for slot in flags.keyword_slots() {
            if let Some((_, keyword)) = keywords.iter().find(|(known, _)| *known == slot) {
                out.extend_from_slice(keyword.as_str().as_bytes());
                out.push(b' ');
            }
        }
    }
    if recent {
        out.extend_from_slice(b"\\Recent ");
    }
    if out.len() > begin {
        out.pop();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(write: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        write(&mut out);
        String::from_utf8(out).expect("tests write UTF-8")
    }

    #[test]
    fn strings_take_the_shortest_form_that_holds_them() {
        assert_eq!(written(|out| astring(out, b"INBOX")), "INBOX");
        assert_eq!(written(|out| astring(out, b"a b\"c")), "\"a b\\\"c\"");
        assert_eq!(written(|out| astring(out, b"nil")), "\"nil\"");
        assert_eq!(written(|out| astring(out, b"")), "\"\"");
        assert_eq!(written(|out| string(out, "grün".as_bytes())), "{5}\r\ngrün");
        assert_eq!(written(|out| string(out, b"a\r\nb")), "{4}\r\na\r\nb");
        assert_eq!(written(|out| nstring(out, None)), "NIL");
    }

    #[test]
    fn numbers_and_sets() {
        assert_eq!(written(|out| number(out, 0)), "0");
        assert_eq!(written(|out| number(out, u64::MAX)), u64::MAX.to_string());
        for set in [vec![(1, 1)], vec![(1, 4), (7, u32::MAX)], vec![(u32::MAX, u32::MAX)]] {
            let set = SequenceSet::from_ranges(set);
            assert_eq!(written(|out| sequence_set(out, &set)), set.to_string());
        }
    }

    #[test]
    fn names_are_spelled_as_the_session_reads_them() {
        let name = MailboxName::parse("R&D/Grün").expect("valid");
        assert_eq!(written(|out| mailbox_name(out, &name, false)), "R&-D/Gr&APw-n");
        assert_eq!(written(|out| mailbox_name(out, &name, true)), "\"R&D/Grün\"");
    }

    #[test]
    fn flags_of_a_message() {
        let flags = Flags::system(SystemFlag::Seen).with(Flags::keyword(3).expect("slot 3 exists"));
        let keywords = [(3, Keyword::parse("$Junk").expect("valid"))];
        assert_eq!(written(|out| message_flags(out, flags, true, &keywords)), "\\Seen $Junk \\Recent");
        assert_eq!(written(|out| message_flags(out, Flags::NONE, false, &keywords)), "");
    }
}
