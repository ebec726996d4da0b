use super::looked_up::LookedUp;
use crate::disk;
use crate::imap::reply::Refusal;
use crate::imap::session::Selected;
use proto::imap::command::{MessageSet, Target};
use proto::imap::date::DAY_S;
use proto::imap::object_id::ObjectId;
use proto::imap::search::{HeaderField, SearchField, SearchKey};
use proto::mime::text::TextSearch;
use proto::mime::thread_id::thread_number;
use proto::mime::{DigestFront, DigestView, Part, SentDate, fold};
use store::{Identity, MessageFile, Row, StoreError, TextPlace};
use types::{Flags, ModSeq, SequenceSet, UnixSeconds};

/// A search key with everything looked up that is the same for all messages.
pub(super) enum Compiled {
    And(Vec<Compiled>),
    /// All these flags are set (`true`), or none of them is.
    Flags(Flags, bool),
    Field(HeaderField, Box<Needle>),
    Header(String, Box<TextSearch>),
    InternalDay(Days),
    Known(bool),
    Larger(u64),
    /// Changed at this modification sequence or later.
    ModSeq(ModSeq),
    Not(Box<Compiled>),
    Or(Box<Compiled>, Box<Compiled>),
    SentDay(Days),
    Smaller(u64),
    /// The thread's identifier.
    Thread(String),
    Text(Box<Wanted>),
    Uids(SequenceSet),
    /// The internal date lies in this range of seconds, ends included.
    Within(UnixSeconds, UnixSeconds),
}

/// A text to be found in a folded field; an empty one asks only for the field.
pub(super) struct Needle {
    search: TextSearch,
    is_empty: bool,
    folded: Vec<u8>,
}

/// A text to be found in the messages themselves.
pub(super) struct Wanted {
    place: TextPlace,
    search: TextSearch,
    /// What the full-text index knows.
    looked_up: Option<LookedUp>,
}

/// A range of days, ends included.
#[derive(Clone, Copy)]
pub(super) struct Days {
    first: i64,
    last: i64,
}

/// What is known of the message that is judged.
pub(super) enum Facts<'a> {
    Row,
    Front(&'a DigestFront<'a>),
    Digest(&'a DigestView<'a>),
    Message { digest: &'a DigestView<'a>, root: &'a Part<'a>, file: &'a MessageFile },
}

impl<'a> Facts<'a> {
    fn front(&self) -> Option<&'a DigestFront<'a>> {
        match self {
            Facts::Row => None,
            Facts::Front(front) => Some(front),
            Facts::Digest(digest) | Facts::Message { digest, .. } => Some(digest.front()),
        }
    }

    fn digest(&self) -> Option<&'a DigestView<'a>> {
        match self {
            Facts::Row | Facts::Front(_) => None,
            Facts::Digest(digest) | Facts::Message { digest, .. } => Some(digest),
        }
    }
}

impl Days {
    const FIRST: i64 = i64::MIN;
    const LAST: i64 = i64::MAX;

    fn before(day: i64) -> Days {
        Days { first: Days::FIRST, last: day - 1 }
    }

    fn on(day: i64) -> Days {
        Days { first: day, last: day }
    }

    fn since(day: i64) -> Days {
        Days { first: day, last: Days::LAST }
    }

    fn contains(self, day: i64) -> bool {
        (self.first..=self.last).contains(&day)
    }
}

