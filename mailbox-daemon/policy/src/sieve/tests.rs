//! Scripts and messages, and what comes of them.

mod answers;
mod base;
mod body;
mod editheader;
mod examples;
mod extensions;
mod facts;
mod faults;
mod hostile;
mod include;
mod parts;
mod time;
mod variables;

use super::*;
use crate::config;
use std::collections::BTreeMap;
use std::sync::Arc;
use types::{Address, DsnNotify, DsnReturn, MailParameters, MailboxName, Recipient, UnixSeconds};

const MESSAGE: &str = "From: Ana Example <ana@example.org>\r\nTo: bob+news@home.test, \"Cy D\" <cy@home.test>\r\nCc: staff: d@x.test, e@x.test;\r\n\
    Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?= from\r\n Ana\r\nX-Empty:\r\nX-Priority: 3\r\nReceived: one\r\nReceived: two\r\n\r\nbody\r\n";

/// What a script may be run with.
struct World {
    account: Address,
    envelope: EnvelopeFacts,
    environment: EnvironmentFacts,
    own_addresses: Vec<Address>,
    keep_in: MailboxName,
    mailboxes: Vec<MailboxFacts>,
    server_annotations: BTreeMap<String, Vec<u8>>,
    spam: SpamFacts,
    contacts: Vec<Address>,
    memory: BTreeMap<MemoryKey, UnixSeconds>,
    scripts: BTreeMap<ScriptName, Arc<Script>>,
    limits: config::Sieve,
}

impl Default for World {
    fn default() -> World {
        let address = |text| Address::parse(text).expect("an address");
        World {
            account: address("bob@home.test"),
            envelope: EnvelopeFacts {
                from: Some(address("Ana@example.org")),
                to: Recipient {
                    address: address("bob+news@home.test"),
                    notify: Some(DsnNotify { success: true, failure: true, delay: false }),
                    original: Some("rfc822;bob@old.test".to_owned()),
                },
                parameters: MailParameters {
                    ret: Some(DsnReturn::Headers),
                    envelope_id: Some("id7".to_owned()),
                    ..MailParameters::default()
                },
            },
            environment: EnvironmentFacts {
                now: 1_700_000_000,
                zone_minutes: 60,
                host: "mx.home.test".to_owned(),
                remote_ip: None,
                remote_host: None,
                imap: None,
            },
            keep_in: MailboxName::inbox(),
            own_addresses: Vec::new(),
            mailboxes: Vec::new(),
            server_annotations: BTreeMap::new(),
            spam: SpamFacts::default(),
            contacts: Vec::new(),
            memory: BTreeMap::new(),
            scripts: BTreeMap::new(),
            limits: config::Sieve::default(),
        }
    }
}

impl World {
    /// With scripts that may be included.
    fn with_scripts(scripts: &[(&str, &str)]) -> World {
        let mut world = World::default();
        for (name, source) in scripts {
            let script = compile(source);
            world.scripts.insert(ScriptName::parse(name).expect("a name"), Arc::new(script));
        }
        world
    }

    fn run(&self, script: &Script, message: &str) -> Plan {
        let (header, body) = message.split_once("\r\n\r\n").expect("a header and a body");
        let header = format!("{header}\r\n");
        script.run(&Facts {
            header: header.as_bytes(),
            body: body.as_bytes(),
            has_body: true,
            account: &self.account,
            own_addresses: &self.own_addresses,
            envelope: Some(&self.envelope),
            environment: &self.environment,
            mailboxes: &self.mailboxes,
            server_annotations: &self.server_annotations,
            keep_in: &self.keep_in,
            spam: self.spam,
            contacts: &self.contacts,
            scripts: &self.scripts,
            memory: &self.memory,
            limits: &self.limits,
        })
    }

    /// Whether a test holds for [`MESSAGE`].
    fn holds(&self, requires: &str, test: &str) -> bool {
        self.told(&format!("{requires}\nif {test} {{ discard; }}")) == "nothing"
    }

    /// What a script does with [`MESSAGE`], in words.
    fn told(&self, source: &str) -> String {
        told(&self.run(&compile(source), MESSAGE))
    }
}

fn compile(source: &str) -> Script {
    Script::compile(source.as_bytes(), &config::Sieve::default()).unwrap_or_else(|faults| {
        let faults: Vec<String> = faults.iter().map(ToString::to_string).collect();
        panic!("{source}\n{}", faults.join("\n"))
    })
}

/// A plan in words, its parts after one another.
fn told(plan: &Plan) -> String {
    let mut parts = Vec::new();
    for Filing { target, flags, keywords, .. } in &plan.filings {
        let mut part = format!("file {}", target.mailbox);
        part.extend(target.special_use.map(|special_use| format!(" use {}", special_use.attribute())));
        part.extend(target.id.iter().map(|id| format!(" id {id}")));
        part.extend(target.create.then_some(" create".to_owned()));
        part.extend(flags.iter().map(|flag| format!(" {}", flag.imap_name())));
        part.extend(keywords.iter().map(|keyword| format!(" {keyword}")));
        parts.push(part);
    }
    for Redirect { to, notify, returned, .. } in &plan.redirects {
        let mut part = format!("redirect {to}");
        part.extend(notify.map(|notify| {
            format!(
                " notify {}{}{}",
                u8::from(notify.success),
                u8::from(notify.failure),
                u8::from(notify.delay)
            )
        }));
        part.extend(returned.map(|returned| format!(" ret {returned:?}")));
        parts.push(part);
    }
    parts.extend(plan.refusal.iter().map(|refusal| format!("{:?} {}", refusal.kind, refusal.reason)));
    parts.extend(plan.log.iter().map(|line| format!("log {line}")));
    parts.extend(plan.trouble.iter().map(|trouble| format!("trouble {trouble}")));
    match parts.is_empty() {
        true => "nothing".to_owned(),
        false => parts.join("; "),
    }
}

/// Runs each script on [`MESSAGE`].
fn assert_told(world: &World, table: &[(&str, &str)]) {
    for (source, expected) in table {
        assert_eq!(world.told(source), *expected, "{source}");
    }
}

/// Whether each test holds for [`MESSAGE`].
fn assert_holds(requires: &str, table: &[(&str, bool)]) {
    for (test, holds) in table {
        assert_eq!(World::default().holds(requires, test), *holds, "{test}");
    }
}
