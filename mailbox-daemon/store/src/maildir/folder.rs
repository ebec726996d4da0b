//! Names of folders: Maildir++, as Dovecot spells it by default. A mailbox `a/b` is the directory `.a.b` of the account, each
//! level in modified UTF-7 (RFC 3501 section 5.1.3). A dot inside a level, which Maildir++ has no spelling for, is shifted too.

use types::MailboxName;

/// Longest name of a directory, in bytes.
const BYTES_MAX: usize = 255;

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+,";

/// The directory of a mailbox other than INBOX, relative to the account; `None` when a file system could not take it.
pub(crate) fn encode(name: &MailboxName) -> Option<String> {
    let mut directory = String::with_capacity(name.as_str().len() + 8);
    for level in name.levels() {
        directory.push('.');
        encode_level(level, &mut directory);
    }
    (directory.len() <= BYTES_MAX).then_some(directory)
}

/// The mailbox a directory of the account stands for; `None` for directories that are none.
pub(crate) fn decode(directory: &str) -> Option<MailboxName> {
    let levels: Option<Vec<String>> = directory.strip_prefix('.')?.split('.').map(decode_level).collect();
    let name = MailboxName::parse(&levels?.join("/")).ok()?;
    // A second spelling of a name would be a mailbox nobody can open.
    (!name.is_inbox() && encode(&name).as_deref() == Some(directory)).then_some(name)
}

fn is_plain(c: char) -> bool {
    matches!(c, ' '..='~') && !matches!(c, '&' | '.')
}

fn encode_level(level: &str, out: &mut String) {
    let mut rest = level;
    while let Some(c) = rest.chars().next() {
        if c == '&' {
            out.push_str("&-");
            rest = &rest[1..];
            continue;
        }
        let end = rest.find(|other| is_plain(other) != is_plain(c) || other == '&').unwrap_or(rest.len());
        let (run, after) = rest.split_at(end);
        match is_plain(c) {
            true => out.push_str(run),
            false => encode_run(run, out),
        }
        rest = after;
    }
}

fn encode_run(run: &str, out: &mut String) {
    out.push('&');
    let (mut bits, mut count) = (0u32, 0);
    for unit in run.encode_utf16() {
        bits = (bits << 16) | u32::from(unit);
        count += 16;
        while count >= 6 {
            count -= 6;
            out.push(char::from(ALPHABET[(bits >> count) as usize & 63]));
        }
    }
    if count > 0 {
        out.push(char::from(ALPHABET[(bits << (6 - count)) as usize & 63]));
    }
    out.push('-');
}

fn decode_level(level: &str) -> Option<String> {
    let mut out = String::with_capacity(level.len());
    let mut rest = level;
    while let Some((plain, shifted)) = rest.split_once('&') {
        out.push_str(plain);
        let (run, after) = shifted.split_once('-')?;
        match run {
            "" => out.push('&'),
            run => decode_run(run, &mut out)?,
        }
        rest = after;
    }
    out.push_str(rest);
    out.chars().all(|c| !c.is_control()).then_some(out)
}

fn decode_run(run: &str, out: &mut String) -> Option<()> {
    let (mut bits, mut count) = (0u32, 0);
    let mut units = Vec::with_capacity(run.len() / 2);
    for byte in run.bytes() {
        let value = ALPHABET.iter().position(|letter| *letter == byte)?;
        bits = (bits << 6) | value as u32;
        count += 6;
        if count >= 16 {
            count -= 16;
            units.push((bits >> count) as u16);
        }
    }
    for c in char::decode_utf16(units) {
        out.push(c.ok()?);
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn name(text: &str) -> MailboxName {
        MailboxName::parse(text).unwrap()
    }

    #[test]
    fn names_are_spelled_as_dovecot_spells_them() {
        for (mailbox, directory) in [
            ("Sent", ".Sent"),
            ("Work/Projects", ".Work.Projects"),
            ("INBOX/Kid", ".INBOX.Kid"),
            ("Entwürfe", ".Entw&APw-rfe"),
            ("R&D", ".R&-D"),
            ("日本語", ".&ZeVnLIqe-"),
            ("😀", ".&2D3eAA-"),
            ("v1.2", ".v1&AC4-2"),
        ] {
            assert_eq!(encode(&name(mailbox)).as_deref(), Some(directory));
            assert_eq!(decode(directory), Some(name(mailbox)));
        }
    }

    #[test]
    fn other_directories_are_no_mailboxes() {
        for directory in
            ["cur", ".", "..", ".a..b", ".&", ".&A-", ".&AGE-", ".&2D0-", ".INBOX", ".inbox", ".a&\u{1}-"]
        {
            assert_eq!(decode(directory), None, "{directory}");
        }
        assert_eq!(encode(&name(&"&".repeat(200))), None);
    }

    proptest! {
        #[test]
        fn every_name_comes_back(text in "[ -~\u{80}-\u{2fff}\u{1f600}-\u{1f64f}]{1,40}") {
            if let Ok(mailbox) = MailboxName::parse(&text)
                && let Some(directory) = encode(&mailbox)
                && !mailbox.is_inbox()
            {
                prop_assert!(!directory.contains('/') && directory.is_ascii());
                prop_assert_eq!(decode(&directory), Some(mailbox));
            }
        }
    }
}