impl Compiled {
    pub(super) fn new(
        key: &SearchKey,
        selected: &Selected,
        now: UnixSeconds,
        revision2: bool,
    ) -> Result<Compiled, Refusal> {
        let inner = |key: &SearchKey| Compiled::new(key, selected, now, revision2);
        Ok(match key {
            SearchKey::All => Compiled::Known(true),
            SearchKey::And(keys) => Compiled::and(keys.iter().map(inner).collect::<Result<_, _>>()?),
            SearchKey::Before(day) => Compiled::InternalDay(Days::before(*day)),
            // Nothing is contained in everything.
            SearchKey::Body(text) | SearchKey::Text(text) if text.is_empty() => Compiled::Known(true),
            SearchKey::Body(text) => Compiled::text(TextPlace::Body, text),
            SearchKey::EmailId(id) => Compiled::identities(selected, |identity| {
                ObjectId::Email(identity.content).to_string() == *id
            })?,
            SearchKey::Field(field, text) => Compiled::field(HeaderField::Search(*field), text),
            SearchKey::Flag(flag, set) => Compiled::Flags(Flags::system(*flag), *set),
            SearchKey::Header(name, text) => match HeaderField::of_name(name) {
                Some(field) => Compiled::field(field, text),
                None => Compiled::Header(name.clone(), Box::new(TextSearch::new(text))),
            },
            SearchKey::Keyword(keyword, set) => {
                let keywords = selected.view.mailbox().keywords();
                let slot = keywords
                    .iter()
                    .find(|(_, known)| known == keyword)
                    .and_then(|(slot, _)| Flags::keyword(*slot));
                slot.map_or(Compiled::Known(!set), |flags| Compiled::Flags(flags, *set))
            }
            SearchKey::Larger(bytes) => Compiled::Larger(*bytes),
            SearchKey::ModSeq(modseq) => Compiled::ModSeq(*modseq),
            SearchKey::Not(key) => Compiled::Not(Box::new(inner(key)?)),
            SearchKey::Older(seconds) => Compiled::Within(i64::MIN, now - i64::from(*seconds)),
            SearchKey::On(day) => Compiled::InternalDay(Days::on(*day)),
            SearchKey::Or(either, or) => Compiled::Or(Box::new(inner(either)?), Box::new(inner(or)?)),
            SearchKey::Recent(recent) => {
                let uids = if revision2 { SequenceSet::new() } else { selected.recent.clone() };
                match recent {
                    true => Compiled::Uids(uids),
                    false => Compiled::Not(Box::new(Compiled::Uids(uids))),
                }
            }
            SearchKey::SaveDateSupported => Compiled::Known(true),
            SearchKey::SavedBefore(day) => Compiled::saved(selected, Days::before(*day))?,
            SearchKey::SavedOn(day) => Compiled::saved(selected, Days::on(*day))?,
            SearchKey::SavedSince(day) => Compiled::saved(selected, Days::since(*day))?,
            SearchKey::SentBefore(day) => Compiled::SentDay(Days::before(*day)),
            SearchKey::SentOn(day) => Compiled::SentDay(Days::on(*day)),
            SearchKey::SentSince(day) => Compiled::SentDay(Days::since(*day)),
            SearchKey::Sequence(set) => Compiled::uids(selected, set, false)?,
            SearchKey::Since(day) => Compiled::InternalDay(Days::since(*day)),
            SearchKey::Smaller(bytes) => Compiled::Smaller(*bytes),
            SearchKey::Text(text) => Compiled::text(TextPlace::Anywhere, text),
            SearchKey::ThreadId(id) => Compiled::Thread(id.clone()),
            SearchKey::Uid(set) => Compiled::uids(selected, set, true)?,
            SearchKey::Younger(seconds) => Compiled::Within(now - i64::from(*seconds), i64::MAX),
        })
    }

    fn saved(selected: &Selected, days: Days) -> Result<Compiled, Refusal> {
        Compiled::identities(selected, |identity| days.contains(identity.saved.div_euclid(DAY_S)))
    }

    /// The messages of whose file names that holds: one walk through the names, then numbers to compare.
    fn identities(selected: &Selected, holds: impl Fn(Identity) -> bool) -> Result<Compiled, Refusal> {
        let all = selected.view.uids_of(&SequenceSet::all());
        let mut found = SequenceSet::new();
        disk(|| {
            selected.view.mailbox().for_each_identity(&all, |row, identity| {
                if holds(identity) {
                    found.push(row.uid.get());
                }
            })
        })?;
        Ok(Compiled::Uids(found))
    }

