//! What the people of the box teach about spam, and what it makes of mail that comes.
//!
//! IMAP's handlers tell the [`teacher`] what somebody did; it reads the messages, learns, and the next message delivered sees it. All that was learnt
//! is in memory ([`Learnt`]) and reaches the disk with the notes.

pub(crate) mod expiry;
mod learnt;
pub(crate) mod teacher;
mod verdict;

pub use learnt::Learnt;
pub(crate) use verdict::{Content, Known};

use crate::backlog::Backlog;
use policy::spam::{Learner, Lesson};

/// Something somebody did with messages, that teaches something.
#[derive(Clone, Copy)]
pub(crate) struct Deed {
    /// Who did it.
    pub(crate) learner: Learner,
    /// What there is to learn of it.
    pub(crate) lesson: Lesson,
}

/// Deeds that wait to be learnt from.
pub(crate) type Deeds = Backlog<Deed>;
