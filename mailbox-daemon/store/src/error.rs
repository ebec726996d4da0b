use std::io;
use std::path::PathBuf;
use thiserror::Error;

/// Why the store could not do what was asked. Nothing here knows a reply code; the protocols choose those.
#[derive(Debug, Error)]
pub enum StoreError {
    /// A message file is damaged and was moved to the account's `quarantine` folder.
    #[error("a damaged message was set aside as {}", path.display())]
    Damaged {
        /// Where it lies now.
        path: PathBuf,
    },
    /// The name has mailboxes below it and is none itself, so there is nothing to delete.
    #[error("the mailbox has others below it")]
    HasChildren,
    /// INBOX cannot be deleted or made.
    #[error("INBOX always exists")]
    InboxStays,
    /// The disk answered with an error.
    #[error("disk: {0}")]
    Io(io::Error),
    /// A mailbox of that name exists.
    #[error("the mailbox exists already")]
    MailboxExists,
    /// Encoded as a folder name it is longer than a file system takes, or a file of another purpose has it.
    #[error("the mailbox name cannot be a folder name")]
    NameUnfit,
    /// No mailbox of that name.
    #[error("no such mailbox")]
    NoSuchMailbox,
    /// The message is not there (any more).
    #[error("no such message")]
    NoSuchMessage,
    /// The disk or the quota is full.
    #[error("the disk is full")]
    OutOfSpace,
    /// A sync failed, so nobody knows what the disk holds: everything is refused until the store is opened again.
    #[error("the disk failed to keep earlier data; the store must be opened again")]
    Poisoned,
    /// The file system is mounted read-only.
    #[error("the disk is read-only")]
    ReadOnly,
    /// A mailbox is shared with as many as it can be.
    #[error("the mailbox is shared with too many")]
    TooManyAclEntries,
    /// A mailbox holds as many annotations as it may, or as large ones.
    #[error("there are too many annotations")]
    TooManyAnnotations,
    /// All keyword slots of the mailbox are in use.
    #[error("a mailbox holds at most {} keywords", types::Flags::KEYWORDS_MAX)]
    TooManyKeywords,
    /// The account has as many mailboxes as it may.
    #[error("the account has too many mailboxes")]
    TooManyMailboxes,
    /// The mailbox handed out its last UID (RFC 9051 section 2.3.1.1).
    #[error("the mailbox has no UIDs left")]
    UidsExhausted,
}

impl StoreError {
    /// Whether the same request may succeed later without anybody changing it.
    pub fn is_temporary(&self) -> bool {
        matches!(
            self,
            StoreError::Io(_) | StoreError::OutOfSpace | StoreError::Poisoned | StoreError::ReadOnly
        )
    }
}

impl From<io::Error> for StoreError {
    fn from(error: io::Error) -> StoreError {
        match error.raw_os_error() {
            Some(libc::ENOSPC | libc::EDQUOT) => StoreError::OutOfSpace,
            Some(libc::EROFS) => StoreError::ReadOnly,
            _ => StoreError::Io(error),
        }
    }
}
