use super::data::{mailbox_name, number, sequence_set, string};
use crate::imap::command::Tag;
use crate::imap::search::{PartialRange, SearchReturn};
use types::{MailboxName, ModSeq, SequenceSet};

/// What a search found.
#[derive(Clone, Copy, Debug)]
pub enum Found<'a> {
    /// Of SEARCH, ascending.
    Set(&'a SequenceSet),
    /// Of SORT, in its order.
    Sorted(&'a [u32]),
}

impl Found<'_> {
    fn first(self) -> Option<u32> {
        match self {
            Found::Set(set) => set.ranges().first().map(|range| range.first),
            Found::Sorted(numbers) => numbers.first().copied(),
        }
    }

    fn last(self) -> Option<u32> {
        match self {
            Found::Set(set) => set.ranges().last().map(|range| range.last),
            Found::Sorted(numbers) => numbers.last().copied(),
        }
    }

    fn count(self) -> usize {
        match self {
            Found::Set(set) => set.count() as usize,
            Found::Sorted(numbers) => numbers.len(),
        }
    }

    /// What SAVE keeps for `$`: MIN, MAX and PARTIAL alone keep what they tell (RFC 5182 section 2.4, RFC 9394 section 3.1).
    pub fn saved(self, returns: SearchReturn) -> SequenceSet {
        let SearchReturn { min, max, all, count, partial, .. } = returns;
        if all || count || !(min || max || partial.is_some()) {
            return match self {
                Found::Set(set) => set.clone(),
                Found::Sorted(numbers) => SequenceSet::from_ranges(numbers.iter().map(|uid| (*uid, *uid))),
            };
        }
        let first = self.first().filter(|_| min).map(|uid| (uid, uid));
        let last = self.last().filter(|_| max).map(|uid| (uid, uid));
        let places = partial.map(|range| range.places(self.count())).unwrap_or_default();
        let told: Vec<(u32, u32)> = match self {
            Found::Set(set) => {
                set.places(places).ranges().iter().map(|range| (range.first, range.last)).collect()
            }
            Found::Sorted(numbers) => numbers[places].iter().map(|uid| (*uid, *uid)).collect(),
        };
        SequenceSet::from_ranges(first.into_iter().chain(last).chain(told))
    }

    fn write(self, out: &mut Vec<u8>) {
        match self {
            Found::Set(set) => sequence_set(out, set),
            Found::Sorted(numbers) => runs(out, numbers),
        }
    }

    fn write_partial(self, out: &mut Vec<u8>, range: PartialRange) {
        let places = range.places(self.count());
        match self {
            Found::Set(set) => sequence_set(out, &set.places(places)),
            Found::Sorted(numbers) => runs(out, &numbers[places]),
        }
    }
}

/// Numbers in the order they have, as a sequence set: only what ascends by one becomes a range (RFC 5267 section 3).
fn runs(out: &mut Vec<u8>, numbers: &[u32]) {
    for (index, run) in numbers.chunk_by(|a, b| a.checked_add(1) == Some(*b)).enumerate() {
        if index > 0 {
            out.push(b',');
        }
        number(out, u64::from(run[0]));
        if let [_, .., last] = run {
            out.push(b':');
            number(out, u64::from(*last));
        }
    }
}

/// Appends `* SEARCH ...` (RFC 3501 section 7.2.5), with the highest modification sequence found where one was asked for
/// (RFC 7162 section 3.1.6).
pub fn search(out: &mut Vec<u8>, found: &SequenceSet, modseq: Option<ModSeq>) {
    out.extend_from_slice(b"* SEARCH");
    numbers(out, found.iter());
    end(out, modseq);
}

/// The end of SEARCH and SORT.
fn end(out: &mut Vec<u8>, modseq: Option<ModSeq>) {
    if let Some(modseq) = modseq {
        out.extend_from_slice(b" (MODSEQ ");
        number(out, modseq.0);
        out.push(b')');
    }
    out.extend_from_slice(b"\r\n");
}

