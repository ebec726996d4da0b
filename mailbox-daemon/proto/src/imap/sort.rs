//! SORT and THREAD (RFC 5256, RFC 5957).

use super::search::{Needs, SearchKey, SearchReturn};

/// SORT and UID SORT.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sort {
    /// Whether the answer has UIDs.
    pub uid: bool,
    /// RETURN options (RFC 5267); `None` asks for the plain SORT answer.
    pub returns: Option<SearchReturn>,
    /// By what, the most important first; at least one.
    pub criteria: Vec<SortCriterion>,
    /// Which messages.
    pub key: SearchKey,
}

/// One criterion of SORT.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SortCriterion {
    /// By what.
    pub key: SortKey,
    /// Whether it is sorted in descending order.
    pub reverse: bool,
}

/// What messages can be sorted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SortKey {
    /// The internal date.
    Arrival,
    /// The mailbox of the first Cc address.
    Cc,
    /// The date the message was sent.
    Date,
    /// The name people see of the first From address (RFC 5957).
    DisplayFrom,
    /// The name people see of the first To address (RFC 5957).
    DisplayTo,
    /// The mailbox of the first From address.
    From,
    /// How well the message matches (RFC 6203): all alike, as FUZZY is exact here.
    Relevancy,
    /// Octets.
    Size,
    /// The base subject.
    Subject,
    /// The mailbox of the first To address.
    To,
}

impl SortKey {
    /// All of them.
    pub const ALL: [SortKey; 10] = [
        SortKey::Arrival,
        SortKey::Cc,
        SortKey::Date,
        SortKey::DisplayFrom,
        SortKey::DisplayTo,
        SortKey::From,
        SortKey::Relevancy,
        SortKey::Size,
        SortKey::Subject,
        SortKey::To,
    ];

    /// The protocol's word.
    pub fn name(self) -> &'static str {
        match self {
            SortKey::Arrival => "ARRIVAL",
            SortKey::Cc => "CC",
            SortKey::Date => "DATE",
            SortKey::DisplayFrom => "DISPLAYFROM",
            SortKey::DisplayTo => "DISPLAYTO",
            SortKey::From => "FROM",
            SortKey::Relevancy => "RELEVANCY",
            SortKey::Size => "SIZE",
            SortKey::Subject => "SUBJECT",
            SortKey::To => "TO",
        }
    }

    /// What has to be looked at.
    pub fn needs(self) -> Needs {
        match self {
            SortKey::Arrival | SortKey::Relevancy | SortKey::Size => Needs::Row,
            SortKey::Cc | SortKey::Date | SortKey::From | SortKey::Subject | SortKey::To => Needs::Front,
            SortKey::DisplayFrom | SortKey::DisplayTo => Needs::Digest,
        }
    }
}

/// THREAD and UID THREAD.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Thread {
    /// Whether the answer has UIDs.
    pub uid: bool,
    /// How messages become threads.
    pub algorithm: ThreadAlgorithm,
    /// Which messages.
    pub key: SearchKey,
}

/// How messages become threads (RFC 5256 section 3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ThreadAlgorithm {
    /// By base subject, the first message above all others.
    OrderedSubject,
    /// By References, then by base subject.
    References,
    /// By References alone, threads ordered by their newest message.
    Refs,
}

impl ThreadAlgorithm {
    /// All of them.
    pub const ALL: [ThreadAlgorithm; 3] =
        [ThreadAlgorithm::OrderedSubject, ThreadAlgorithm::References, ThreadAlgorithm::Refs];

    /// The protocol's word.
    pub fn name(self) -> &'static str {
        match self {
            ThreadAlgorithm::OrderedSubject => "ORDEREDSUBJECT",
            ThreadAlgorithm::References => "REFERENCES",
            ThreadAlgorithm::Refs => "REFS",
        }
    }
}
