use super::cursor::Cursor;
use super::{Fault, argument};
use crate::imap::command::{CommandBody, Store, StoreMode, Target, Transfer};
use types::{Flags, ModSeq};

pub(super) fn target(cursor: &mut Cursor<'_>, uid: bool) -> Result<Target, Fault> {
    Ok(Target { uid, set: argument(cursor, Cursor::message_set)? })
}

pub(super) fn copy(cursor: &mut Cursor<'_>, uid: bool) -> Result<CommandBody, Fault> {
    transfer(cursor, uid).map(CommandBody::Copy)
}

pub(super) fn move_(cursor: &mut Cursor<'_>, uid: bool) -> Result<CommandBody, Fault> {
    transfer(cursor, uid).map(CommandBody::Move)
}

fn transfer(cursor: &mut Cursor<'_>, uid: bool) -> Result<Transfer, Fault> {
    Ok(Transfer { target: target(cursor, uid)?, mailbox: argument(cursor, Cursor::mailbox)? })
}

pub(super) fn store(cursor: &mut Cursor<'_>, uid: bool) -> Result<CommandBody, Fault> {
    let target = target(cursor, uid)?;
    cursor.space()?;
    let unchanged_since = store_modifiers(cursor)?;
    let mode = match cursor.peek() {
        Some(b'+') => StoreMode::Add,
        Some(b'-') => StoreMode::Remove,
        _ => StoreMode::Replace,
    };
    let _ = cursor.eat(b'+') || cursor.eat(b'-');
    let silent = match &*cursor.word().to_ascii_uppercase() {
        b"FLAGS" => false,
        b"FLAGS.SILENT" => true,
        _ => {
            return Err(Fault::syntax("STORE changes FLAGS, +FLAGS or -FLAGS, each with .SILENT or without"));
        }
    };
    cursor.space()?;
    let (mut flags, mut keywords) = (Flags::NONE, Vec::new());
    if cursor.peek() == Some(b'(') {
        cursor.list("flags stand in parentheses", |cursor| cursor.flag(&mut flags, &mut keywords))?;
    } else {
        cursor.flag(&mut flags, &mut keywords)?;
        while cursor.eat(b' ') {
            cursor.flag(&mut flags, &mut keywords)?;
        }
    }
    Ok(CommandBody::Store(Store { target, mode, silent, unchanged_since, flags, keywords }))
}

/// What may stand before STORE's flags in parentheses, with the space after it (RFC 4466 section 2.5).
fn store_modifiers(cursor: &mut Cursor<'_>) -> Result<Option<ModSeq>, Fault> {
    if cursor.peek() != Some(b'(') {
        return Ok(None);
    }
    let mut unchanged_since = None;
    cursor.nonempty_list("", |cursor| {
        match cursor.eat_word("UNCHANGEDSINCE") && unchanged_since.is_none() {
            true => {
                unchanged_since = Some(argument(cursor, Cursor::modseq)?);
                Ok(())
            }
            false => Err(Fault::syntax("the only modifier of STORE is UNCHANGEDSINCE")),
        }
    })?;
    cursor.space()?;
    Ok(unchanged_since)
}
