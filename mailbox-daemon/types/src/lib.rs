//! The words every other floor speaks: addresses, envelopes, flags, UIDs, mailbox names, limits.
//!
//! Nothing here does I/O, reads a clock or knows a protocol's syntax beyond the spelling of its own words.
//! A value that exists is valid: constructors parse, nobody validates later.

mod account;
mod address;
mod counts;
mod dmarc_row;
mod envelope;
mod evidence;
mod flags;
mod limits;
mod mailbox_name;
mod network;
mod quota;
mod rights;
mod sending;
mod sequence;
mod tls_outcome;
mod uid;

pub use account::{Account, AppPassword, DirectoryEntry, Group, LocalDomain, PasswordRecord, ScramKeys};
pub use address::{Address, AddressError, Domain, LocalPart, LocalRule};
pub use counts::Counts;
pub use dmarc_row::{DmarcDkim, DmarcOverride, DmarcRow};
pub use envelope::{
    BodyType, DsnNotify, DsnReturn, Envelope, MailParameters, Recipient, ReversePath, TlsWish,
};
pub use evidence::{
    Arc, DkimSignature, Dmarc, DmarcPolicy, DmarcRecord, Evidence, Listing, Outcome, ReverseDns,
    SenderDomain, Spf,
};
pub use flags::{Flags, Keyword, KeywordError, SystemFlag};
pub use limits::Limits;
pub use mailbox_name::{MailboxName, MailboxNameError, SpecialUse};
pub use network::{Network, NetworkError};
pub use quota::{ByteSize, ByteSizeError, Quota, Usage};
pub use rights::{Right, Rights, Settable, UnknownRight};
pub use sending::{AppPasswordRules, SendingRules};
pub use sequence::{SequenceRange, SequenceSet};
pub use tls_outcome::{TlsFailure, TlsFailureType, TlsOutcome, TlsPolicy, TlsPolicyType};
pub use uid::{ModSeq, SeqNo, Uid, UidValidity};

/// Seconds since 1970-01-01T00:00:00Z. The clock is read only on the service floor and passed down.
pub type UnixSeconds = i64;
