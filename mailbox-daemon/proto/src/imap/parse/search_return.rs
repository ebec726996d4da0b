use super::cursor::Cursor;
use super::{Fault, argument};
use crate::imap::search::{PartialRange, SearchReturn};

/// `RETURN (...)` and the space behind it, if it comes next.
pub(super) fn optional(cursor: &mut Cursor<'_>) -> Result<Option<SearchReturn>, Fault> {
    if !cursor.eat_word("RETURN") {
        return Ok(None);
    }
    let returns = argument(cursor, options)?;
    cursor.space()?;
    Ok(Some(returns))
}

fn options(cursor: &mut Cursor<'_>) -> Result<SearchReturn, Fault> {
    let mut returns = SearchReturn::default();
    cursor.list("RETURN's options stand in parentheses", |cursor| option(cursor, &mut returns))?;
    if returns == SearchReturn::default() {
        returns.all = true;
    }
    match returns.all && returns.partial.is_some() {
        true => Err(Fault::syntax("RETURN takes ALL or PARTIAL, not both")),
        false => Ok(returns),
    }
}

fn option(cursor: &mut Cursor<'_>, returns: &mut SearchReturn) -> Result<(), Fault> {
    match &*cursor.word().to_ascii_uppercase() {
        b"ALL" => returns.all = true,
        b"CONTEXT" => returns.context = true,
        b"COUNT" => returns.count = true,
        b"MAX" => returns.max = true,
        b"MIN" => returns.min = true,
        b"PARTIAL" if returns.partial.is_some() => return Err(Fault::syntax("PARTIAL comes once")),
        b"PARTIAL" => returns.partial = Some(argument(cursor, partial_range)?),
        b"RELEVANCY" => returns.relevancy = true,
        b"SAVE" => returns.save = true,
        b"UPDATE" => returns.update = true,
        _ => {
            let known = "RETURN knows ALL, CONTEXT, COUNT, MAX, MIN, PARTIAL, RELEVANCY, SAVE and UPDATE";
            return Err(Fault::syntax(known));
        }
    }
    Ok(())
}

/// `partial-range` (RFC 9394 section 4): `1:10` or `-1:-10`.
pub(super) fn partial_range(cursor: &mut Cursor<'_>) -> Result<PartialRange, Fault> {
    let from_end = cursor.eat(b'-');
    let from = cursor.nonzero()?;
    cursor.expect(b':', "PARTIAL takes two numbers with a colon between")?;
    if cursor.eat(b'-') != from_end {
        return Err(Fault::syntax("both numbers of PARTIAL count from the same end"));
    }
    Ok(PartialRange { from, to: cursor.nonzero()?, from_end })
}
