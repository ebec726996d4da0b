use super::cursor::Cursor;
use super::{Fault, argument};
use crate::imap::command::{CommandBody, Resync, SelectParameters};

pub(super) fn select(cursor: &mut Cursor<'_>, read_only: bool) -> Result<CommandBody, Fault> {
    let mailbox = argument(cursor, Cursor::mailbox)?;
    let mut parameters = SelectParameters::default();
    if cursor.eat(b' ') {
        cursor.nonempty_list("SELECT's parameters stand in parentheses", |cursor| {
            parameter(cursor, &mut parameters)
        })?;
    }
    Ok(CommandBody::Select { mailbox, read_only, parameters })
}

fn parameter(cursor: &mut Cursor<'_>, parameters: &mut SelectParameters) -> Result<(), Fault> {
    match &*cursor.word().to_ascii_uppercase() {
        b"CONDSTORE" if !parameters.condstore => parameters.condstore = true,
        b"QRESYNC" if parameters.resync.is_none() => {
            parameters.resync = Some(Box::new(argument(cursor, resync)?));
        }
        b"CONDSTORE" | b"QRESYNC" => return Err(Fault::syntax("a parameter of SELECT is there twice")),
        _ => return Err(Fault::syntax("SELECT takes CONDSTORE and QRESYNC")),
    }
    Ok(())
}

/// `(uidvalidity modseq [known-uids] [(sequence-numbers uids)])` (RFC 7162 section 7).
fn resync(cursor: &mut Cursor<'_>) -> Result<Resync, Fault> {
    cursor.expect(b'(', "what QRESYNC knows stands in parentheses")?;
    let uid_validity = cursor.nonzero()?;
    let modseq = argument(cursor, Cursor::nonzero_modseq)?;
    let mut resync = Resync { uid_validity, modseq, known: None, matched: None };
    let mut goes_on = cursor.eat(b' ');
    if goes_on && cursor.peek() != Some(b'(') {
        resync.known = Some(cursor.number_set()?);
        goes_on = cursor.eat(b' ');
    }
    if goes_on {
        cursor.expect(b'(', "numbers and their UIDs stand in parentheses")?;
        let numbers = cursor.ascending_set()?;
        let uids = argument(cursor, Cursor::ascending_set)?;
        cursor.expect(b')', "numbers and their UIDs end with )")?;
        if numbers.count() != uids.count() {
            return Err(Fault::syntax("there are as many UIDs as sequence numbers"));
        }
        resync.matched = Some((numbers, uids));
    }
    cursor.expect(b')', "what QRESYNC knows ends with )")?;
    Ok(resync)
}
