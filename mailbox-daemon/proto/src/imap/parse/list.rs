use super::cursor::Cursor;
use super::{Fault, argument};
use crate::imap::command::{CommandBody, List, ListReturn, ListSelection, StatusItem};

/// Longest pattern: far beyond any name, and its matching stays cheap.
const PATTERN_BYTES_MAX: usize = 4096;
const PATTERNS_MAX: usize = 100;

pub(super) fn list(cursor: &mut Cursor<'_>) -> Result<CommandBody, Fault> {
    let mut list = List::default();
    cursor.space()?;
    if cursor.peek() == Some(b'(') {
        list.extended = true;
        list.selection = selection(cursor)?;
        cursor.space()?;
    }
    list.reference = reference(cursor)?;
    cursor.space()?;
    if cursor.peek() == Some(b'(') {
        list.extended = true;
        cursor.list("patterns stand in parentheses", |cursor| {
            list.patterns.push(pattern(cursor)?);
            match list.patterns.len() <= PATTERNS_MAX {
                true => Ok(()),
                false => Err(Fault::limit("LIST takes at most 100 patterns")),
            }
        })?;
    } else {
        list.patterns.push(pattern(cursor)?);
    }
    if cursor.eat(b' ') {
        list.extended = true;
        list.returns = returns(cursor)?;
    }
    Ok(CommandBody::List(list))
}

pub(super) fn lsub(cursor: &mut Cursor<'_>) -> Result<CommandBody, Fault> {
    let reference = argument(cursor, reference)?;
    let pattern = argument(cursor, pattern)?;
    Ok(CommandBody::Lsub { reference, pattern })
}

pub(super) fn status(cursor: &mut Cursor<'_>) -> Result<CommandBody, Fault> {
    let mailbox = argument(cursor, Cursor::mailbox)?;
    let items = argument(cursor, status_items)?;
    Ok(CommandBody::Status { mailbox, items })
}

fn status_items(cursor: &mut Cursor<'_>) -> Result<Vec<StatusItem>, Fault> {
    let mut items = Vec::new();
    cursor.list("STATUS items stand in parentheses", |cursor| {
        let word = cursor.word();
        let item = StatusItem::ALL.into_iter().find(|item| word.eq_ignore_ascii_case(item.name().as_bytes()));
        let item = item.ok_or_else(|| Fault::syntax("there is no such STATUS item"))?;
        if !items.contains(&item) {
            items.push(item);
        }
        Ok(())
    })?;
    match items.is_empty() {
        true => Err(Fault::syntax("a STATUS item is missing")),
        false => Ok(items),
    }
}

fn selection(cursor: &mut Cursor<'_>) -> Result<ListSelection, Fault> {
    let mut selection = ListSelection::default();
    cursor.list("selection options stand in parentheses", |cursor| {
        match &*cursor.word().to_ascii_uppercase() {
            b"RECURSIVEMATCH" => selection.recursive_match = true,
            b"REMOTE" => selection.remote = true,
            b"SPECIAL-USE" => selection.special_use = true,
            b"SUBSCRIBED" => selection.subscribed = true,
            _ => return Err(Fault::syntax("there is no such selection option")),
        }
        Ok(())
    })?;
    match selection.recursive_match && !selection.subscribed && !selection.special_use {
        true => Err(Fault::syntax("RECURSIVEMATCH needs SUBSCRIBED or SPECIAL-USE beside it")),
        false => Ok(selection),
    }
}

fn returns(cursor: &mut Cursor<'_>) -> Result<ListReturn, Fault> {
    if !cursor.eat_word("RETURN") {
        return Err(Fault::syntax("LIST ends with RETURN and its options or with nothing"));
    }
    cursor.space()?;
    let mut returns = ListReturn::default();
    cursor.list("return options stand in parentheses", |cursor| {
        match &*cursor.word().to_ascii_uppercase() {
            b"CHILDREN" => returns.children = true,
            b"METADATA" => returns.metadata = Some(argument(cursor, super::metadata::entries)?),
            b"MYRIGHTS" => returns.my_rights = true,
            b"SPECIAL-USE" => returns.special_use = true,
            b"STATUS" => returns.status = Some(argument(cursor, status_items)?),
            b"SUBSCRIBED" => returns.subscribed = true,
            _ => return Err(Fault::syntax("there is no such return option")),
        }
        Ok(())
    })?;
    Ok(returns)
}

fn reference(cursor: &mut Cursor<'_>) -> Result<String, Fault> {
    let bytes = cursor.astring("a reference name is missing (\"\" will do)")?;
    matching_text(cursor, &bytes)
}

fn pattern(cursor: &mut Cursor<'_>) -> Result<String, Fault> {
    let bytes = match cursor.peek() {
        Some(b'"' | b'{') => cursor.string("a pattern is missing")?,
        _ => match cursor.take_while(|byte| byte.is_ascii_graphic() && !b"(){\"\\".contains(&byte)) {
            b"" => return Err(Fault::syntax("a pattern is missing (* will do)")),
            pattern => pattern.into(),
        },
    };
    matching_text(cursor, &bytes)
}

fn matching_text(cursor: &Cursor<'_>, bytes: &[u8]) -> Result<String, Fault> {
    if bytes.len() > PATTERN_BYTES_MAX {
        return Err(Fault::limit("a pattern has at most 4096 bytes"));
    }
    cursor.mailbox_text(bytes).map_err(|fault| Fault { text: fault.to_string().into(), ..Fault::syntax("") })
}
