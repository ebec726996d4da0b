//! What a checked script is made of.

use super::run::{Failure, Flow, Run};
use super::script::Place;
use std::fmt::Debug;

/// A command that was checked: an action or a control structure.
pub trait Action: Debug + Send + Sync {
    /// Does it.
    fn run(&self, run: &mut Run<'_>) -> Result<Flow, Failure>;
}

/// A test that was checked.
pub trait Test: Debug + Send + Sync {
    /// Whether it is true.
    fn holds(&self, run: &mut Run<'_>) -> Result<bool, Failure>;
}

/// Commands in their order.
#[derive(Debug, Default)]
pub struct Block(pub(super) Vec<Statement>);

/// A command and where it is.
#[derive(Debug)]
pub struct Statement {
    pub(super) place: Place,
    pub(super) action: Box<dyn Action>,
    pub(super) gate: Gate,
}

/// A test and where it is.
#[derive(Debug)]
pub struct Condition {
    pub(super) place: Place,
    pub(super) test: Box<dyn Test>,
    pub(super) gate: Gate,
}

/// What must be so when a command or test is reached; nothing in most scripts. Only those that require `ihave` have gates that may be shut
/// (RFC 5463 section 4).
#[derive(Debug, Default)]
pub struct Gate(pub(super) Option<Box<Bars>>);

/// What may shut a gate.
#[derive(Debug, Default)]
pub struct Bars {
    /// Extensions `ihave` must have found.
    pub(super) extensions: Vec<&'static str>,
    /// Why it can never be run.
    pub(super) never: Option<String>,
}

impl Gate {
    /// A gate that is never open.
    pub fn shut(never: String) -> Gate {
        Gate(Some(Box::new(Bars { extensions: Vec::new(), never: Some(never) })))
    }
}
