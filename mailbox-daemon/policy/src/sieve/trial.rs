//! Trying a script without mail: everything it may ask about is assumed.

use super::facts::{EnvelopeFacts, EnvironmentFacts, Facts, MailboxFacts, SpamFacts};
use super::plan::Plan;
use super::script::{Script, ScriptName};
use crate::config;
use proto::mime::{address, header};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;
use types::{Address, MailParameters, MailboxName, Recipient, ReversePath, SpecialUse, UnixSeconds};

/// What is assumed where nothing is said and the message tells nothing.
const SOMEBODY: &str = "somebody@example.com";

/// What is assumed about a message, its way here and the account it is for.
#[derive(Clone, Debug, Default)]
pub struct Trial {
    /// The envelope's sender; the message's `Return-Path:`, `Sender:` or `From:` where nothing is said.
    pub from: Option<ReversePath>,
    /// The envelope's recipient; the message's `To:` where nothing is said.
    pub to: Option<Address>,
    /// Whose script it is; the recipient where nothing is said.
    pub account: Option<Address>,
    /// Other addresses of the account.
    pub aliases: Vec<Address>,
    /// The time.
    pub now: UnixSeconds,
    /// Minutes east of Greenwich of the local time zone.
    pub zone_minutes: i16,
    /// Mailboxes besides INBOX and those every account gets.
    pub folders: Vec<MailboxName>,
    /// People the account wrote to.
    pub contacts: Vec<Address>,
    /// What is thought of the message.
    pub spam: SpamFacts,
    /// The client that brought it.
    pub remote_ip: Option<IpAddr>,
    /// Scripts that may be included.
    pub scripts: BTreeMap<ScriptName, Arc<Script>>,
}

impl Trial {
    /// What the script would have done with the message; lines of the message may end as they like.
    pub fn run(&self, script: &Script, message: &[u8], limits: &config::Sieve) -> Plan {
        let message = with_crlf(message);
        let (header, body) = split(&message);
        let to = self.to.clone().unwrap_or_else(|| recipient(header));
        let from = self.from.clone().unwrap_or_else(|| sender(header));
        let account = self.account.clone().unwrap_or_else(|| to.clone());
        let own_addresses: Vec<Address> =
            std::iter::once(account.clone()).chain(self.aliases.iter().cloned()).collect();
        let envelope = EnvelopeFacts {
            from,
            to: Recipient { address: to, notify: None, original: None },
            parameters: MailParameters::default(),
        };
        let environment = EnvironmentFacts {
            now: self.now,
            zone_minutes: self.zone_minutes,
            host: "localhost".to_owned(),
            remote_ip: self.remote_ip,
            remote_host: None,
            imap: None,
        };
        script.run(&Facts {
            header,
            body,
            has_body: message.len() > header.len(),
            account: &account,
            own_addresses: &own_addresses,
            envelope: Some(&envelope),
            environment: &environment,
            mailboxes: &self.mailboxes(),
            server_annotations: &BTreeMap::new(),
            keep_in: &MailboxName::inbox(),
            spam: self.spam,
            contacts: &self.contacts,
            scripts: &self.scripts,
            memory: &BTreeMap::new(),
            limits,
        })
    }

    fn mailboxes(&self) -> Vec<MailboxFacts> {
        let usual = SpecialUse::ALL.map(|usage| (usage.default_name(), vec![usage]));
        let inbox = (MailboxName::inbox(), Vec::new());
        let others = self.folders.iter().map(|name| (name.clone(), Vec::new()));
        let named = std::iter::once(inbox).chain(usual).chain(others).enumerate();
        named
            .map(|(number, (name, special_uses))| MailboxFacts {
                name,
                special_uses,
                id: format!("trial-{number}"),
                annotations: BTreeMap::new(),
            })
            .collect()
    }
}

/// The message with CRLF at the end of each line.
pub fn with_crlf(message: &[u8]) -> Cow<'_, [u8]> {
    let is_bare = |at: usize| message[at] == b'\n' && (at == 0 || message[at - 1] != b'\r');
    if !(0..message.len()).any(is_bare) {
        return Cow::Borrowed(message);
    }
    let mut converted = Vec::with_capacity(message.len() + message.len() / 32);
    for (at, octet) in message.iter().enumerate() {
        if is_bare(at) {
            converted.push(b'\r');
        }
        converted.push(*octet);
    }
    Cow::Owned(converted)
}

/// The header, and what follows the empty line.
pub fn split(message: &[u8]) -> (&[u8], &[u8]) {
    let header_bytes = header::fields(message).map(|field| field.raw.len()).sum();
    let (header, rest) = message.split_at(header_bytes);
    (header, rest.strip_prefix(b"\r\n").unwrap_or(rest))
}

/// Whom a message seems to come from.
pub fn sender(fields: &[u8]) -> ReversePath {
    let return_path = header::value(fields, "Return-Path");
    if return_path.is_some_and(|value| value.trim_ascii() == b"<>") {
        return None;
    }
    Some(first_address(fields, &["Return-Path", "Sender", "From"]).unwrap_or_else(somebody))
}

/// Whom a message seems to be for.
pub fn recipient(fields: &[u8]) -> Address {
    first_address(fields, &["Envelope-To", "To"]).unwrap_or_else(somebody)
}

fn first_address(fields: &[u8], names: &[&str]) -> Option<Address> {
    let addresses = |name: &&str| header::value(fields, name).map(|value| address::mailboxes(&value));
    let mut found = names.iter().filter_map(addresses).flatten();
    found.find_map(|mailbox| {
        let text = [&mailbox.local[..], b"@", &mailbox.domain].concat();
        Address::parse(&String::from_utf8_lossy(&text)).ok()
    })
}

/// Whoever it may be.
pub fn somebody() -> Address {
    Address::parse(SOMEBODY).expect("it is an address")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_split_where_its_header_ends() {
        let message = with_crlf(b"A: b\n c\nD: e\n\nbody\n");
        assert_eq!(split(&message), (&b"A: b\r\n c\r\nD: e\r\n"[..], &b"body\r\n"[..]));
        assert_eq!(split(b"A: b"), (&b"A: b"[..], &b""[..]));
        assert_eq!(split(b"\r\nbody"), (&b""[..], &b"body"[..]));
        assert!(matches!(with_crlf(b"a\r\nb\r\n"), Cow::Borrowed(_)));
    }

    #[test]
    fn only_an_empty_line_makes_a_body() {
        let limits = config::Sieve::default();
        let script = b"require \"body\"; if body :raw :is \"\" { discard; }";
        let script = Script::compile(script, &limits).expect("a right script");
        for (message, kept) in [(&b"A: b\n"[..], 1), (b"A: b\n\n", 0), (b"A: b\n\nx", 1)] {
            assert_eq!(Trial::default().run(&script, message, &limits).filings.len(), kept);
        }
    }

    #[test]
    fn the_envelope_is_guessed_from_the_header() {
        assert_eq!(sender(b"Return-Path: <>\r\nFrom: a@b.example\r\n"), None);
        assert_eq!(sender(b"From: \"A\" <a@b.example>\r\n"), Address::parse("a@b.example").ok());
        assert_eq!(
            first_address(b"To: c@d.example, e@f.example\r\n", &["To"]),
            Address::parse("c@d.example").ok()
        );
    }
}
