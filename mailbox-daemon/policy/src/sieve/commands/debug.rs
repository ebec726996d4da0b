//! `debug_log` of vnd.dovecot.debug: a line for the account's log.

use super::CommandRule;
use crate::sieve::check::Arguments;
use crate::sieve::lexer::clean;
use crate::sieve::program::Action;
use crate::sieve::run::{Failure, Flow, Run};
use crate::sieve::text::Text;

pub const COMMANDS: &[CommandRule] =
    &[CommandRule { name: "debug_log", extension: Some("vnd.dovecot.debug"), check: debug_log }];

/// Lines one run logs; more are dropped.
const LINES_MAX: usize = 50;
/// Letters of one line.
const LINE_LETTERS_MAX: usize = 500;

fn debug_log(arguments: &mut Arguments<'_>) -> Box<dyn Action> {
    let (_, message) = arguments.text("a message");
    Box::new(DebugLog { message })
}

#[derive(Debug)]
struct DebugLog {
    message: Text,
}

impl Action for DebugLog {
    fn run(&self, run: &mut Run<'_>) -> Result<Flow, Failure> {
        if run.plan.log.len() < LINES_MAX {
            let line = clean(&run.text(&self.message)?, LINE_LETTERS_MAX);
            run.plan.log.push(line);
        }
        Ok(Flow::Next)
    }
}
