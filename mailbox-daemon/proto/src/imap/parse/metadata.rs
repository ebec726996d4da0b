use super::cursor::Cursor;
use super::{Fault, argument};
use crate::imap::command::CommandBody;
use crate::imap::metadata::{Annotated, Depth, EntryName, GetMetadata, SetMetadata};
use types::MailboxName;

/// Entries one command may name.
const ENTRIES_MAX: usize = 100;

/// The options stand before the mailbox in the grammar of RFC 5464 and behind it in its examples; both are taken.
pub(super) fn getmetadata(cursor: &mut Cursor<'_>) -> Result<CommandBody, Fault> {
    cursor.space()?;
    let mut found = None;
    if cursor.peek() == Some(b'(') {
        found = Some(options(cursor)?);
        cursor.space()?;
    }
    let of = annotated(cursor)?;
    cursor.space()?;
    let begins_entries = matches!(cursor.rest(), [b'(', b'/' | b'"' | b'{', ..]);
    if found.is_none() && cursor.peek() == Some(b'(') && !begins_entries {
        found = Some(options(cursor)?);
        cursor.space()?;
    }
    let (value_bytes_max, depth) = found.unwrap_or_default();
    let entries = entries(cursor)?;
    Ok(CommandBody::GetMetadata(GetMetadata { of, value_bytes_max, depth, entries }))
}

pub(super) fn setmetadata(cursor: &mut Cursor<'_>) -> Result<CommandBody, Fault> {
    let of = argument(cursor, annotated)?;
    cursor.space()?;
    let mut values: Vec<(EntryName, Option<Vec<u8>>)> = Vec::new();
    cursor.list("entries and values stand in parentheses", |cursor| {
        let name = entry(cursor)?;
        if !name.holds_value() {
            return Err(Fault::syntax("an entry with a value has more components"));
        }
        let value = argument(cursor, Cursor::binary_nstring)?;
        if values.iter().any(|(other, _)| *other == name) {
            return Err(Fault::syntax("an entry is set twice"));
        }
        values.push((name, value));
        at_most(values.len())
    })?;
    match values.is_empty() {
        true => Err(Fault::syntax("an entry is missing")),
        false => Ok(CommandBody::SetMetadata(SetMetadata { of, values })),
    }
}

/// One entry, or several in parentheses.
pub(super) fn entries(cursor: &mut Cursor<'_>) -> Result<Vec<EntryName>, Fault> {
    let mut entries = Vec::new();
    if cursor.peek() != Some(b'(') {
        return Ok(vec![entry(cursor)?]);
    }
    cursor.list("entries stand in parentheses", |cursor| {
        let entry = entry(cursor)?;
        if !entries.contains(&entry) {
            entries.push(entry);
        }
        at_most(entries.len())
    })?;
    match entries.is_empty() {
        true => Err(Fault::syntax("an entry is missing")),
        false => Ok(entries),
    }
}

fn at_most(count: usize) -> Result<(), Fault> {
    match count <= ENTRIES_MAX {
        true => Ok(()),
        false => Err(Fault::limit("one command names at most 100 entries")),
    }
}

fn entry(cursor: &mut Cursor<'_>) -> Result<EntryName, Fault> {
    let text = cursor.text("an entry is missing")?;
    EntryName::parse(&text)
        .ok_or_else(|| Fault::syntax("an entry is called /shared/... or /private/..., without * and %"))
}

fn annotated(cursor: &mut Cursor<'_>) -> Result<Annotated, Fault> {
    let name = cursor.astring("a mailbox name is missing (\"\" for the server)")?;
    match name.is_empty() {
        true => Ok(Annotated::Server),
        false => {
            let text = cursor.mailbox_text(&name);
            Ok(Annotated::Mailbox(text.and_then(|text| Ok(MailboxName::parse(&text)?))))
        }
    }
}

fn options(cursor: &mut Cursor<'_>) -> Result<(Option<u32>, Depth), Fault> {
    let (mut value_bytes_max, mut depth) = (None, None);
    cursor.list("options stand in parentheses", |cursor| {
        let is_first = match &*cursor.word().to_ascii_uppercase() {
            b"MAXSIZE" => value_bytes_max.replace(argument(cursor, Cursor::number)?).is_none(),
            b"DEPTH" => {
                cursor.space()?;
                let reach = match &*cursor.word().to_ascii_uppercase() {
                    b"0" => Depth::Nothing,
                    b"1" => Depth::NextLevel,
                    b"INFINITY" => Depth::Everything,
                    _ => return Err(Fault::syntax("DEPTH is 0, 1 or infinity")),
                };
                depth.replace(reach).is_none()
            }
            _ => return Err(Fault::syntax("the options of GETMETADATA are MAXSIZE and DEPTH")),
        };
        match is_first {
            true => Ok(()),
            false => Err(Fault::syntax("an option stands twice")),
        }
    })?;
    match (value_bytes_max, depth) {
        (None, None) => Err(Fault::syntax("an option is missing")),
        (bytes, depth) => Ok((bytes, depth.unwrap_or_default())),
    }
}