    fn text(place: TextPlace, text: &str) -> Compiled {
        Compiled::Text(Box::new(Wanted { place, search: TextSearch::new(text), looked_up: None }))
    }

    /// Asks `look_up` about each text that has to be in the messages themselves.
    pub(super) fn look_up(&mut self, look_up: &mut dyn FnMut(&str, TextPlace) -> Option<LookedUp>) {
        match self {
            Compiled::Text(wanted) => {
                wanted.looked_up = look_up(wanted.search.folded_key(), wanted.place);
            }
            Compiled::Not(key) => key.look_up(look_up),
            Compiled::And(keys) => keys.iter_mut().for_each(|key| key.look_up(look_up)),
            Compiled::Or(either, or) => {
                either.look_up(look_up);
                or.look_up(look_up);
            }
            _ => {}
        }
    }

    fn field(field: HeaderField, text: &str) -> Compiled {
        let needle = Needle { search: TextSearch::new(text), is_empty: text.is_empty(), folded: Vec::new() };
        Compiled::Field(field, Box::new(needle))
    }

    fn uids(selected: &Selected, set: &MessageSet, uid: bool) -> Result<Compiled, Refusal> {
        Ok(Compiled::Uids(match set {
            // Numbers beyond the last message name none; that is no mistake (RFC 7377 section 2).
            MessageSet::Numbers(seqs) if !uid => selected.view.uids_of(seqs),
            set => selected.uids(&Target { uid, set: set.clone() })?,
        }))
    }

    /// Cheap keys first: most messages are out before a dear one is asked.
    fn and(mut keys: Vec<Compiled>) -> Compiled {
        keys.sort_by_key(Compiled::cost);
        Compiled::And(keys)
    }

    fn cost(&self) -> u8 {
        match self {
            Compiled::Text(..) | Compiled::Header(..) => 2,
            Compiled::Field(..) | Compiled::SentDay(_) => 1,
            Compiled::Not(key) => key.cost(),
            Compiled::And(keys) => keys.iter().map(Compiled::cost).max().unwrap_or(0),
            Compiled::Or(either, or) => either.cost().max(or.cost()),
            _ => 0,
        }
    }

    /// The messages worth looking at: sets of numbers that must hold in any case cut them down.
    pub(super) fn candidates(&self, all: &SequenceSet) -> SequenceSet {
        match self {
            Compiled::Uids(uids) => all.intersection(uids),
            Compiled::Text(wanted) => match &wanted.looked_up {
                Some(looked_up) => all.intersection(&looked_up.candidates()),
                None => all.clone(),
            },
            Compiled::And(keys) => {
                keys.iter().fold(all.clone(), |candidates, key| key.candidates(&candidates))
            }
            _ => all.clone(),
        }
    }

