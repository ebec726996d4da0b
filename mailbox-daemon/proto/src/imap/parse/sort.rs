use super::cursor::Cursor;
use super::{Fault, argument, search, search_return};
use crate::imap::command::CommandBody;
use crate::imap::sort::{Sort, SortCriterion, SortKey, Thread, ThreadAlgorithm};

/// Criteria in one SORT; there are ten keys, and a key counts once.
const CRITERIA_MAX: usize = 32;

pub(super) fn sort(cursor: &mut Cursor<'_>, uid: bool) -> Result<CommandBody, Fault> {
    cursor.space()?;
    let returns = search_return::optional(cursor)?;
    let criteria = criteria(cursor)?;
    argument(cursor, |cursor| search::charset(cursor, returns.is_some_and(|returns| returns.save)))?;
    let by_relevancy = criteria.iter().any(|criterion| criterion.key == SortKey::Relevancy);
    let must_be_fuzzy = by_relevancy || search::is_fuzzy(returns);
    let key = argument(cursor, |cursor| search::keys(cursor, must_be_fuzzy))?;
    Ok(CommandBody::Sort(Sort { uid, returns, criteria, key }))
}

fn criteria(cursor: &mut Cursor<'_>) -> Result<Vec<SortCriterion>, Fault> {
    let mut criteria = Vec::new();
    cursor.list("SORT's criteria stand in parentheses", |cursor| {
        criteria.push(criterion(cursor)?);
        match criteria.len() <= CRITERIA_MAX {
            true => Ok(()),
            false => Err(Fault::limit("SORT takes at most 32 criteria")),
        }
    })?;
    match criteria.is_empty() {
        true => Err(Fault::syntax("a criterion is missing")),
        false => Ok(criteria),
    }
}

fn criterion(cursor: &mut Cursor<'_>) -> Result<SortCriterion, Fault> {
    let reverse = cursor.eat_word("REVERSE");
    if reverse {
        cursor.space()?;
    }
    let word = cursor.word();
    let key = SortKey::ALL.into_iter().find(|key| word.eq_ignore_ascii_case(key.name().as_bytes()));
    let key = key.ok_or_else(|| Fault::syntax("there is no such sort criterion"))?;
    Ok(SortCriterion { key, reverse })
}

pub(super) fn thread(cursor: &mut Cursor<'_>, uid: bool) -> Result<CommandBody, Fault> {
    cursor.space()?;
    let word = cursor.word();
    let algorithm = ThreadAlgorithm::ALL
        .into_iter()
        .find(|algorithm| word.eq_ignore_ascii_case(algorithm.name().as_bytes()))
        .ok_or_else(|| Fault::syntax("there is no such threading algorithm"))?;
    argument(cursor, |cursor| search::charset(cursor, false))?;
    let key = argument(cursor, |cursor| search::keys(cursor, false))?;
    Ok(CommandBody::Thread(Thread { uid, algorithm, key }))
}
