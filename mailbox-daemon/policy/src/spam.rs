//! Spam that is recognised by what people here called spam.
//!
//! A message becomes [`Features`]: hashes of what is odd or common about it. What people do with their mail are lessons ([`lesson()`]), each message
//! one, whatever happens to it ([`Memory`]). [`Knowledge`] is what was learnt about features, per account and for the household, in bounded memory.
//! What was learnt and what is known before content (`policy::inbound`) become one verdict ([`judge`]).

mod checkpoint;
mod evaluation;
mod features;
mod hash;
mod identity;
mod knowledge;
mod ledger;
mod lesson;
mod memory;
mod scoring;
mod table;
mod verdict;

pub use evaluation::{Figures, Foretold};
pub use features::{Features, NamedFeatures};
pub use identity::Identity;
pub use knowledge::{Class, Clue, Knowledge, Learner, Opinion, Seen};
pub use ledger::Ledger;
pub use lesson::{Act, Lesson, Role, lesson};
pub use memory::{Memory, Taught};
pub use verdict::{Case, Learning, Verdict, judge};
