//! What SEARCH looks for, and what each key has to look at.

use super::command::MessageSet;
use types::{Keyword, ModSeq, SystemFlag};

/// One search key (RFC 9051 section 6.4.4); strings are UTF-8 whatever charset the client used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SearchKey {
    /// Every message.
    All,
    /// Every one of these.
    And(Vec<SearchKey>),
    /// Internal date before that day. Days are counted from 1970-01-01.
    Before(i64),
    /// BODY: in the text of the parts.
    Body(String),
    /// EMAILID: the message with this identifier (RFC 8474).
    EmailId(String),
    /// BCC, CC, FROM, SUBJECT, TO.
    Field(SearchField, String),
    /// A system flag is set (`true`) or not.
    Flag(SystemFlag, bool),
    /// HEADER: the named field holds the text; an empty text asks only for the field.
    Header(String, String),
    /// KEYWORD, UNKEYWORD.
    Keyword(Keyword, bool),
    /// Larger than that many octets.
    Larger(u64),
    /// Changed at this modification sequence or later (RFC 7162 section 3.1.5). The entry a client may name beside it says
    /// nothing here: a message has one modification sequence for all its flags.
    ModSeq(ModSeq),
    /// Not this.
    Not(Box<SearchKey>),
    /// RFC 5032: internal date at least that many seconds ago.
    Older(u32),
    /// Internal date on that day.
    On(i64),
    /// Either.
    Or(Box<SearchKey>, Box<SearchKey>),
    /// `\Recent` is set (`true`: RECENT) or not (OLD).
    Recent(bool),
    /// Whether the mailbox knows when messages came into it (RFC 8514).
    SaveDateSupported,
    /// Came into the mailbox before that day (RFC 8514).
    SavedBefore(i64),
    /// Came into the mailbox on that day.
    SavedOn(i64),
    /// Came into the mailbox on that day or later.
    SavedSince(i64),
    /// Sent before that day.
    SentBefore(i64),
    /// Sent on that day.
    SentOn(i64),
    /// Sent on that day or later.
    SentSince(i64),
    /// Sequence numbers.
    Sequence(MessageSet),
    /// Internal date on that day or later.
    Since(i64),
    /// Smaller than that many octets.
    Smaller(u64),
    /// TEXT: anywhere in header or text.
    Text(String),
    /// THREADID: messages of the thread with this identifier (RFC 8474).
    ThreadId(String),
    /// UIDs.
    Uid(MessageSet),
    /// RFC 5032: internal date within that many seconds.
    Younger(u32),
}

/// A field with a search key of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SearchField {
    /// BCC.
    Bcc,
    /// CC.
    Cc,
    /// FROM.
    From,
    /// SUBJECT.
    Subject,
    /// TO.
    To,
}

impl SearchField {
    /// All of them.
    pub const ALL: [SearchField; 5] =
        [SearchField::Bcc, SearchField::Cc, SearchField::From, SearchField::Subject, SearchField::To];

    /// The key's word, which is the field's name too.
    pub fn name(self) -> &'static str {
        match self {
            SearchField::Bcc => "BCC",
            SearchField::Cc => "CC",
            SearchField::From => "FROM",
            SearchField::Subject => "SUBJECT",
            SearchField::To => "TO",
        }
    }
}

/// A field HEADER can be answered for from the digest alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeaderField {
    /// A field that has a search key too.
    Search(SearchField),
    /// In-Reply-To.
    InReplyTo,
    /// List-Id (RFC 2919).
    ListId,
    /// Message-ID.
    MessageId,
    /// References.
    References,
}

impl HeaderField {
    /// The field called `name`, if the digest keeps it.
    pub fn of_name(name: &str) -> Option<HeaderField> {
        let search = SearchField::ALL.into_iter().find(|field| field.name().eq_ignore_ascii_case(name));
        search.map(HeaderField::Search).or_else(|| match &*name.to_ascii_lowercase() {
            "in-reply-to" => Some(HeaderField::InReplyTo),
            "list-id" => Some(HeaderField::ListId),
            "message-id" => Some(HeaderField::MessageId),
            "references" => Some(HeaderField::References),
            _ => None,
        })
    }

    /// What has to be looked at.
    fn needs(self) -> Needs {
        match self {
            HeaderField::Search(_) | HeaderField::ListId => Needs::Front,
            HeaderField::InReplyTo | HeaderField::MessageId | HeaderField::References => Needs::Digest,
        }
    }
}

/// What a key has to look at, from cheap to dear.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Needs {
    /// Flags, dates, sizes and numbers: the rows in memory.
    Row,
    /// The fields that the index keeps for searches.
    Front,
    /// All that the index keeps of the header.
    Digest,
    /// The message itself.
    Message,
}

