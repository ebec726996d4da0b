//! ESEARCH: one search through several mailboxes (RFC 7377).

use super::command::MailboxArgument;
use super::notify::MailboxFilter;
use super::search::{SearchKey, SearchReturn};

/// ESEARCH.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MultiSearch {
    /// Where to look; without any it is the open mailbox.
    pub sources: Vec<SearchSource>,
    /// RETURN options.
    pub returns: SearchReturn,
    /// What to look for. Sequence numbers count in each mailbox.
    pub key: SearchKey,
}

/// Mailboxes to look into.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SearchSource {
    /// Those NOTIFY has a word for.
    Filter(MailboxFilter),
    /// The open one.
    Selected,
    /// These and those directly below them.
    SubtreeOne(Vec<MailboxArgument>),
}

impl MultiSearch {
    /// Whether the open mailbox is among the sources, and no other.
    pub fn is_of_selected_alone(&self) -> bool {
        self.sources.iter().all(|source| *source == SearchSource::Selected)
    }
}
