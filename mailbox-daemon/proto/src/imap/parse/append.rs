//! APPEND and REPLACE (RFC 9051 section 6.3.12, RFC 3502, RFC 4469, RFC 6855 section 4, RFC 8508).

use super::cursor::{Cursor, utf8};
use super::{Dialect, Fault, argument, message};
use crate::imap::command::{
    Append, AppendMessage, AppendPlace, AppendStep, CommandBody, MessageSet, Replace, Target,
};
use crate::imap::date;
use types::{Flags, UnixSeconds};

/// APPEND up to its first streamed literal, or all of it when it has only URLs.
pub(super) fn append(cursor: &mut Cursor<'_>) -> Result<CommandBody, Fault> {
    Ok(CommandBody::Append(append_to(cursor, AppendPlace::default())?))
}

/// REPLACE, likewise.
pub(super) fn replace(cursor: &mut Cursor<'_>, uid: bool) -> Result<CommandBody, Fault> {
    let target = message::target(cursor, uid)?;
    if !is_single(&target) {
        return Err(Fault::syntax("REPLACE takes the number of one message"));
    }
    let append = append_to(cursor, AppendPlace { replace: true, ..AppendPlace::default() })?;
    Ok(CommandBody::Replace(Replace { target, append }))
}

fn is_single(target: &Target) -> bool {
    match &target.set {
        MessageSet::Numbers(set) => matches!(set.ranges(), [range] if range.first == range.last),
        MessageSet::Saved => false,
    }
}

fn append_to(cursor: &mut Cursor<'_>, place: AppendPlace) -> Result<Append, Fault> {
    let mailbox = argument(cursor, Cursor::mailbox)?;
    let mut steps = Vec::new();
    if message(cursor, place, &mut steps)? {
        more_messages(cursor, place, &mut steps)?;
    }
    Ok(Append { mailbox, steps })
}

/// What follows a literal of APPEND: the next steps, none at the end.
pub fn append_continued(
    line: &[u8],
    place: AppendPlace,
    dialect: &Dialect<'_>,
) -> Result<Vec<AppendStep>, Fault> {
    let mut cursor = Cursor::new(line, dialect);
    let mut steps = Vec::new();
    if place.utf8 {
        cursor.expect(b')', "UTF8 has one literal in its parentheses")?;
    }
    if !place.catenate || parts_end(&mut cursor, place, &mut steps)? {
        more_messages(&mut cursor, place, &mut steps)?;
    }
    Ok(steps)
}

/// Messages up to a literal or the end of the line.
fn more_messages(
    cursor: &mut Cursor<'_>,
    place: AppendPlace,
    steps: &mut Vec<AppendStep>,
) -> Result<(), Fault> {
    while !cursor.at_end() {
        if place.replace {
            return Err(Fault::syntax("REPLACE takes one message"));
        }
        if !message(cursor, place, steps)? {
            break;
        }
    }
    Ok(())
}

/// One message; true when it is complete, false when its octets come next.
fn message(cursor: &mut Cursor<'_>, place: AppendPlace, steps: &mut Vec<AppendStep>) -> Result<bool, Fault> {
    cursor.space()?;
    let mut message = AppendMessage::default();
    if cursor.peek() == Some(b'(') {
        let (flags, keywords): (&mut Flags, _) = (&mut message.flags, &mut message.keywords);
        cursor.list("flags stand in parentheses", |cursor| cursor.flag(flags, keywords))?;
        cursor.space()?;
    }
    if cursor.peek() == Some(b'"') {
        message.internal_date = Some(date_time(cursor)?);
        cursor.space()?;
    }
    steps.push(AppendStep::Message(message));
    let place = AppendPlace { catenate: false, utf8: false, ..place };
    if cursor.eat_word("CATENATE") {
        cursor.space()?;
        cursor.expect(b'(', "the parts of CATENATE stand in parentheses")?;
        let place = AppendPlace { catenate: true, ..place };
        return Ok(part(cursor, place, steps)? && parts_end(cursor, place, steps)?);
    }
    if cursor.eat_word("UTF8") {
        utf8_literal(cursor, place, steps)?;
    } else {
        octets(cursor, place, steps)?;
    }
    Ok(false)
}

/// The rest of CATENATE's list; true at its end.
fn parts_end(
    cursor: &mut Cursor<'_>,
    place: AppendPlace,
    steps: &mut Vec<AppendStep>,
) -> Result<bool, Fault> {
    while !cursor.eat(b')') {
        cursor.expect(b' ', "the parts of CATENATE go on with a space or end with )")?;
        if !part(cursor, place, steps)? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// One part of CATENATE; false when its octets come next.
fn part(cursor: &mut Cursor<'_>, place: AppendPlace, steps: &mut Vec<AppendStep>) -> Result<bool, Fault> {
    let place = AppendPlace { utf8: false, ..place };
    match &*cursor.word().to_ascii_uppercase() {
        b"TEXT" => {
            cursor.space()?;
            octets(cursor, place, steps)?;
            Ok(false)
        }
        b"URL" => {
            cursor.space()?;
            steps.push(AppendStep::Url(utf8(cursor.astring("a URL is missing")?)?));
            Ok(true)
        }
        b"UTF8" => {
            utf8_literal(cursor, place, steps)?;
            Ok(false)
        }
        _ => Err(Fault::syntax("a part of CATENATE is TEXT, UTF8 or URL")),
    }
}

fn utf8_literal(
    cursor: &mut Cursor<'_>,
    place: AppendPlace,
    steps: &mut Vec<AppendStep>,
) -> Result<(), Fault> {
    cursor.space()?;
    cursor.expect(b'(', "UTF8's literal stands in parentheses")?;
    if cursor.peek() != Some(b'~') {
        return Err(Fault::syntax("UTF8 takes a literal like ~{310}"));
    }
    octets(cursor, AppendPlace { utf8: true, ..place }, steps)
}

fn octets(cursor: &mut Cursor<'_>, place: AppendPlace, steps: &mut Vec<AppendStep>) -> Result<(), Fault> {
    let literal = cursor.literal_header()?;
    steps.push(AppendStep::Octets(literal, place));
    match cursor.rest() {
        b"" => Ok(()),
        _ => Err(Fault::syntax("a message is one literal")),
    }
}

fn date_time(cursor: &mut Cursor<'_>) -> Result<UnixSeconds, Fault> {
    let text = cursor.string("a date is missing")?;
    date::parse_date_time(&text)
        .ok_or_else(|| Fault::syntax("a date looks like \"17-Jul-1996 02:44:25 -0700\""))
}