impl SearchKey {
    /// The dearest thing any part of this key looks at.
    pub fn needs(&self) -> Needs {
        match self {
            SearchKey::Body(text) | SearchKey::Text(text) if text.is_empty() => Needs::Row,
            SearchKey::Body(_) | SearchKey::Text(_) => Needs::Message,
            SearchKey::Header(name, _) => {
                HeaderField::of_name(name).map_or(Needs::Message, HeaderField::needs)
            }
            SearchKey::Field(..)
            | SearchKey::SentBefore(_)
            | SearchKey::SentOn(_)
            | SearchKey::SentSince(_) => Needs::Front,
            SearchKey::ThreadId(_) => Needs::Digest,
            SearchKey::Not(key) => key.needs(),
            SearchKey::Or(a, b) => a.needs().max(b.needs()),
            SearchKey::And(keys) => keys.iter().map(SearchKey::needs).max().unwrap_or(Needs::Row),
            _ => Needs::Row,
        }
    }

    /// Whether any part counts by sequence number; then numbers must not move while it runs (RFC 9051 section 7.5.1).
    pub fn names_sequence_numbers(&self) -> bool {
        match self {
            SearchKey::Sequence(MessageSet::Numbers(_)) => true,
            SearchKey::Not(key) => key.names_sequence_numbers(),
            SearchKey::Or(a, b) => a.names_sequence_numbers() || b.names_sequence_numbers(),
            SearchKey::And(keys) => keys.iter().any(SearchKey::names_sequence_numbers),
            _ => false,
        }
    }

    /// Whether any part asks for a modification sequence; then the answer tells one (RFC 7162 section 3.1.5).
    pub fn names_modseq(&self) -> bool {
        match self {
            SearchKey::ModSeq(_) => true,
            SearchKey::Not(key) => key.names_modseq(),
            SearchKey::Or(a, b) => a.names_modseq() || b.names_modseq(),
            SearchKey::And(keys) => keys.iter().any(SearchKey::names_modseq),
            _ => false,
        }
    }
}

/// RETURN options of SEARCH, SORT and ESEARCH (RFC 9051 section 6.4.4, RFC 5267, RFC 9394); an empty list means ALL.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SearchReturn {
    /// The lowest number; of SORT the first.
    pub min: bool,
    /// The highest number; of SORT the last.
    pub max: bool,
    /// All numbers.
    pub all: bool,
    /// How many.
    pub count: bool,
    /// Keep the result for `$`.
    pub save: bool,
    /// Some of the results by their place.
    pub partial: Option<PartialRange>,
    /// How well each message matches (RFC 6203); FUZZY is exact here, so all match fully.
    pub relevancy: bool,
    /// The same will be asked again. It changes nothing here.
    pub context: bool,
    /// Tell when the result changes, until CANCELUPDATE.
    pub update: bool,
}

impl SearchReturn {
    /// ALL and nothing else.
    pub const ALL: SearchReturn = SearchReturn {
        min: false,
        max: false,
        all: true,
        count: false,
        save: false,
        partial: None,
        relevancy: false,
        context: false,
        update: false,
    };
}

/// The range of PARTIAL: places in the result, counted from 1 at its begin or its end (RFC 9394 section 3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PartialRange {
    /// The end written first.
    pub from: u32,
    /// The end written second.
    pub to: u32,
    /// Whether places count from the end (both numbers were written with a minus).
    pub from_end: bool,
}

impl PartialRange {
    /// The places it means among `count` results, counted from 0.
    pub fn places(self, count: usize) -> std::ops::Range<usize> {
        let (near, far) = (self.from.min(self.to) as usize - 1, self.from.max(self.to) as usize);
        match self.from_end {
            false => near.min(count)..far.min(count),
            true => count.saturating_sub(far)..count.saturating_sub(near),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_needs_what_its_dearest_part_needs() {
        let subject = SearchKey::Field(SearchField::Subject, "x".to_owned());
        let key = SearchKey::And(vec![SearchKey::All, SearchKey::Not(Box::new(subject.clone()))]);
        assert_eq!(key.needs(), Needs::Front);
        assert_eq!(SearchKey::Header("References".to_owned(), String::new()).needs(), Needs::Digest);
        assert_eq!(
            SearchKey::Or(Box::new(key), Box::new(SearchKey::Body("y".to_owned()))).needs(),
            Needs::Message
        );
        assert_eq!(SearchKey::And(Vec::new()).needs(), Needs::Row);
    }

    #[test]
    fn partial_ranges_name_places_from_either_end() {
        let places = |from, to, from_end| PartialRange { from, to, from_end }.places(10);
        assert_eq!(places(1, 3, false), 0..3);
        assert_eq!(places(3, 1, false), 0..3);
        assert_eq!(places(9, 20, false), 8..10);
        assert!(places(11, 20, false).is_empty());
        assert_eq!(places(1, 1, true), 9..10);
        assert_eq!(places(1, 100, true), 0..10);
        assert_eq!(places(4, 9, true), 1..7);
        assert!(places(11, 12, true).is_empty());
    }
}
