use super::cursor::Cursor;
use super::{Fault, argument, notify, search, search_return};
use crate::imap::command::CommandBody;
use crate::imap::multisearch::{MultiSearch, SearchSource};
use crate::imap::search::SearchReturn;

/// Source options in one ESEARCH.
const SOURCES_MAX: usize = 50;

/// ESEARCH (RFC 7377 section 4).
pub(super) fn esearch(cursor: &mut Cursor<'_>) -> Result<CommandBody, Fault> {
    cursor.space()?;
    let mut sources = Vec::new();
    if cursor.eat_word("IN") {
        sources = argument(cursor, self::sources)?;
        cursor.space()?;
    }
    let returns = search_return::optional(cursor)?;
    let key = search::charset_and_keys(cursor, returns)?;
    let search = MultiSearch { sources, returns: returns.unwrap_or(SearchReturn::ALL), key };
    match search.returns.save && !search.is_of_selected_alone() {
        true => Err(Fault::syntax("only what the open mailbox alone has can be saved")),
        false => Ok(CommandBody::MultiSearch(search)),
    }
}

fn sources(cursor: &mut Cursor<'_>) -> Result<Vec<SearchSource>, Fault> {
    let mut sources = Vec::new();
    cursor.list("the mailboxes to search stand in parentheses", |cursor| {
        sources.push(match &*cursor.word().to_ascii_uppercase() {
            b"SELECTED" => SearchSource::Selected,
            b"SUBTREE-ONE" => SearchSource::SubtreeOne(argument(cursor, notify::mailboxes)?),
            word => SearchSource::Filter(notify::filter(cursor, word)?),
        });
        match sources.len() <= SOURCES_MAX {
            true => Ok(()),
            false => Err(Fault::limit("ESEARCH takes at most 50 sources")),
        }
    })?;
    match sources.is_empty() {
        true => Err(Fault::syntax("mailboxes to search are missing")),
        false => Ok(sources),
    }
}
