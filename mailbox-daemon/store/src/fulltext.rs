//! The full-text side index: which messages of an account may contain a text. A cache in one file per account that is written
//! while nothing else is to be done; whoever asks looks into what it names, and into what it does not know yet.

mod sqlite;

use crate::account::AccountMail;
use crate::locked;
use sqlite::Sqlite;
use std::path::Path;
use thiserror::Error;
use types::{SequenceSet, Uid, UidValidity};

/// What is said about a mailbox: text in, UIDs out. Mailboxes go by the generation of their UIDs, which no two of an account
/// share.
pub trait FullText {
    /// How far the mailbox is known.
    fn extent(&mut self, mailbox: UidValidity) -> Result<Extent, FullTextError>;

    /// Takes in messages, ascending and above all taken in before; `last` and everything below is known from now on.
    fn add(&mut self, mailbox: UidValidity, texts: &[Text], last: Uid) -> Result<(), FullTextError>;

    /// Messages that may contain the folded text in this place, among those that are known; every one that does is among them.
    /// `None` when the text is too short to be looked up.
    fn find(
        &mut self,
        mailbox: UidValidity,
        folded: &str,
        place: TextPlace,
    ) -> Result<Option<SequenceSet>, FullTextError>;

    /// Forgets messages that are no more, when there are many.
    fn retain(
        &mut self,
        mailbox: UidValidity,
        is_there: &mut dyn FnMut(u32) -> bool,
    ) -> Result<(), FullTextError>;

    /// Forgets all mailboxes but these.
    fn retain_mailboxes(&mut self, mailboxes: &[UidValidity]) -> Result<(), FullTextError>;
}

/// How far a mailbox is known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Extent {
    /// Every message up to this UID was taken in or passed over; 0 for none.
    pub last: u32,
    /// Messages up to there whose text is not known.
    pub passed_over: SequenceSet,
}

/// One message's text, folded as it is searched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Text {
    /// Which message.
    pub uid: Uid,
    /// What is known; `None` when it was too much or could not be read.
    pub places: Option<Places>,
}

/// The texts of one message by their place.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Places {
    /// Its headers.
    pub header: Vec<u8>,
    /// Its bodies.
    pub body: Vec<u8>,
}

/// Where a text is looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TextPlace {
    /// In the bodies.
    Body,
    /// In headers and bodies.
    Anywhere,
}

/// Why the side index does not answer. Whoever asked goes through the messages themselves.
#[derive(Debug, Error)]
pub enum FullTextError {
    /// There is none.
    #[error("there is no full-text index")]
    Absent,
    /// The file is none of ours or damaged; it is thrown away.
    #[error("the full-text index is damaged: {0}")]
    Damaged(String),
    /// The disk does not let it be read or written just now.
    #[error("the full-text index cannot be used: {0}")]
    Unavailable(String),
}

/// The file's name in the account's index directory.
const FILE_NAME: &str = "fulltext.db";

impl AccountMail {
    /// Uses the account's side index; with `create` it is made if it is not there. One at a time; the file is closed
    /// afterwards, and removed when it turned out to be damaged.
    pub fn with_full_text<T>(
        &self,
        create: bool,
        work: impl FnOnce(&mut dyn FullText) -> Result<T, FullTextError>,
    ) -> Result<T, FullTextError> {
        let disk = &self.core().disk;
        // The file is not read and written through the store's door to the disk, so there has to be a real one.
        if !disk.is_real() {
            return Err(FullTextError::Absent);
        }
        let dir = self.index_dir();
        let path = dir.join(FILE_NAME);
        let _turn = locked(&self.full_text);
        if !create && disk.stat(&path).is_err() {
            return Err(FullTextError::Absent);
        }
        disk.create_dir_all(&dir).map_err(|error| FullTextError::Unavailable(error.to_string()))?;
        let done = Sqlite::open(&path).and_then(|mut sqlite| work(&mut sqlite));
        if let Err(FullTextError::Damaged(_)) = done {
            discard(&path);
        }
        done
    }
}

/// Removes a damaged file and what SQLite may have laid beside it.
fn discard(path: &Path) {
    for extension in ["", "-journal", "-wal", "-shm"] {
        let mut name = path.as_os_str().to_owned();
        name.push(extension);
        let _ = std::fs::remove_file(name);
    }
}
