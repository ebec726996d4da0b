//! What the people of the box teach about spam, and what it makes of mail that comes.
//!
//! IMAP's handlers tell the [`teacher`] what somebody did; it reads the messages, learns, and the next message delivered sees it. All that was learnt
//! is in memory ([`Learnt`]) and reaches the disk with the notes.

mod deeds;
pub(crate) mod expiry;
mod learnt;
pub(crate) mod teacher;
mod verdict;

pub(crate) use deeds::{Deed, Deeds};
pub use learnt::Learnt;
pub(crate) use verdict::{Content, Known};
