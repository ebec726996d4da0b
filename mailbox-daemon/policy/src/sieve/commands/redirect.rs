//! `redirect` (RFC 5228 section 4.2) with what copy and redirect-dsn (RFC 6009 section 6) add.

use super::CommandRule;
use crate::sieve::check::Arguments;
use crate::sieve::letter::address_of;
use crate::sieve::lexer::short;
use crate::sieve::plan::Redirect;
use crate::sieve::program::Action;
use crate::sieve::run::{Failure, Flow, Run};
use crate::sieve::script::Place;
use crate::sieve::text::Text;
use proto::mime::address::{self, Entry};
use types::{Address, DsnNotify, DsnReturn};

pub const COMMANDS: &[CommandRule] = &[CommandRule { name: "redirect", extension: None, check: redirect }];

fn redirect(arguments: &mut Arguments<'_>) -> Box<dyn Action> {
    let copy = arguments.flag("copy", Some("copy"));
    let notify = arguments.text_of("notify", Some("redirect-dsn"));
    let returned = arguments.text_of("ret", Some("redirect-dsn"));
    if let Some((place, _)) = arguments.text_of("list", Some("extlists")) {
        arguments.warn(place, NO_DISTRIBUTION);
        return Box::new(RedirectToList);
    }
    let to = arguments.text("an address");
    check_constant(arguments, Some(&to), outbound_address);
    check_constant(arguments, notify.as_ref(), conditions);
    check_constant(arguments, returned.as_ref(), returned_part);
    Box::new(RedirectTo {
        copy,
        to: to.1,
        notify: notify.map(|(_, text)| text),
        returned: returned.map(|(_, text)| text),
    })
}

/// The one list there is names whom the account wrote to; nobody wants a message sent to them all (RFC 6134 section 3).
const NO_DISTRIBUTION: &str = "a message is not redirected to a whole address book";

/// `redirect :list` (RFC 6134 section 2.3)
#[derive(Debug)]
struct RedirectToList;

impl Action for RedirectToList {
    fn run(&self, _run: &mut Run<'_>) -> Result<Flow, Failure> {
        Err(Failure::impossible(NO_DISTRIBUTION))
    }
}

/// Tells if a constant string is not what it must be.
fn check_constant<T>(
    arguments: &mut Arguments<'_>,
    text: Option<&(Place, Text)>,
    read: fn(&str) -> Result<T, String>,
) {
    let Some((place, text)) = text else { return };
    if let Some(Err(fault)) = text.constant().map(read) {
        arguments.fault(*place, fault);
    }
}

/// A `sieve-address` mail can be sent to (RFC 5228 section 2.4.2.3), or why it is none. Local parts that are no dot-string, as some providers have
/// them, are taken and quoted.
pub fn outbound_address(text: &str) -> Result<Address, String> {
    let no_address = |why: &str| format!("\"{}\" is no address mail can be sent to{why}", short(text));
    let entries = address::parse(text.as_bytes());
    let [Entry::Mailbox(mailbox)] = entries.as_slice() else {
        return Err(no_address(": one address is needed, with or without a name before it"));
    };
    if !mailbox.valid || mailbox.route.is_some() {
        return Err(no_address(""));
    }
    address_of(mailbox).map_err(|fault| no_address(&format!(": {fault}")))
}

/// `notify-value`
fn conditions(text: &str) -> Result<DsnNotify, String> {
    let mut notify = DsnNotify::NEVER;
    if text.eq_ignore_ascii_case("NEVER") {
        return Ok(notify);
    }
    for word in text.split(',') {
        match word.to_ascii_uppercase().as_str() {
            "SUCCESS" => notify.success = true,
            "FAILURE" => notify.failure = true,
            "DELAY" => notify.delay = true,
            _ => return Err(
                "`:notify` is \"NEVER\", or some of \"SUCCESS\", \"FAILURE\" and \"DELAY\", parted by commas"
                    .to_owned(),
            ),
        }
    }
    Ok(notify)
}

/// `ret-value`
fn returned_part(text: &str) -> Result<DsnReturn, String> {
    match text.to_ascii_uppercase().as_str() {
        "FULL" => Ok(DsnReturn::Full),
        "HDRS" => Ok(DsnReturn::Headers),
        _ => Err("`:ret` is \"FULL\" or \"HDRS\"".to_owned()),
    }
}

#[derive(Debug)]
struct RedirectTo {
    copy: bool,
    to: Text,
    notify: Option<Text>,
    returned: Option<Text>,
}

impl Action for RedirectTo {
    fn run(&self, run: &mut Run<'_>) -> Result<Flow, Failure> {
        let to = read(&self.to, run, outbound_address)?;
        let notify = self.notify.as_ref().map(|text| read(text, run, conditions)).transpose()?;
        let returned = self.returned.as_ref().map(|text| read(text, run, returned_part)).transpose()?;
        let content = run.message.redirected(&mut run.work)?;
        run.redirect(Redirect { to, content, notify, returned })?;
        if !self.copy {
            run.cancel_keep();
        }
        Ok(Flow::Next)
    }
}

fn read<T>(text: &Text, run: &mut Run<'_>, read: fn(&str) -> Result<T, String>) -> Result<T, Failure> {
    read(&run.text(text)?).map_err(Failure::Impossible)
}
