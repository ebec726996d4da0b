//! Sieve (RFC 5228): what an account's rules do with a message.
//!
//! ```text
//! source text --parse--> commands --check--> Script --run(Facts)--> Plan
//! ```
//!
//! A script is checked whole before it is accepted: [`Script::compile`] tells every [`Fault`] with its place. Running is pure:
//! everything a script may ask is in [`Facts`], everything it wants done is in the [`Plan`]. Whoever runs it executes the plan as a whole or not
//! at all. Work and memory of a run are counted ([`Work`]); a run that spends more than it has ends with the message kept.

mod check;
mod commands;
mod date_part;
mod facts;
mod faults;
mod letter;
mod lexer;
pub mod matching;
mod memory;
pub mod message;
mod outcome;
mod passing;
mod plan;
mod program;
mod refusing;
mod run;
mod script;
mod suite;
mod syntax;
#[cfg(test)]
mod tests;
mod text;
mod trial;
mod work;

pub use facts::{EnvelopeFacts, EnvironmentFacts, Facts, ImapFacts, MailboxFacts, SpamFacts};
pub use outcome::{Act, Changed, Filed, Outcome, Sent};
pub use passing::{Journey, LED_MAX, Passage, leading_to, passage};
pub use plan::{
    Body, Content, Filing, Memory, MemoryKey, Notification, Plan, Redirect, Refusal, RefusalKind, Reply,
    Target, Trouble,
};
pub use refusing::{Refusing, may_answer, refusing};
pub use script::{EXTENSIONS, Fault, Needs, Place, Script, ScriptName};
pub use suite::{Suite, SuiteReport, TestReport};
pub use trial::Trial;
pub use work::{Spent, Work};
