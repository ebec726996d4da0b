use super::cursor::{Cursor, utf8};
use super::{Fault, FaultKind, argument, search_return};
use crate::imap::command::{CommandBody, Search};
use crate::imap::date;
use crate::imap::object_id::ObjectId;
use crate::imap::search::{SearchField, SearchKey, SearchReturn};
use crate::mime::decode;
use std::borrow::Cow;
use types::{Keyword, ModSeq, SystemFlag};

pub(super) fn search(cursor: &mut Cursor<'_>, uid: bool) -> Result<CommandBody, Fault> {
    cursor.space()?;
    let returns = search_return::optional(cursor)?;
    Ok(CommandBody::Search(Search { uid, returns, key: charset_and_keys(cursor, returns)? }))
}

/// The end of SEARCH and ESEARCH.
pub(super) fn charset_and_keys(
    cursor: &mut Cursor<'_>,
    returns: Option<SearchReturn>,
) -> Result<SearchKey, Fault> {
    if cursor.eat_word("CHARSET") {
        if cursor.dialect.utf8_only {
            return Err(Fault::syntax("after ENABLE UTF8=ACCEPT searches name no charset"));
        }
        argument(cursor, |cursor| charset(cursor, returns.is_some_and(|returns| returns.save)))?;
        cursor.space()?;
    }
    keys(cursor, is_fuzzy(returns))
}

/// CANCELUPDATE (RFC 5267 section 6): one quoted tag at least.
pub(super) fn cancel_update(cursor: &mut Cursor<'_>) -> Result<CommandBody, Fault> {
    let mut tags = Vec::new();
    while cursor.eat(b' ') {
        tags.push(utf8(cursor.string("CANCELUPDATE takes tags in quotes")?)?);
    }
    match tags.is_empty() {
        true => Err(Fault::syntax("CANCELUPDATE takes tags in quotes")),
        false => Ok(CommandBody::CancelUpdate(tags)),
    }
}

/// The charset of the texts that follow. US-ASCII is read as UTF-8, of which it is a part.
pub(super) fn charset(cursor: &mut Cursor<'_>, save: bool) -> Result<(), Fault> {
    let label = cursor.astring("a charset is missing")?;
    let is_utf8 = [&b"UTF-8"[..], b"US-ASCII"].iter().any(|known| label.eq_ignore_ascii_case(known));
    cursor.charset = match is_utf8 {
        true => None,
        false => Some(decode::charset(&label).ok_or(Fault {
            kind: FaultKind::BadCharset { save },
            text: Cow::Borrowed("that charset is not known here"),
        })?),
    };
    Ok(())
}

/// Whether relevancy is to be told, which only FUZZY gives (RFC 6203 section 4).
pub(super) fn is_fuzzy(returns: Option<SearchReturn>) -> bool {
    returns.is_some_and(|returns| returns.relevancy)
}

/// The keys to the end of the command; all of them must hold.
pub(super) fn keys(cursor: &mut Cursor<'_>, must_be_fuzzy: bool) -> Result<SearchKey, Fault> {
    let mut keys = vec![key(cursor, 0)?];
    while cursor.eat(b' ') {
        keys.push(key(cursor, 0)?);
    }
    match must_be_fuzzy && !cursor.fuzzy {
        true => Err(Fault::syntax("RELEVANCY needs a FUZZY search key")),
        false => Ok(all_of(keys)),
    }
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
        b"EMAILID" => SearchKey::EmailId(argument(cursor, object_id)?),
        // Exact matches are good enough for those who ask for less (RFC 6203 section 4).
        b"FUZZY" => {
            cursor.fuzzy = true;
            argument(cursor, |cursor| key(cursor, depth + 1))?
        }
        b"HEADER" => SearchKey::Header(argument(cursor, text)?, argument(cursor, text)?),
        b"KEYWORD" => SearchKey::Keyword(argument(cursor, keyword)?, true),
        b"LARGER" => SearchKey::Larger(argument(cursor, Cursor::number64)?),
        b"MODSEQ" => SearchKey::ModSeq(argument(cursor, modseq)?),
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
        b"SAVEDATESUPPORTED" => SearchKey::SaveDateSupported,
        b"SAVEDBEFORE" => SearchKey::SavedBefore(argument(cursor, day)?),
        b"SAVEDON" => SearchKey::SavedOn(argument(cursor, day)?),
        b"SAVEDSINCE" => SearchKey::SavedSince(argument(cursor, day)?),
        b"SENTBEFORE" => SearchKey::SentBefore(argument(cursor, day)?),
        b"SENTON" => SearchKey::SentOn(argument(cursor, day)?),
        b"SENTSINCE" => SearchKey::SentSince(argument(cursor, day)?),
        b"SINCE" => SearchKey::Since(argument(cursor, day)?),
        b"SMALLER" => SearchKey::Smaller(argument(cursor, Cursor::number64)?),
        b"TEXT" => SearchKey::Text(argument(cursor, text)?),
        b"THREADID" => SearchKey::ThreadId(argument(cursor, object_id)?),
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
    let text = cursor.astring("a search text is missing")?;
    match cursor.charset {
        None => utf8(text),
        Some(encoding) => Ok(encoding.decode_without_bom_handling(&text).0.into_owned()),
    }
}

fn object_id(cursor: &mut Cursor<'_>) -> Result<String, Fault> {
    let id = cursor.atom("an identifier is missing")?;
    match ObjectId::is_one(id) {
        true => Ok(id.to_owned()),
        false => Err(Fault::syntax("an identifier is up to 255 letters, digits, _ and -")),
    }
}

fn keyword(cursor: &mut Cursor<'_>) -> Result<Keyword, Fault> {
    Keyword::parse(cursor.atom("a keyword is missing")?)
        .map_err(|_| Fault::syntax("that keyword is too long"))
}

/// `[entry-name entry-type-req] mod-sequence-valzer` (RFC 7162 section 3.1.5); what the entry says is of no use here.
fn modseq(cursor: &mut Cursor<'_>) -> Result<ModSeq, Fault> {
    if cursor.peek() == Some(b'"') {
        let entry = cursor.string("")?;
        if entry.strip_prefix(b"/flags/").is_none_or(<[u8]>::is_empty) {
            return Err(Fault::syntax("the entry of MODSEQ is \"/flags/\" and a flag"));
        }
        cursor.space()?;
        if !["all", "priv", "shared"].iter().any(|kind| cursor.eat_word(kind)) {
            return Err(Fault::syntax("behind the entry stands all, priv or shared"));
        }
        cursor.space()?;
    }
    cursor.modseq()
}

fn day(cursor: &mut Cursor<'_>) -> Result<i64, Fault> {
    let date = cursor.astring("a date is missing")?;
    date::parse_date(&date).ok_or_else(|| Fault::syntax("a date looks like 1-Feb-1994"))
}
