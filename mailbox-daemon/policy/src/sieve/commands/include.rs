//! include (RFC 6609): scripts within scripts. There are only the account's own; `:global` ones are missing.

use super::CommandRule;
use crate::sieve::check::Arguments;
use crate::sieve::lexer::short;
use crate::sieve::plan::Trouble;
use crate::sieve::program::Action;
use crate::sieve::run::{Failure, Flow, Run};
use crate::sieve::script::{Script, ScriptName};
use crate::sieve::text::is_identifier;

pub const COMMANDS: &[CommandRule] = &[
    CommandRule { name: "include", extension: Some("include"), check: include },
    CommandRule { name: "return", extension: Some("include"), check: |_| Box::new(Return) },
    CommandRule { name: "global", extension: Some("include"), check: global },
];

/// Scripts within one another.
const INCLUDES_NESTED_MAX: usize = 10;

fn include(arguments: &mut Arguments<'_>) -> Box<dyn Action> {
    let is_global =
        arguments.one_of(&[("personal", None, false), ("global", None, true)]).unwrap_or_default();
    let once = arguments.flag("once", None);
    let optional = arguments.flag("optional", None);
    let (place, name) = arguments.constant("the name of a script");
    let name = ScriptName::parse(&name);
    match &name {
        None => arguments.fault(place, "this cannot be the name of a script"),
        Some(name) if !is_global => arguments.checker.needs.scripts.push(name.clone()),
        Some(_) => {}
    }
    Box::new(Include { name: name.filter(|_| !is_global), once, optional })
}

#[derive(Debug)]
struct Include {
    /// `None` for one that is missing always.
    name: Option<ScriptName>,
    once: bool,
    optional: bool,
}

impl Action for Include {
    fn run(&self, run: &mut Run<'_>) -> Result<Flow, Failure> {
        let scripts = run.facts.scripts;
        let found = self.name.as_ref().and_then(|name| Some((name, scripts.get(name)?)));
        match found {
            Some((name, script)) => self.enter(name, script, run),
            None if self.optional => Ok(Flow::Next),
            None => Err(Failure::impossible(match &self.name {
                Some(name) => format!(
                    "the script \"{}\" that is included is not there or has faults",
                    short(name.as_str())
                ),
                None => {
                    "the script that is included is not there: only scripts of the account can be".to_owned()
                }
            })),
        }
    }
}

impl Include {
    fn enter<'r>(&self, name: &ScriptName, script: &'r Script, run: &mut Run<'r>) -> Result<Flow, Failure> {
        let is_running = run.including.iter().any(|running| running.is_same(script));
        if self.once && (is_running || run.included.contains(name)) {
            return Ok(Flow::Next);
        }
        if is_running {
            return Err(Failure::impossible(format!(
                "the script \"{}\" includes itself",
                short(name.as_str())
            )));
        }
        run.admit(script)?;
        run.includes += 1;
        if run.includes > run.facts.limits.includes_max || run.including.len() > INCLUDES_NESTED_MAX {
            return Err(Failure::impossible("too many scripts are included"));
        }
        run.included.insert(name.clone());
        run.including.push(script);
        let own = run.variables.begin();
        let found = std::mem::take(&mut run.found);
        let ended = run.block(script.program());
        run.found = found;
        run.variables.end(own);
        run.including.pop();
        match ended.map_err(|failure| within(name, failure))? {
            Flow::Return => Ok(Flow::Next),
            elsewhere => Ok(elsewhere),
        }
    }
}

/// Tells in which script a line is.
fn within(name: &ScriptName, failure: Failure) -> Failure {
    match failure {
        Failure::Placed(Trouble::Failed { line, what }) => {
            let what = format!("in the script \"{}\": {what}", short(name.as_str()));
            Failure::Placed(Trouble::Failed { line, what })
        }
        other => other,
    }
}

#[derive(Debug)]
struct Return;

impl Action for Return {
    fn run(&self, _run: &mut Run<'_>) -> Result<Flow, Failure> {
        Ok(Flow::Return)
    }
}

/// It is all done when the script is checked (RFC 6609 section 3.4.1).
fn global(arguments: &mut Arguments<'_>) -> Box<dyn Action> {
    arguments.needs("variables", arguments.place(), "`global`");
    for (place, name) in arguments.constants("the names of variables") {
        let lower: Box<str> = name.to_ascii_lowercase().into();
        if !is_identifier(&name) {
            arguments.fault(
                place,
                "the name of a shared variable has letters, digits and `_`, and begins with no digit",
            );
        } else if arguments.checker.variables_set.contains(&lower) {
            arguments.fault(place, format!("`{}` was set before it is shared", short(&name)));
        }
        arguments.checker.variables_global.insert(lower);
    }
    Box::new(super::False)
}
