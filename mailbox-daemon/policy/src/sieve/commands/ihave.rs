//! ihave (RFC 5463): using extensions only where they are there. While it is required, what is not understood fails when it is reached.

use super::{CommandRule, TestRule};
use crate::sieve::check::Arguments;
use crate::sieve::lexer::clean;
use crate::sieve::program::{Action, Test};
use crate::sieve::run::{Failure, Flow, Run};
use crate::sieve::text::Text;

pub const COMMANDS: &[CommandRule] = &[CommandRule { name: "error", extension: Some("ihave"), check: error }];

pub const TESTS: &[TestRule] = &[TestRule { name: "ihave", extension: Some("ihave"), check: ihave }];

/// Letters of `error` that are told.
const ERROR_LETTERS_MAX: usize = 1000;

fn ihave(arguments: &mut Arguments<'_>) -> Box<dyn Test> {
    let names = arguments.constants("the names of extensions");
    Box::new(IHave { extensions: names.iter().map(|(_, name)| arguments.checker.findable(name)).collect() })
}

#[derive(Debug)]
struct IHave {
    /// `None` if one of them is not there.
    extensions: Option<Vec<&'static str>>,
}

impl Test for IHave {
    fn holds(&self, run: &mut Run<'_>) -> Result<bool, Failure> {
        run.found.extend(self.extensions.iter().flatten());
        Ok(self.extensions.is_some())
    }
}

fn error(arguments: &mut Arguments<'_>) -> Box<dyn Action> {
    let (_, message) = arguments.text("a message");
    Box::new(Fail { message })
}

/// `error`
#[derive(Debug)]
struct Fail {
    message: Text,
}

impl Action for Fail {
    fn run(&self, run: &mut Run<'_>) -> Result<Flow, Failure> {
        let message = run.text(&self.message)?;
        Err(Failure::impossible(clean(&message, ERROR_LETTERS_MAX)))
    }
}
