use super::cursor::{Cursor, utf8};
use super::{Dialect, Fault, argument, message, search_return};
use crate::imap::command::{BodyItem, CommandBody, Fetch, FetchItem, Partial, Section, SectionText, Target};

pub(super) fn fetch(cursor: &mut Cursor<'_>, uid: bool) -> Result<CommandBody, Fault> {
    let target = message::target(cursor, uid)?;
    cursor.space()?;
    let mut items = Vec::new();
    match cursor.peek() {
        Some(b'(') => items = items_in_parentheses(cursor)?,
        _ => match macro_items(cursor) {
            Some(spelled_out) => items.extend(spelled_out),
            None => items.push(item(cursor)?),
        },
    }
    if items.is_empty() {
        return Err(Fault::syntax("FETCH has nothing to fetch"));
    }
    modifiers(cursor, target, items).map(CommandBody::Fetch)
}

/// What may follow the items in parentheses (RFC 4466 section 2.4).
fn modifiers(cursor: &mut Cursor<'_>, target: Target, items: Vec<FetchItem>) -> Result<Fetch, Fault> {
    let mut fetch = Fetch { target, items, changed_since: None, vanished: false, partial: None };
    if !cursor.eat(b' ') {
        return Ok(fetch);
    }
    cursor.nonempty_list("FETCH's modifiers stand in parentheses", |cursor| {
        match &*cursor.word().to_ascii_uppercase() {
            b"CHANGEDSINCE" if fetch.changed_since.is_none() => {
                fetch.changed_since = Some(argument(cursor, Cursor::modseq)?);
            }
            b"PARTIAL" if fetch.partial.is_none() => {
                fetch.partial = Some(argument(cursor, search_return::partial_range)?);
            }
            b"VANISHED" if !fetch.vanished => fetch.vanished = true,
            b"CHANGEDSINCE" | b"PARTIAL" | b"VANISHED" => {
                return Err(Fault::syntax("a modifier is there twice"));
            }
            _ => return Err(Fault::syntax("there is no such FETCH modifier")),
        }
        Ok(())
    })?;
    if fetch.partial.is_some() && !fetch.target.uid {
        return Err(Fault::syntax("PARTIAL goes with UID FETCH"));
    }
    match fetch.vanished && !(fetch.target.uid && fetch.changed_since.is_some()) {
        true => Err(Fault::syntax("VANISHED goes with UID FETCH and CHANGEDSINCE")),
        false => Ok(fetch),
    }
}

/// Also what NOTIFY fetches of new messages.
pub(super) fn items_in_parentheses(cursor: &mut Cursor<'_>) -> Result<Vec<FetchItem>, Fault> {
    let mut items = Vec::new();
    cursor.list("FETCH's items stand in parentheses", |cursor| {
        item(cursor).map(|item| push(&mut items, item))
    })?;
    match items.is_empty() {
        true => Err(Fault::syntax("FETCH has nothing to fetch")),
        false => Ok(items),
    }
}

/// The same item asked for twice is answered once.
fn push(items: &mut Vec<FetchItem>, item: FetchItem) {
    if !items.contains(&item) {
        items.push(item);
    }
}

fn macro_items(cursor: &mut Cursor<'_>) -> Option<Vec<FetchItem>> {
    let fast = [FetchItem::Flags, FetchItem::InternalDate, FetchItem::Rfc822Size];
    let with = |more: &[FetchItem]| Some([&fast[..], more].concat());
    if cursor.eat_word("FAST") {
        with(&[])
    } else if cursor.eat_word("ALL") {
        with(&[FetchItem::Envelope])
    } else if cursor.eat_word("FULL") {
        with(&[FetchItem::Envelope, FetchItem::BodyStructure(false)])
    } else {
        None
    }
}

fn item(cursor: &mut Cursor<'_>) -> Result<FetchItem, Fault> {
    let old = |text, peek| {
        let section = Section { part: Vec::new(), text };
        FetchItem::Body(BodyItem { section, partial: None, peek, rfc822_name: true })
    };
    Ok(match &*cursor.word().to_ascii_uppercase() {
        b"BINARY" => binary(cursor, false)?,
        b"BINARY.PEEK" => binary(cursor, true)?,
        b"BINARY.SIZE" => {
            cursor.expect(b'[', "BINARY.SIZE is followed by a part in brackets")?;
            FetchItem::BinarySize(bracketed(cursor)?)
        }
        b"BODY" if cursor.peek() == Some(b'[') => body(cursor, false)?,
        b"BODY" => FetchItem::BodyStructure(false),
        b"BODY.PEEK" => body(cursor, true)?,
        b"BODYSTRUCTURE" => FetchItem::BodyStructure(true),
        b"EMAILID" => FetchItem::EmailId,
        b"ENVELOPE" => FetchItem::Envelope,
        b"FLAGS" => FetchItem::Flags,
        b"INTERNALDATE" => FetchItem::InternalDate,
        b"MODSEQ" => FetchItem::ModSeq,
        b"PREVIEW" => preview(cursor)?,
        b"RFC822" => old(SectionText::Whole, false),
        b"RFC822.HEADER" => old(SectionText::Header, true),
        b"RFC822.SIZE" => FetchItem::Rfc822Size,
        b"RFC822.TEXT" => old(SectionText::Text, false),
        b"SAVEDATE" => FetchItem::SaveDate,
        b"THREADID" => FetchItem::ThreadId,
        b"UID" => FetchItem::Uid,
        b"" => return Err(Fault::syntax("a FETCH item is missing")),
        _ => return Err(Fault::syntax("there is no such FETCH item")),
    })
}