/// Writes `* SORT ...` (RFC 5256 section 4) piece by piece.
#[derive(Debug)]
pub struct SortWriter(());

impl SortWriter {
    /// Starts the answer.
    pub fn begin(out: &mut Vec<u8>) -> SortWriter {
        out.extend_from_slice(b"* SORT");
        SortWriter(())
    }

    /// The next numbers.
    pub fn numbers(&mut self, out: &mut Vec<u8>, sorted: &[u32]) {
        numbers(out, sorted.iter().copied());
    }

    /// Ends the answer.
    pub fn end(self, out: &mut Vec<u8>, modseq: Option<ModSeq>) {
        end(out, modseq);
    }
}

fn numbers(out: &mut Vec<u8>, numbers: impl Iterator<Item = u32>) {
    for value in numbers {
        out.push(b' ');
        number(out, u64::from(value));
    }
}

/// Appends `* ESEARCH ...` (RFC 9051 section 7.3.4, RFC 7162 section 3.1.10).
pub fn esearch(
    out: &mut Vec<u8>,
    tag: &Tag,
    uid: bool,
    returns: SearchReturn,
    found: Found<'_>,
    modseq: Option<ModSeq>,
) {
    out.extend_from_slice(b"* ESEARCH (TAG ");
    string(out, tag.as_str().as_bytes());
    out.extend_from_slice(if uid { b") UID" } else { b")" });
    results(out, returns, found, modseq);
}

/// A mailbox ESEARCH looked into.
#[derive(Clone, Copy, Debug)]
pub struct SearchedMailbox<'a> {
    /// What it is called.
    pub name: &'a MailboxName,
    /// The generation of its UIDs.
    pub uid_validity: u32,
    /// Whether names are told in UTF-8.
    pub utf8: bool,
}

/// Appends `* ESEARCH (TAG "x" MAILBOX y UIDVALIDITY 1) UID ...` (RFC 7377 section 2.1).
pub fn multisearch(
    out: &mut Vec<u8>,
    tag: &Tag,
    mailbox: &SearchedMailbox<'_>,
    returns: SearchReturn,
    found: Found<'_>,
) {
    out.extend_from_slice(b"* ESEARCH (TAG ");
    string(out, tag.as_str().as_bytes());
    out.extend_from_slice(b" MAILBOX ");
    mailbox_name(out, mailbox.name, mailbox.utf8);
    out.extend_from_slice(b" UIDVALIDITY ");
    number(out, u64::from(mailbox.uid_validity));
    out.extend_from_slice(b") UID");
    results(out, returns, found, None);
}

/// How the result of a search changed that is kept up to date.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ContextChange {
    /// Messages came to it.
    Added,
    /// Messages left it.
    Removed,
}

/// Appends `* ESEARCH (TAG "x") ADDTO (0 ...)` or REMOVEFROM; place 0 says that results have no order of their own
/// (RFC 5267 section 4.3).
pub fn context_change(out: &mut Vec<u8>, tag: &Tag, uid: bool, change: ContextChange, numbers: &SequenceSet) {
    out.extend_from_slice(b"* ESEARCH (TAG ");
    string(out, tag.as_str().as_bytes());
    out.extend_from_slice(if uid { b") UID" } else { b")" });
    out.extend_from_slice(match change {
        ContextChange::Added => b" ADDTO (0 ",
        ContextChange::Removed => b" REMOVEFROM (0 ",
    });
    sequence_set(out, numbers);
    out.extend_from_slice(b")\r\n");
}