    /// Whether the key holds for the message; `None` when what is known does not decide it.
    pub(super) fn judge(&mut self, row: &Row, facts: &mut Facts<'_>) -> Result<Option<bool>, StoreError> {
        let by_row = |verdict: bool| Ok(Some(verdict));
        match self {
            Compiled::And(keys) => all(keys, row, facts),
            Compiled::Field(field, needle) => Ok(needle.is_in(*field, facts)),
            Compiled::Flags(flags, set) => by_row(row.flags.contains(*flags) == *set),
            Compiled::Header(name, search) => match facts {
                Facts::Message { root, file, .. } => {
                    search.in_field(root, name, |to, at| file.read_at(to, at)).map(Some)
                }
                _ => Ok(None),
            },
            Compiled::InternalDay(days) => by_row(days.contains(row.internal_date.div_euclid(DAY_S))),
            Compiled::Known(verdict) => by_row(*verdict),
            Compiled::Larger(bytes) => by_row(row.wire_bytes > *bytes),
            Compiled::ModSeq(modseq) => by_row(row.modseq >= *modseq),
            Compiled::Not(key) => Ok(key.judge(row, facts)?.map(|verdict| !verdict)),
            Compiled::Or(either, or) => any(either, or, row, facts),
            Compiled::SentDay(days) => Ok(facts.front().map(|front| {
                // Without a Date field the internal date stands in, as the message must have been sent some day.
                let day = front.sent_date().map_or(row.internal_date.div_euclid(DAY_S), SentDate::day);
                days.contains(day)
            })),
            Compiled::Smaller(bytes) => by_row(row.wire_bytes < *bytes),
            Compiled::Text(wanted) => wanted.judge(row, facts),
            Compiled::Thread(id) => Ok(facts.digest().map(|digest| {
                let number = thread_number(digest);
                number.is_some_and(|number| ObjectId::Thread(number).to_string() == *id)
            })),
            Compiled::Uids(uids) => by_row(uids.contains(row.uid.get())),
            Compiled::Within(first, last) => by_row((*first..=*last).contains(&row.internal_date)),
        }
    }
}

fn all(keys: &mut [Compiled], row: &Row, facts: &mut Facts<'_>) -> Result<Option<bool>, StoreError> {
    let mut verdict = Some(true);
    for key in keys {
        match key.judge(row, facts)? {
            Some(true) => {}
            Some(false) => return Ok(Some(false)),
            None => verdict = None,
        }
    }
    Ok(verdict)
}

fn any(
    either: &mut Compiled,
    or: &mut Compiled,
    row: &Row,
    facts: &mut Facts<'_>,
) -> Result<Option<bool>, StoreError> {
    let first = either.judge(row, facts)?;
    if first == Some(true) {
        return Ok(first);
    }
    let second = or.judge(row, facts)?;
    match (first, second) {
        (_, Some(true)) => Ok(Some(true)),
        (Some(false), Some(false)) => Ok(Some(false)),
        _ => Ok(None),
    }
}

impl Wanted {
    fn judge(&mut self, row: &Row, facts: &Facts<'_>) -> Result<Option<bool>, StoreError> {
        let uid = row.uid.get();
        if self.looked_up.as_ref().is_some_and(|looked_up| !looked_up.may_be_in(uid)) {
            return Ok(Some(false));
        }
        let Facts::Message { root, file, .. } = facts else { return Ok(None) };
        let read = |to: &mut [u8], at| file.read_at(to, at);
        match self.place {
            TextPlace::Body => self.search.in_body(root, read).map(Some),
            TextPlace::Anywhere => self.search.in_message(root, read).map(Some),
        }
    }
}

impl Needle {
    /// Whether the field contains the text; `None` when what is known does not say.
    fn is_in(&mut self, field: HeaderField, facts: &Facts<'_>) -> Option<bool> {
        let folded = match field {
            HeaderField::Search(SearchField::Bcc) => facts.front()?.bcc(),
            HeaderField::Search(SearchField::Cc) => facts.front()?.cc(),
            HeaderField::Search(SearchField::From) => facts.front()?.from(),
            HeaderField::Search(SearchField::Subject) => facts.front()?.subject(),
            HeaderField::Search(SearchField::To) => facts.front()?.to(),
            HeaderField::ListId => facts.front()?.list_id(),
            HeaderField::InReplyTo => return Some(self.is_in_plain(facts.digest()?.in_reply_to())),
            HeaderField::MessageId => return Some(self.is_in_plain(facts.digest()?.message_id())),
            HeaderField::References => return Some(self.is_in_plain(facts.digest()?.references())),
        };
        Some(folded.is_some_and(|text| self.is_empty || self.search.in_folded(text)))
    }

    fn is_in_plain(&mut self, text: Option<&[u8]>) -> bool {
        let Some(text) = text else { return false };
        self.folded.clear();
        fold::fold(text, &mut self.folded);
        self.search.in_folded(&self.folded)
    }
}
