//! editheader (RFC 5293).

use super::{CommandRule, index};
use crate::sieve::check::Arguments;
use crate::sieve::lexer::short;
use crate::sieve::message::{Index, is_name, may_add, may_delete};
use crate::sieve::program::Action;
use crate::sieve::run::{Failure, Flow, Matching, Run};
use crate::sieve::script::Place;
use crate::sieve::text::Text;

pub const COMMANDS: &[CommandRule] = &[
    CommandRule { name: "addheader", extension: Some("editheader"), check: add },
    CommandRule { name: "deleteheader", extension: Some("editheader"), check: delete },
];

/// Longest value that is added, in octets.
const VALUE_BYTES_MAX: usize = 16 * 1024;

fn add(arguments: &mut Arguments<'_>) -> Box<dyn Action> {
    let at_end = arguments.flag("last", None);
    let name = field_name(arguments);
    let (place, value) = arguments.text("the value of the field");
    if let Some(value) = value.constant() {
        check_value(arguments, place, value);
    }
    Box::new(AddHeader { at_end, name, value })
}

fn field_name(arguments: &mut Arguments<'_>) -> Text {
    let (place, name) = arguments.text("the name of a header field");
    if let Some(fault) = name.constant().and_then(name_fault).filter(|_| place != arguments.place()) {
        arguments.fault(place, fault);
    }
    name
}

fn name_fault(name: &str) -> Option<String> {
    (!is_name(name.as_bytes())).then(|| format!("no header field can be called \"{}\"", short(name)))
}

/// Control characters may stand in a field (RFC 2822 section 3.2.1, which RFC 5293 goes by), apart from NUL. They are good for nothing, and
/// not written.
fn check_value(arguments: &mut Arguments<'_>, place: Place, value: &str) {
    let is_odd = |letter: char| letter.is_control() && !matches!(letter, '\t' | '\r' | '\n');
    if value.len() > VALUE_BYTES_MAX {
        arguments.fault(place, format!("the value of a header field has at most {VALUE_BYTES_MAX} octets"));
    }
    if value.contains('\0') {
        arguments.fault(place, "the value of a header field has no NUL in it");
    } else if value.contains(is_odd) {
        arguments.warn(place, "control characters are left out of the header field");
    }
}

#[derive(Debug)]
struct AddHeader {
    at_end: bool,
    name: Text,
    value: Text,
}

impl Action for AddHeader {
    fn run(&self, run: &mut Run<'_>) -> Result<Flow, Failure> {
        let (name, value) = (run.text(&self.name)?, run.text(&self.value)?);
        if let Some(fault) = name_fault(&name) {
            return Err(Failure::impossible(fault));
        }
        // What foreign text puts into a variable must not break the script: it is cut off, and written without control characters.
        let value = &value[..value.floor_char_boundary(VALUE_BYTES_MAX)];
        if may_add(&name) {
            run.message.add_field(&name, value, self.at_end, &mut run.work)?;
        }
        Ok(Flow::Next)
    }
}

fn delete(arguments: &mut Arguments<'_>) -> Box<dyn Action> {
    let index = index::read(arguments, None);
    let mut matching = arguments.matching();
    let name = field_name(arguments);
    let has_patterns = arguments.left() > 0;
    if has_patterns {
        arguments.keys(&mut matching);
    }
    Box::new(DeleteHeader { index, name, matching: has_patterns.then_some(matching) })
}

#[derive(Debug)]
struct DeleteHeader {
    index: Option<Index>,
    name: Text,
    /// `None` for fields of any value.
    matching: Option<Matching>,
}

impl Action for DeleteHeader {
    fn run(&self, run: &mut Run<'_>) -> Result<Flow, Failure> {
        let name = run.text(&self.name)?;
        if let Some(fault) = name_fault(&name) {
            return Err(Failure::impossible(fault));
        }
        if may_delete(&name) {
            let which = self.which(&name, run)?;
            run.message.delete_fields(&name, &which, &mut run.work)?;
        }
        Ok(Flow::Next)
    }
}

impl DeleteHeader {
    /// Places among the fields of that name.
    fn which(&self, name: &str, run: &mut Run<'_>) -> Result<Vec<usize>, Failure> {
        let (message, mut evaluation) = run.parts();
        let fields = message.header().named(name).enumerate();
        let places = self.index.map_or(0..fields.len(), |index| index.place_among(fields.len()));
        let mut which = Vec::new();
        for (place, field) in fields.take(places.end).skip(places.start) {
            let Some(matching) = &self.matching else {
                which.push(place);
                continue;
            };
            let mut search = matching.search();
            if search.value(field.text(), &mut evaluation)? || search.end(&mut evaluation)? {
                which.push(place);
            }
        }
        Ok(which)
    }
}
