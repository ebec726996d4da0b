//! environment (RFC 5183), with what imapsieve adds to it (RFC 6785 section 4).

use super::TestRule;
use crate::sieve::check::Arguments;
use crate::sieve::facts::{Facts, ImapFacts};
use crate::sieve::program::Test;
use crate::sieve::run::{Failure, Matching, Run};
use crate::sieve::text::Text;
use std::net::IpAddr;

pub const TESTS: &[TestRule] =
    &[TestRule { name: "environment", extension: Some("environment"), check: environment }];

fn environment(arguments: &mut Arguments<'_>) -> Box<dyn Test> {
    let mut matching = arguments.matching();
    let (_, name) = arguments.text("the name of an item");
    arguments.keys(&mut matching);
    Box::new(Environment { name, matching })
}

#[derive(Debug)]
struct Environment {
    name: Text,
    matching: Matching,
}

impl Test for Environment {
    fn holds(&self, run: &mut Run<'_>) -> Result<bool, Failure> {
        let name = run.text(&self.name)?;
        let Some(item) = item(&name.to_ascii_lowercase(), &run.facts) else { return Ok(false) };
        let (_, mut evaluation) = run.parts();
        let mut search = self.matching.search();
        // An empty item counts for nothing (RFC 5183 section 4).
        if search.is_counting() && item.is_empty() {
            return search.end(&mut evaluation);
        }
        Ok(search.value(item.as_bytes(), &mut evaluation)? || search.end(&mut evaluation)?)
    }
}

/// What an item says; `None` for one that is not known.
fn item(name: &str, facts: &Facts<'_>) -> Option<String> {
    let environment = facts.environment;
    let imap = environment.imap.as_ref();
    let of_imap = |say: fn(&ImapFacts) -> String| imap.map(say).unwrap_or_default();
    Some(match name {
        "domain" => facts.account.domain.to_string(),
        "host" => environment.host.clone(),
        "location" => if imap.is_some() { "MS" } else { "MDA" }.to_owned(),
        "name" => "mailbox-daemon".to_owned(),
        "phase" => if imap.is_some() { "post" } else { "during" }.to_owned(),
        "remote-host" => environment.remote_host.clone().unwrap_or_default(),
        "remote-ip" => environment.remote_ip.map(literal).unwrap_or_default(),
        "version" => env!("CARGO_PKG_VERSION").to_owned(),
        "imap.user" | "imap.email" => of_imap(|imap| imap.user.to_string()),
        "imap.cause" => of_imap(|imap| imap.cause.clone()),
        "imap.mailbox" => of_imap(|imap| imap.mailbox.to_string()),
        "imap.changedflags" => of_imap(|imap| imap.changed_flags.join(" ")),
        _ => return None,
    })
}

/// As in an address literal, its brackets left out (RFC 5321 section 4.1.3).
fn literal(address: IpAddr) -> String {
    match address {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => format!("IPv6:{address}"),
    }
}