/// The return data of ESEARCH and the line's end.
pub(super) fn results(out: &mut Vec<u8>, returns: SearchReturn, found: Found<'_>, modseq: Option<ModSeq>) {
    let item = |out: &mut Vec<u8>, name: &[u8], value: Option<u64>| {
        if let Some(value) = value {
            out.extend_from_slice(name);
            number(out, value);
        }
    };
    item(out, b" MIN ", found.first().filter(|_| returns.min).map(u64::from));
    item(out, b" MAX ", found.last().filter(|_| returns.max).map(u64::from));
    if returns.all && found.count() > 0 {
        out.extend_from_slice(b" ALL ");
        found.write(out);
    }
    if let Some(range) = returns.partial {
        partial(out, range, found);
    }
    item(out, b" COUNT ", returns.count.then(|| found.count() as u64));
    item(out, b" MODSEQ ", modseq.map(|modseq| modseq.0));
    if returns.relevancy && found.count() > 0 {
        relevancy(out, returns.partial.map_or(found.count(), |range| range.places(found.count()).len()));
    }
    out.extend_from_slice(b"\r\n");
}

/// ` PARTIAL (1:10 ...)`; NIL when nothing lies there (RFC 9394 section 3.1).
fn partial(out: &mut Vec<u8>, range: PartialRange, found: Found<'_>) {
    out.extend_from_slice(b" PARTIAL (");
    let (near, far) = (range.from.min(range.to), range.from.max(range.to));
    partial_range(out, PartialRange { from: near, to: far, ..range });
    out.push(b' ');
    match range.places(found.count()).is_empty() {
        true => out.extend_from_slice(b"NIL"),
        false => found.write_partial(out, range),
    }
    out.push(b')');
}

/// `1:10` or `-1:-10`.
pub(super) fn partial_range(out: &mut Vec<u8>, range: PartialRange) {
    let minus: &[u8] = if range.from_end { b"-" } else { b"" };
    out.extend_from_slice(minus);
    number(out, u64::from(range.from));
    out.push(b':');
    out.extend_from_slice(minus);
    number(out, u64::from(range.to));
}

/// ` RELEVANCY (100 ...)`, one for each message told.
fn relevancy(out: &mut Vec<u8>, count: usize) {
    for index in 0..count {
        out.extend_from_slice(if index == 0 { b" RELEVANCY (100" } else { b" 100" });
    }
    if count > 0 {
        out.push(b')');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(uid: bool, returns: SearchReturn, found: Found<'_>) -> String {
        let mut out = Vec::new();
        esearch(&mut out, &Tag::parse(b"a").expect("a tag"), uid, returns, found, None);
        String::from_utf8(out).expect("ascii").trim_end().to_owned()
    }

    #[test]
    fn esearch_leaves_out_what_is_not_there() {
        let returns = SearchReturn { min: true, max: true, count: true, ..SearchReturn::ALL };
        let nothing = SequenceSet::new();
        assert_eq!(line(true, returns, Found::Set(&nothing)), "* ESEARCH (TAG \"a\") UID COUNT 0");
        let set = SequenceSet::from_ranges([(2, 4), (8, 8)]);
        assert_eq!(
            line(false, returns, Found::Set(&set)),
            "* ESEARCH (TAG \"a\") MIN 2 MAX 8 ALL 2:4,8 COUNT 4"
        );
    }

    #[test]
    fn sorted_results_keep_their_order() {
        let returns = SearchReturn { min: true, max: true, ..SearchReturn::ALL };
        assert_eq!(
            line(false, returns, Found::Sorted(&[5, 3, 4, 2, 1, 7])),
            "* ESEARCH (TAG \"a\") MIN 5 MAX 7 ALL 5,3:4,2,1,7"
        );
    }

    #[test]
    fn partial_tells_places_of_the_result() {
        let set = SequenceSet::from_ranges([(2, 4), (8, 8), (10, 12)]);
        let told = |from, to, from_end| {
            let partial = Some(PartialRange { from, to, from_end });
            let returns = SearchReturn { partial, ..SearchReturn::default() };
            line(false, returns, Found::Set(&set)).split_off("* ESEARCH (TAG \"a\") ".len())
        };
        assert_eq!(told(2, 4, false), "PARTIAL (2:4 3:4,8)");
        assert_eq!(told(9, 1, false), "PARTIAL (1:9 2:4,8,10:12)");
        assert_eq!(told(1, 2, true), "PARTIAL (-1:-2 11:12)");
        assert_eq!(told(8, 9, false), "PARTIAL (8:9 NIL)");
    }
}
