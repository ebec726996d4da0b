//! imap4flags (RFC 5232).

use super::{CommandRule, TestRule};
use crate::sieve::check::Arguments;
use crate::sieve::program::{Action, Test};
use crate::sieve::run::{Evaluation, Failure, Flag, Flow, Matching, Run, SearchKey};
use crate::sieve::text::{Text, Variable};
use types::{Keyword, SystemFlag};

pub const COMMANDS: &[CommandRule] = &[
    CommandRule { name: "setflag", extension: Some("imap4flags"), check: |arguments| change(arguments, set) },
    CommandRule { name: "addflag", extension: Some("imap4flags"), check: |arguments| change(arguments, add) },
    CommandRule {
        name: "removeflag",
        extension: Some("imap4flags"),
        check: |arguments| change(arguments, remove),
    },
];

pub const TESTS: &[TestRule] =
    &[TestRule { name: "hasflag", extension: Some("imap4flags"), check: has_flag }];

/// Most flags one set has; more are ignored.
const FLAGS_MAX: usize = 128;
/// Memory of one short key while it is compared, about.
const KEY_BYTES: usize = size_of::<SearchKey>() + 32;

/// `:flags`
#[derive(Debug)]
pub struct FlagsArgument(Vec<Text>);

impl FlagsArgument {
    /// Reads it, if it is there.
    pub fn read(arguments: &mut Arguments<'_>) -> Option<FlagsArgument> {
        let texts = arguments.texts_of("flags", Some("imap4flags"))?;
        Some(FlagsArgument(texts.into_iter().map(|(_, text)| text).collect()))
    }

    /// The flags it names.
    pub fn value(argument: Option<&FlagsArgument>, run: &mut Run<'_>) -> Result<Option<Vec<Flag>>, Failure> {
        argument.map(|FlagsArgument(texts)| flags_of(texts, &mut run.parts().1)).transpose()
    }
}

/// The flags of a list, each once. What is no flag, or none that can be set, is left out (RFC 5232 section 2).
fn flags_of(texts: &[Text], evaluation: &mut Evaluation<'_>) -> Result<Vec<Flag>, Failure> {
    let mut flags = Vec::new();
    for text in texts {
        let text = evaluation.text(text)?;
        evaluation.work.spend(text.len())?;
        add(&mut flags, parse(&text));
    }
    Ok(flags)
}

fn parse(text: &str) -> Vec<Flag> {
    text.split(' ').filter_map(Flag::parse).take(FLAGS_MAX).collect()
}

impl Flag {
    /// Reads one flag; `None` for what cannot be set.
    pub fn parse(name: &str) -> Option<Flag> {
        match name.starts_with('\\') {
            true => SystemFlag::ALL
                .into_iter()
                .find(|flag| flag.imap_name().eq_ignore_ascii_case(name))
                .map(Flag::System),
            false => Keyword::parse(name).ok().map(Flag::Keyword),
        }
    }

    fn name(&self) -> &str {
        match self {
            Flag::System(flag) => flag.imap_name(),
            Flag::Keyword(keyword) => keyword.as_str(),
        }
    }
}

type Merge = fn(&mut Vec<Flag>, Vec<Flag>);

fn set(flags: &mut Vec<Flag>, with: Vec<Flag>) {
    flags.clear();
    add(flags, with);
}

fn add(flags: &mut Vec<Flag>, with: Vec<Flag>) {
    for flag in with {
        if flags.len() < FLAGS_MAX && !flags.contains(&flag) {
            flags.push(flag);
        }
    }
}

fn remove(flags: &mut Vec<Flag>, without: Vec<Flag>) {
    flags.retain(|flag| !without.contains(flag));
}

fn change(arguments: &mut Arguments<'_>, merge: Merge) -> Box<dyn Action> {
    let variable = match arguments.left() {
        0 | 1 => None,
        _ => {
            let (place, name) = arguments.constant("the name of a variable");
            arguments.needs("variables", place, "the name of a variable here");
            arguments.checker.settable(&name, place)
        }
    };
    let flags = arguments.texts("the flags").into_iter().map(|(_, text)| text).collect();
    Box::new(Change { variable, flags, merge })
}

/// `setflag`, `addflag`, `removeflag`
#[derive(Debug)]
struct Change {
    /// `None` for the internal one.
    variable: Option<Variable>,
    flags: Vec<Text>,
    merge: Merge,
}

impl Action for Change {
    fn run(&self, run: &mut Run<'_>) -> Result<Flow, Failure> {
        let (_, mut evaluation) = run.parts();
        let flags = flags_of(&self.flags, &mut evaluation)?;
        let Some(variable) = &self.variable else {
            (self.merge)(&mut run.actions.flags, flags);
            return Ok(Flow::Next);
        };
        let mut kept = parse(run.variables.value(variable));
        (self.merge)(&mut kept, flags);
        let names: Vec<&str> = kept.iter().map(Flag::name).collect();
        run.variables.set(variable, names.join(" "), &mut run.work)?;
        Ok(Flow::Next)
    }
}

fn has_flag(arguments: &mut Arguments<'_>) -> Box<dyn Test> {
    let matching = arguments.matching();
    let mut variables = None;
    if arguments.left() > 1 {
        let names = arguments.constants("names of variables");
        arguments.needs("variables", arguments.place(), "the name of a variable here");
        let named = names.iter().filter_map(|(place, name)| arguments.checker.settable(name, *place));
        variables = Some(named.collect());
    }
    let mut keys = Vec::new();
    for (place, text) in arguments.texts("the flags") {
        arguments.key(&mut matching.clone(), place, text.clone());
        keys.push(text);
    }
    Box::new(HasFlag { matching, variables, keys })
}

#[derive(Debug)]
struct HasFlag {
    /// Without its keys: they are cut at spaces first.
    matching: Matching,
    /// `None` for the internal one.
    variables: Option<Vec<Variable>>,
    keys: Vec<Text>,
}

impl Test for HasFlag {
    fn holds(&self, run: &mut Run<'_>) -> Result<bool, Failure> {
        let flags: Vec<Flag> = match &self.variables {
            None => run.actions.flags.clone(),
            Some(variables) => {
                variables.iter().flat_map(|variable| distinct(run.variables.value(variable))).collect()
            }
        };
        let (_, mut evaluation) = run.parts();
        let matching = self.with_keys(&mut evaluation)?;
        let mut search = matching.search();
        for flag in &flags {
            if search.value(flag.name().as_bytes(), &mut evaluation)? {
                return Ok(true);
            }
        }
        search.end(&mut evaluation)
    }
}

fn distinct(text: &str) -> Vec<Flag> {
    let mut flags = Vec::new();
    add(&mut flags, parse(text));
    flags
}

impl HasFlag {
    fn with_keys(&self, evaluation: &mut Evaluation<'_>) -> Result<Matching, Failure> {
        let mut matching = self.matching.clone();
        for key in &self.keys {
            let words = evaluation.text(key)?;
            evaluation.work.afford((matching.keys.len() + words.len() / 2) * KEY_BYTES)?;
            for word in words.split(' ').filter(|word| !word.is_empty()) {
                matching.keys.push(SearchKey::Late(Text::Constant(word.into())));
            }
        }
        Ok(matching)
    }
}
