use super::cursor::{Cursor, utf8};
use super::{Fault, FaultKind, argument};
use crate::imap::command::{CommandBody, Search};
use crate::imap::date;
use crate::imap::search::{SearchField, SearchKey, SearchReturn};
use std::borrow::Cow;
use types::{Keyword, SystemFlag};

pub(super) fn search(cursor: &mut Cursor<'_>, uid: bool) -> Result<CommandBody, Fault> {
    cursor.space()?;
    let mut returns = None;
    if cursor.eat_word("RETURN") {
        returns = Some(argument(cursor, return_options)?);
        cursor.space()?;
    }
    if cursor.eat_word("CHARSET") {
        let charset = argument(cursor, |cursor| cursor.astring("a charset is missing"))?;
        if ![&b"UTF-8"[..], b"US-ASCII"].iter().any(|known| charset.eq_ignore_ascii_case(known)) {
            let text = Cow::Borrowed("search texts are in UTF-8 or US-ASCII");
            return Err(Fault { kind: FaultKind::BadCharset, text });
        }
        cursor.space()?;
    }
    let mut keys = vec![key(cursor, 0)?];
    while cursor.eat(b' ') {
        keys.push(key(cursor, 0)?);
    }
    Ok(CommandBody::Search(Search { uid, returns, key: all_of(keys) }))
}

fn return_options(cursor: &mut Cursor<'_>) -> Result<SearchReturn, Fault> {
    let mut returns = SearchReturn::default();
    cursor.list("RETURN's options stand in parentheses", |cursor| {
        match &*cursor.word().to_ascii_uppercase() {
            b"ALL" => returns.all = true,
            b"COUNT" => returns.count = true,
            b"MAX" => returns.max = true,
            b"MIN" => returns.min = true,
            b"SAVE" => returns.save = true,
            _ => return Err(Fault::syntax("SEARCH can RETURN ALL, COUNT, MAX, MIN and SAVE")),
        }
        Ok(())
    })?;
    if returns == SearchReturn::default() {
        returns.all = true;
    }
    Ok(returns)
}

fn all_of(mut keys: Vec<SearchKey>) -> SearchKey {
    match keys.len() {
        1 => keys.swap_remove(0),
        _ => SearchKey::And(keys),
    }
}

fn key(cursor: &mut Cursor<'_>, depth: usize) -> Result<SearchKey, Fault> {
    cursor.search_keys += 1;
    if depth >= cursor.dialect.limits.search_depth_max {
        return Err(Fault::limit("search keys are nested too deep"));
    }
    if cursor.search_keys > cursor.dialect.limits.search_keys_max {
        return Err(Fault::limit("the search has too many keys"));
    }
    match cursor.peek() {
        Some(b'(') => {
            let mut keys = Vec::new();
            cursor.list("", |cursor| key(cursor, depth + 1).map(|key| keys.push(key)))?;
            match keys.is_empty() {
                true => Err(Fault::syntax("a search key is missing between parentheses")),
                false => Ok(all_of(keys)),
            }
        }
        Some(b'0'..=b'9' | b'*' | b'$') => Ok(SearchKey::Sequence(cursor.message_set()?)),
        _ => named_key(cursor, depth),
    }
}

fn named_key(cursor: &mut Cursor<'_>, depth: usize) -> Result<SearchKey, Fault> {
    let word = cursor.word().to_ascii_uppercase();
    if let Some(key) = flag_key(&word) {
        return Ok(key);
    }
    if let Some(field) = SearchField::ALL.into_iter().find(|field| word == field.name().as_bytes()) {
        return Ok(SearchKey::Field(field, argument(cursor, text)?));
    }
    Ok(match &*word {
        b"ALL" => SearchKey::All,
        b"BEFORE" => SearchKey::Before(argument(cursor, day)?),
        b"BODY" => SearchKey::Body(argument(cursor, text)?),
        b"HEADER" => SearchKey::Header(argument(cursor, text)?, argument(cursor, text)?),
        b"KEYWORD" => SearchKey::Keyword(argument(cursor, keyword)?, true),
        b"LARGER" => SearchKey::Larger(argument(cursor, Cursor::number64)?),
        b"NEW" => SearchKey::And(vec![SearchKey::Recent(true), SearchKey::Flag(SystemFlag::Seen, false)]),
        b"NOT" => SearchKey::Not(Box::new(argument(cursor, |cursor| key(cursor, depth + 1))?)),
        b"OLD" => SearchKey::Recent(false),
        b"OLDER" => SearchKey::Older(argument(cursor, Cursor::nonzero)?),
        b"ON" => SearchKey::On(argument(cursor, day)?),
        b"OR" => {
            let either = argument(cursor, |cursor| key(cursor, depth + 1))?;
            let or = argument(cursor, |cursor| key(cursor, depth + 1))?;
            SearchKey::Or(Box::new(either), Box::new(or))
        }
        b"RECENT" => SearchKey::Recent(true),
        b"SENTBEFORE" => SearchKey::SentBefore(argument(cursor, day)?),
        b"SENTON" => SearchKey::SentOn(argument(cursor, day)?),
        b"SENTSINCE" => SearchKey::SentSince(argument(cursor, day)?),
        b"SINCE" => SearchKey::Since(argument(cursor, day)?),
        b"SMALLER" => SearchKey::Smaller(argument(cursor, Cursor::number64)?),
        b"TEXT" => SearchKey::Text(argument(cursor, text)?),
        b"UID" => SearchKey::Uid(argument(cursor, Cursor::message_set)?),
        b"UNKEYWORD" => SearchKey::Keyword(argument(cursor, keyword)?, false),
        b"YOUNGER" => SearchKey::Younger(argument(cursor, Cursor::nonzero)?),
        b"" => return Err(Fault::syntax("a search key is missing")),
        _ => return Err(Fault::syntax("there is no such search key")),
    })
}

fn flag_key(word: &[u8]) -> Option<SearchKey> {
    let (name, set) = match word.strip_prefix(b"UN") {
        Some(name) => (name, false),
        None => (word, true),
    };
    let flag = SystemFlag::ALL
        .into_iter()
        .find(|flag| flag.imap_name().as_bytes()[1..].eq_ignore_ascii_case(name))?;
    Some(SearchKey::Flag(flag, set))
}

fn text(cursor: &mut Cursor<'_>) -> Result<String, Fault> {
    utf8(cursor.astring("a search text is missing")?)
}

fn keyword(cursor: &mut Cursor<'_>) -> Result<Keyword, Fault> {
    Keyword::parse(cursor.atom("a keyword is missing")?)
        .map_err(|_| Fault::syntax("that keyword is too long"))
}

fn day(cursor: &mut Cursor<'_>) -> Result<i64, Fault> {
    let date = cursor.astring("a date is missing")?;
    date::parse_date(&date).ok_or_else(|| Fault::syntax("a date looks like 1-Feb-1994"))
}
