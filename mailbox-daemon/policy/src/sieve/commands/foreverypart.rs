//! foreverypart and extracttext (RFC 5703 sections 3 and 7).

use super::CommandRule;
use super::variables::Modifiers;
use crate::sieve::check::Arguments;
use crate::sieve::lexer::short;
use crate::sieve::program::{Action, Block};
use crate::sieve::run::{Failure, Flow, Run};
use crate::sieve::text::Variable;

pub const COMMANDS: &[CommandRule] = &[
    CommandRule { name: "foreverypart", extension: Some("foreverypart"), check: for_every_part },
    CommandRule { name: "break", extension: Some("foreverypart"), check: break_ },
    CommandRule { name: "extracttext", extension: Some("extracttext"), check: extract_text },
];

/// Loops within one another.
const LOOPS_MAX: usize = 4;
/// Going on to the next part.
const PART_STEPS: usize = 64;

fn for_every_part(arguments: &mut Arguments<'_>) -> Box<dyn Action> {
    let name: Option<Box<str>> = arguments.constant_of("name", None).map(|(_, name)| name.into());
    if arguments.checker.loops.len() >= LOOPS_MAX {
        arguments
            .fault(arguments.place(), format!("at most {LOOPS_MAX} `foreverypart` stand within one another"));
    }
    arguments.checker.loops.push(name.clone());
    let block = arguments.block();
    arguments.checker.loops.pop();
    Box::new(ForEveryPart { name, block })
}

#[derive(Debug)]
struct ForEveryPart {
    name: Option<Box<str>>,
    block: Block,
}

impl Action for ForEveryPart {
    fn run(&self, run: &mut Run<'_>) -> Result<Flow, Failure> {
        if run.message.loops() >= LOOPS_MAX {
            return Err(Failure::impossible(format!(
                "more than {LOOPS_MAX} `foreverypart` run within one another"
            )));
        }
        run.message.enter_loop();
        let ended = self.go_through(run);
        run.message.leave_loop();
        ended
    }
}

impl ForEveryPart {
    fn go_through(&self, run: &mut Run<'_>) -> Result<Flow, Failure> {
        while run.message.next_part(&mut run.work)? {
            run.work.spend(PART_STEPS)?;
            match run.block(&self.block)? {
                Flow::Next => {}
                Flow::Break(None) => break,
                Flow::Break(name) if name == self.name => break,
                elsewhere => return Ok(elsewhere),
            }
        }
        Ok(Flow::Next)
    }
}

fn break_(arguments: &mut Arguments<'_>) -> Box<dyn Action> {
    let name: Option<Box<str>> = arguments.constant_of("name", None).map(|(_, name)| name.into());
    let loops = &arguments.checker.loops;
    if loops.is_empty() {
        arguments.fault(arguments.place(), "`break` stands only within `foreverypart`");
    } else if let Some(name) =
        name.as_deref().filter(|name| !loops.iter().flatten().any(|open| **open == **name))
    {
        let what = format!("no `foreverypart` around this is called \"{}\"", short(name));
        arguments.fault(arguments.place(), what);
    }
    Box::new(Break(name))
}

#[derive(Debug)]
struct Break(Option<Box<str>>);

impl Action for Break {
    fn run(&self, _run: &mut Run<'_>) -> Result<Flow, Failure> {
        Ok(Flow::Break(self.0.clone()))
    }
}

fn extract_text(arguments: &mut Arguments<'_>) -> Box<dyn Action> {
    arguments.needs("variables", arguments.place(), "`extracttext`");
    let modifiers = Modifiers::read(arguments);
    let first = arguments.number_of("first", None).map(|(_, first)| first);
    let variable = arguments.variable_to_set();
    if arguments.checker.loops.is_empty() {
        arguments.fault(arguments.place(), "`extracttext` stands only within `foreverypart`");
    }
    Box::new(ExtractText { modifiers, first, variable })
}

#[derive(Debug)]
struct ExtractText {
    modifiers: Modifiers,
    /// Characters at most.
    first: Option<u64>,
    /// `None` only in what has faults.
    variable: Option<Variable>,
}

impl Action for ExtractText {
    fn run(&self, run: &mut Run<'_>) -> Result<Flow, Failure> {
        let mut text = match run.message.current_part() {
            Some(part) => run.message.extracted(part, &mut run.work)?,
            None => String::new(),
        };
        let end = self.first.and_then(|first| text.char_indices().nth(usize::try_from(first).ok()?));
        text.truncate(end.map_or(text.len(), |(end, _)| end));
        let text = self.modifiers.apply(text, &mut run.work)?;
        if let Some(variable) = &self.variable {
            run.variables.set(variable, text, &mut run.work)?;
        }
        Ok(Flow::Next)
    }
}
