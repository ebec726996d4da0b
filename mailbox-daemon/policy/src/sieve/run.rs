//! Running a script: what it has done so far, and what every command and test may use.

mod actions;
mod evaluation;
mod search;
mod variables;

pub use actions::{Actions, Flag, letter_filing};
pub use evaluation::Evaluation;
pub use search::{Matching, SearchKey};
pub use variables::{MATCHED_MAX, VARIABLE_BYTES_MAX};

use super::facts::Facts;
use super::message::Message;
use super::plan::{Plan, Trouble};
use super::program::{Block, Condition, Gate};
use super::script::{Script, ScriptName};
use super::suite::Stage;
use super::text::Text;
use super::work::{Spent, Work};
use std::borrow::Cow;
use std::collections::BTreeSet;
use variables::Variables;

/// Where running goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Flow {
    /// With the next command.
    Next,
    /// Nowhere: `stop`.
    Stop,
    /// In the script that included this one: `return`.
    Return,
    /// Behind the innermost loop, or the innermost of that name: `break`.
    Break(Option<Box<str>>),
}

/// Why a command or test cannot be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// Work or memory is used up.
    Spent(Spent),
    /// It asks for something that cannot be; in words for the script's owner.
    Impossible(String),
    /// The same, its line known.
    Placed(Trouble),
}

impl Failure {
    /// Something that cannot be.
    pub fn impossible(what: impl Into<String>) -> Failure {
        Failure::Impossible(what.into())
    }

    fn at(self, line: usize) -> Failure {
        match self {
            Failure::Impossible(what) => Failure::Placed(Trouble::Failed { line, what }),
            known => known,
        }
    }
}

impl From<Spent> for Failure {
    fn from(spent: Spent) -> Failure {
        Failure::Spent(spent)
    }
}

impl From<Failure> for Trouble {
    fn from(failure: Failure) -> Trouble {
        match failure {
            Failure::Spent(spent) => Trouble::Spent(spent),
            Failure::Impossible(what) => Trouble::Failed { line: 0, what },
            Failure::Placed(trouble) => trouble,
        }
    }
}

/// Steps one command or test costs apart from what it looks at.
const STATEMENT_STEPS: usize = 16;

/// A longer header is not read: each of its fields takes more memory than octets.
const HEADER_BYTES_MAX: usize = 1024 * 1024;

/// One run of a script.
#[derive(Debug)]
pub struct Run<'r> {
    /// What may be asked.
    pub facts: Facts<'r>,
    /// The message as the script has changed it so far.
    pub message: Message<'r>,
    /// What may still be spent.
    pub work: Work,
    /// What is wanted so far; the filings, redirections and refusal are added by [`Run::file`] and its like.
    pub plan: Plan,
    /// Variables of the script that runs, and those all share.
    pub variables: Variables,
    pub(super) actions: Actions,
    /// Extensions `ihave` has found.
    pub(super) found: BTreeSet<&'static str>,
    /// Names of scripts that were included.
    pub(super) included: BTreeSet<ScriptName>,
    /// Scripts that run now, each within the one before.
    pub(super) including: Vec<&'r Script>,
    /// How many scripts were included.
    pub(super) includes: usize,
    /// What scripts of tests work with; `None` for all others.
    pub(super) stage: Option<Box<Stage<'r>>>,
}

impl<'r> Run<'r> {
    /// Runs a script from its beginning to its end.
    pub fn whole(script: &'r Script, facts: &Facts<'r>) -> Plan {
        if facts.header.len() > HEADER_BYTES_MAX {
            let trouble = Some(Trouble::HeaderTooLong);
            return Plan { implicit_keep: true, trouble, ..Plan::keep(facts.keep_in) };
        }
        let mut run = Run::begin(script, facts);
        let admitted = run.admit(script);
        let ended = admitted.and_then(|()| run.block(script.program())).and_then(|_| run.implicit_keep());
        match ended {
            Ok(()) => run.plan,
            Err(failure) => Plan {
                filings: vec![actions::plain_keep(facts)],
                implicit_keep: true,
                trouble: Some(failure.into()),
                log: run.plan.log,
                ..Plan::default()
            },
        }
    }

    /// A run in which nothing was done yet.
    pub(super) fn begin(script: &'r Script, facts: &Facts<'r>) -> Run<'r> {
        Run {
            facts: *facts,
            message: Message::new(facts.header, facts.body),
            work: Work::new(facts.limits.work_max, facts.limits.memory_bytes_max),
            plan: Plan::default(),
            variables: Variables::default(),
            actions: Actions::new(facts),
            found: BTreeSet::new(),
            included: BTreeSet::new(),
            including: vec![script],
            includes: 0,
            stage: None,
        }
    }

    /// Fails where an IMAP event sets off a script that requires what only a delivery has (RFC 6785 section 3.11).
    pub fn admit(&self, script: &Script) -> Result<(), Failure> {
        match (&self.facts.environment.imap, script.delivery_only()) {
            (Some(_), Some(extension)) => Err(Failure::impossible(format!(
                "\"{extension}\" is for mail that comes in, not for what is done in IMAP"
            ))),
            _ => Ok(()),
        }
    }

    /// Runs commands one after the other.
    pub fn block(&mut self, block: &Block) -> Result<Flow, Failure> {
        for statement in &block.0 {
            let ended = self.pass(&statement.gate).and_then(|()| statement.action.run(self));
            if let Some(stage) = &mut self.stage {
                stage.note(&self.plan);
            }
            match ended.map_err(|failure| failure.at(statement.place.line))? {
                Flow::Next => {}
                elsewhere => return Ok(elsewhere),
            }
        }
        Ok(Flow::Next)
    }

    /// Whether a test is true.
    pub fn holds(&mut self, condition: &Condition) -> Result<bool, Failure> {
        let held = self.pass(&condition.gate).and_then(|()| condition.test.holds(self));
        held.map_err(|failure| failure.at(condition.place.line))
    }

    /// A string with its variables as they are now.
    pub fn text<'t>(&mut self, text: &'t Text) -> Result<Cow<'t, str>, Failure> {
        self.parts().1.text(text)
    }

    /// The message to look at, and what looking needs.
    pub fn parts(&mut self) -> (&Message<'r>, Evaluation<'_>) {
        let evaluation =
            Evaluation { facts: &self.facts, work: &mut self.work, variables: &mut self.variables };
        (&self.message, evaluation)
    }

    fn pass(&mut self, gate: &Gate) -> Result<(), Failure> {
        self.work.spend(STATEMENT_STEPS)?;
        let Some(bars) = &gate.0 else { return Ok(()) };
        if let Some(what) = &bars.never {
            return Err(Failure::impossible(what.clone()));
        }
        match bars.extensions.iter().find(|extension| !self.found.contains(*extension)) {
            Some(extension) => Err(Failure::impossible(format!(
                "\"{extension}\" is used here without `require` or a successful `ihave` before it"
            ))),
            None => Ok(()),
        }
    }
}