/// `PREVIEW` and its modifier (RFC 8970 section 6).
fn preview(cursor: &mut Cursor<'_>) -> Result<FetchItem, Fault> {
    // Parentheses behind a lone item may as well hold FETCH's own modifiers.
    let is_modified = cursor.rest().get(..6).is_some_and(|next| next.eq_ignore_ascii_case(b" (LAZY"));
    if !is_modified {
        return Ok(FetchItem::Preview(false));
    }
    cursor.space()?;
    cursor.list("PREVIEW's modifiers stand in parentheses", |cursor| match cursor.eat_word("LAZY") {
        true => Ok(()),
        false => Err(Fault::syntax("the only modifier of PREVIEW is LAZY")),
    })?;
    Ok(FetchItem::Preview(true))
}

fn binary(cursor: &mut Cursor<'_>, peek: bool) -> Result<FetchItem, Fault> {
    cursor.expect(b'[', "BINARY is followed by a part in brackets")?;
    let section = bracketed(cursor)?;
    Ok(FetchItem::Binary { section, partial: partial(cursor)?, peek })
}

fn body(cursor: &mut Cursor<'_>, peek: bool) -> Result<FetchItem, Fault> {
    cursor.expect(b'[', "BODY is followed by a section in brackets")?;
    let section = bracketed(cursor)?;
    Ok(FetchItem::Body(BodyItem { section, partial: partial(cursor)?, peek, rfc822_name: false }))
}

/// A section and the bracket behind it.
fn bracketed(cursor: &mut Cursor<'_>) -> Result<Section, Fault> {
    let section = section(cursor)?;
    cursor.expect(b']', "a section ends with ]")?;
    Ok(section)
}

/// A whole section specification, as URLs have them too (RFC 5092 section 11).
pub fn section_alone(text: &[u8], dialect: &Dialect<'_>) -> Result<Section, Fault> {
    let mut cursor = Cursor::new(text, dialect);
    let section = section(&mut cursor)?;
    cursor.end()?;
    Ok(section)
}

fn section(cursor: &mut Cursor<'_>) -> Result<Section, Fault> {
    let mut part = Vec::new();
    while matches!(cursor.peek(), Some(b'0'..=b'9')) {
        part.push(cursor.nonzero()?);
        within_depth(cursor, &part)?;
        if !cursor.eat(b'.') {
            return Ok(Section { part, text: SectionText::Whole });
        }
    }
    let text = match &*cursor.word().to_ascii_uppercase() {
        b"" if part.is_empty() => SectionText::Whole,
        b"HEADER" => SectionText::Header,
        b"HEADER.FIELDS" => SectionText::HeaderFields { names: field_names(cursor)?, not: false },
        b"HEADER.FIELDS.NOT" => SectionText::HeaderFields { names: field_names(cursor)?, not: true },
        b"MIME" if !part.is_empty() => SectionText::Mime,
        b"MIME" => return Err(Fault::syntax("MIME stands behind a part number")),
        b"TEXT" => SectionText::Text,
        _ => return Err(Fault::syntax("there is no such section")),
    };
    Ok(Section { part, text })
}

fn within_depth(cursor: &Cursor<'_>, part: &[u32]) -> Result<(), Fault> {
    match part.len() <= cursor.dialect.limits.mime_depth_max {
        true => Ok(()),
        false => Err(Fault::limit("parts are not told apart that deep")),
    }
}

fn field_names(cursor: &mut Cursor<'_>) -> Result<Vec<String>, Fault> {
    let mut names = Vec::new();
    cursor.space()?;
    cursor.list("header field names stand in parentheses", |cursor| {
        names.push(utf8(cursor.astring("a header field name is missing")?)?);
        Ok(())
    })?;
    match names.is_empty() {
        true => Err(Fault::syntax("a header field name is missing")),
        false => Ok(names),
    }
}

fn partial(cursor: &mut Cursor<'_>) -> Result<Option<Partial>, Fault> {
    if !cursor.eat(b'<') {
        return Ok(None);
    }
    let first = cursor.number()?;
    // The end may be left open: old clients do so, and other servers let them.
    let count = if cursor.eat(b'.') { cursor.nonzero()? } else { u32::MAX };
    cursor.expect(b'>', "a slice looks like <0.2048>")?;
    Ok(Some(Partial { first, count }))
}
