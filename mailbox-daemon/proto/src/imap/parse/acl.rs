use super::cursor::Cursor;
use super::{Fault, argument};
use crate::imap::acl::{AclSubject, RightsChange};
use crate::imap::command::CommandBody;
use crate::sasl;
use std::borrow::Cow;
use types::Rights;

pub(super) fn setacl(cursor: &mut Cursor<'_>) -> Result<CommandBody, Fault> {
    let subject = subject(cursor)?;
    cursor.space()?;
    let text = cursor.text("rights are missing (\"\" for none)")?;
    let change = match text.as_bytes().first() {
        Some(b'+') => RightsChange::Add(rights(&text[1..])?),
        Some(b'-') => RightsChange::Remove(rights(&text[1..])?),
        _ => RightsChange::Replace(rights(&text)?),
    };
    Ok(CommandBody::SetAcl(subject, change))
}

/// A letter that is no right makes the command fail (RFC 4314 section 3.1).
fn rights(letters: &str) -> Result<Rights, Fault> {
    Rights::parse(letters)
        .map_err(|unknown| Fault { text: Cow::Owned(unknown.to_string()), ..Fault::syntax("") })
}

/// `SP mailbox SP identifier`.
pub(super) fn subject(cursor: &mut Cursor<'_>) -> Result<AclSubject, Fault> {
    let mailbox = argument(cursor, Cursor::mailbox)?;
    cursor.space()?;
    let identifier = cursor.text("an identifier is missing")?;
    // "the server MUST refuse to perform the command with a BAD response" (RFC 4314 section 3).
    match sasl::prepare(&identifier) {
        Ok(prepared) if !prepared.is_empty() => Ok(AclSubject { mailbox, identifier }),
        _ => Err(Fault::syntax("nobody can have that identifier")),
    }
}
