use super::data::{astring, mailbox_name, quoted};
use types::{MailboxName, Right, Rights};

/// Rights as answers write them, with the old letters `c` and `d` for those who know no others (RFC 4314 section 2.1.1).
fn with_old_letters(rights: Rights) -> String {
    let mut letters = rights.to_string();
    for (members, letter) in old_letters() {
        if rights.has_any(members) {
            letters.push(letter);
        }
    }
    letters
}

fn old_letters() -> [(Rights, char); 2] {
    [
        (Rights::of(&[Right::CreateBelow, Right::DeleteMailbox]), 'c'),
        (Rights::of(&[Right::DeleteMessages, Right::Expunge]), 'd'),
    ]
}

/// Appends `* ACL ...`: identifiers with their rights.
pub fn acl(out: &mut Vec<u8>, name: &MailboxName, utf8: bool, entries: &[(String, Rights)]) {
    out.extend_from_slice(b"* ACL ");
    mailbox_name(out, name, utf8);
    for (identifier, rights) in entries {
        out.push(b' ');
        astring(out, identifier.as_bytes());
        out.push(b' ');
        astring(out, with_old_letters(*rights).as_bytes());
    }
    out.extend_from_slice(b"\r\n");
}

/// Appends `* LISTRIGHTS ...`: rights that somebody has in any case, and each of the others that can be given alone.
pub fn listrights(out: &mut Vec<u8>, name: &MailboxName, utf8: bool, identifier: &str, required: Rights) {
    out.extend_from_slice(b"* LISTRIGHTS ");
    mailbox_name(out, name, utf8);
    out.push(b' ');
    astring(out, identifier.as_bytes());
    out.push(b' ');
    match required.is_empty() {
        true => quoted(out, b""),
        false => out.extend_from_slice(required.to_string().as_bytes()),
    }
    let optional = Right::ALL.into_iter().filter(|right| !required.has(*right)).map(Right::letter);
    for letter in optional.chain(old_letters().map(|(_, letter)| letter)) {
        out.extend_from_slice(&[b' ', letter as u8]);
    }
    out.extend_from_slice(b"\r\n");
}

/// Appends `* MYRIGHTS ...`.
pub fn myrights(out: &mut Vec<u8>, name: &MailboxName, utf8: bool, rights: Rights) {
    out.extend_from_slice(b"* MYRIGHTS ");
    mailbox_name(out, name, utf8);
    out.push(b' ');
    astring(out, with_old_letters(rights).as_bytes());
    out.extend_from_slice(b"\r\n");
}
