//! Spam that is recognised by what people here called spam.
//!
//! A message becomes [`Features`]: hashes of what is odd or common about it. [`Knowledge`] is what was learnt about features, per account and for
//! the household, in bounded memory. What was learnt and what is known before content (`policy::inbound`) become one verdict.

mod features;
mod knowledge;

pub use features::Features;
pub use knowledge::{Class, Clue, Knowledge, Learner, Opinion, Seen};
