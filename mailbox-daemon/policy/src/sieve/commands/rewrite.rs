//! replace and enclose (RFC 5703 sections 5 and 6).

use super::CommandRule;
use crate::sieve::check::Arguments;
use crate::sieve::lexer::short;
use crate::sieve::message::{Enclosure, Entity};
use crate::sieve::program::Action;
use crate::sieve::run::{Failure, Flow, Run};
use crate::sieve::text::Text;
use proto::mime::address;
use proto::mime::date::format_rfc5322;

pub const COMMANDS: &[CommandRule] = &[
    CommandRule { name: "replace", extension: Some("replace"), check: replace },
    CommandRule { name: "enclose", extension: Some("enclose"), check: enclose },
];

fn replace(arguments: &mut Arguments<'_>) -> Box<dyn Action> {
    let is_mime = arguments.flag("mime", None);
    let subject = arguments.text_of("subject", None);
    let from = arguments.text_of("from", None);
    if let (true, Some((place, _))) = (is_mime, subject.as_ref().or(from.as_ref())) {
        arguments.fault(*place, "`:mime` excludes `:subject` and `:from`");
    }
    let fault =
        |from: &str| (!is_mailbox_list(from)).then(|| format!("\"{}\" is no list of addresses", short(from)));
    if let Some((place, what)) =
        from.as_ref().and_then(|(place, from)| Some((*place, fault(from.constant()?)?)))
    {
        arguments.fault(place, what);
    }
    let (_, replacement) = arguments.text("what takes its place");
    let text = |found: Option<(_, Text)>| found.map(|(_, text)| text);
    Box::new(Replace { is_mime, subject: text(subject), from: text(from), replacement })
}

/// `mailbox-list` (RFC 5322 section 3.4).
fn is_mailbox_list(text: &str) -> bool {
    let entries = address::parse(text.as_bytes());
    let is_mailbox =
        |entry: &address::Entry| matches!(entry, address::Entry::Mailbox(mailbox) if mailbox.valid);
    !entries.is_empty() && entries.iter().all(is_mailbox)
}

#[derive(Debug)]
struct Replace {
    is_mime: bool,
    subject: Option<Text>,
    from: Option<Text>,
    replacement: Text,
}

impl Action for Replace {
    fn run(&self, run: &mut Run<'_>) -> Result<Flow, Failure> {
        let subject = self.subject.as_ref().map(|subject| run.text(subject)).transpose()?;
        let from = self.from.as_ref().map(|from| run.text(from)).transpose()?;
        // A variable that holds no address changes nothing (RFC 5703 section 5).
        let from = from.as_deref().filter(|from| is_mailbox_list(from));
        let replacement = run.text(&self.replacement)?;
        run.work.spend(replacement.len())?;
        let entity = if self.is_mime { Entity::parse(&replacement) } else { Entity::text(&replacement) };
        run.message.replace(entity, subject.as_deref(), from, &mut run.work)?;
        Ok(Flow::Next)
    }
}

fn enclose(arguments: &mut Arguments<'_>) -> Box<dyn Action> {
    let subject = arguments.text_of("subject", None).map(|(_, subject)| subject);
    let headers = arguments.texts_of("headers", None).unwrap_or_default();
    let headers = headers.into_iter().map(|(_, name)| name).collect();
    let (_, text) = arguments.text("the text beside the message");
    Box::new(Enclose { subject, headers, text })
}

#[derive(Debug)]
struct Enclose {
    subject: Option<Text>,
    headers: Vec<Text>,
    text: Text,
}

impl Action for Enclose {
    fn run(&self, run: &mut Run<'_>) -> Result<Flow, Failure> {
        let subject = self.subject.as_ref().map(|subject| run.text(subject)).transpose()?;
        let headers = self.headers.iter().map(|name| Ok(run.text(name)?.into_owned()));
        let headers = headers.collect::<Result<Vec<String>, Failure>>()?;
        let text = run.text(&self.text)?;
        let environment = run.facts.environment;
        let enclosure = Enclosure {
            subject: subject.as_deref(),
            headers: &headers,
            text: &text,
            from: run.facts.account,
            date: &format_rfc5322(environment.now, environment.zone_minutes),
        };
        run.message.enclose(&enclosure, &mut run.work)?;
        Ok(Flow::Next)
    }
}
