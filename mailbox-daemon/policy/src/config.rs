//! What `config.toml` says: parsed and checked as a whole before anything acts on it.
//!
//! The text becomes [`Settings`] or a [`ConfigError`] that names the line and, where a key is misspelt, the key that was
//! probably meant. Paths are relative to the state directory.

mod access;
mod dkim;
mod dns;
mod inbound;
mod notices;
mod outbound;
mod relay;
mod reports;
mod sieve;
mod spam;
mod submission;
mod suggestion;
mod target;

pub use access::AccessSettings;
pub use dkim::Dkim;
pub use dns::Dns;
pub use inbound::{BlockList, Inbound};
pub use notices::Notices;
pub use outbound::{Direct, Ipv6, Outbound};
pub use relay::{PartRelay, Relay, RelayTarget};
pub use reports::Reports;
pub use sieve::Sieve;
pub use spam::Spam;
pub use submission::Submission;
pub use target::{HostPort, Secret, TlsMode};

use serde::Deserialize;
use std::net::SocketAddr;
use std::path::PathBuf;
use thiserror::Error;
use types::{Domain, Limits, Quota};

/// Everything the daemon was told, with defaults filled in.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The name the box greets with and writes into `Received:`.
    #[serde(deserialize_with = "target::domain")]
    pub hostname: Domain,
    /// Where the listeners bind when systemd hands over no sockets.
    #[serde(default)]
    pub listen: Listen,
    /// Certificate and key.
    #[serde(default)]
    pub tls: TlsFiles,
    /// How clients log in.
    #[serde(default)]
    pub auth: AuthSettings,
    /// Who is let in.
    #[serde(default)]
    pub access: AccessSettings,
    /// How mail from others is judged.
    #[serde(default)]
    pub inbound: Inbound,
    /// What the people who live here may send.
    #[serde(default)]
    pub submission: Submission,
    /// Where mail for others goes.
    #[serde(default)]
    pub outbound: Outbound,
    /// Reports about mail, those that come in and those that go out.
    #[serde(default)]
    pub reports: Reports,
    /// Keys that sign mail.
    #[serde(default)]
    pub dkim: Dkim,
    /// What the box tells its owner by itself.
    #[serde(default)]
    pub notices: Notices,
    /// Which resolver answers.
    #[serde(default)]
    pub dns: Dns,
    /// How mail is searched.
    #[serde(default)]
    pub search: Search,
    /// What is learnt about mail.
    #[serde(default)]
    pub spam: Spam,
    /// Scripts that sort mail.
    #[serde(default)]
    pub sieve: Sieve,
    /// How much mail an account may hold that has no limits of its own; without limits by default.
    #[serde(default)]
    pub quota: Quota,
    /// Every limit.
    #[serde(default)]
    pub limits: Limits,
}

/// Addresses to bind, none by default: under systemd its socket units decide.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Listen {
    /// SMTP from other servers.
    pub smtp: Vec<SocketAddr>,
    /// Submission with STARTTLS (RFC 6409).
    pub submission: Vec<SocketAddr>,
    /// Submission inside TLS (RFC 8314).
    pub submissions: Vec<SocketAddr>,
    /// IMAP with STARTTLS.
    pub imap: Vec<SocketAddr>,
    /// IMAP inside TLS (RFC 8314).
    pub imaps: Vec<SocketAddr>,
    /// ManageSieve with STARTTLS (RFC 5804).
    pub managesieve: Vec<SocketAddr>,
}

/// PEM files.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TlsFiles {
    /// The certificate chain, leaf first.
    pub certificate: PathBuf,
    /// Its private key.
    pub key: PathBuf,
}

impl Default for TlsFiles {
    fn default() -> TlsFiles {
        TlsFiles { certificate: "tls/cert.pem".into(), key: "tls/key.pem".into() }
    }
}

/// How clients log in.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AuthSettings {
    /// Lets clients on loopback log in without TLS. For the demo box; an appliance never sets it.
    pub cleartext_loopback: bool,
}

/// How mail is searched.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Search {
    /// Whether an index of all text is kept, which makes searches in messages fast and takes about half their text's room.
    pub fulltext: bool,
}

impl Default for Search {
    fn default() -> Search {
        Search { fulltext: true }
    }
}

/// What is wrong with a configuration text: always its author's to mend.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub struct ConfigError {
    /// The line, from 1; `None` when the file as a whole is at fault.
    pub line: Option<usize>,
    /// What is wrong.
    pub message: String,
    /// What was probably meant.
    pub suggestion: Option<String>,
}

impl std::fmt::Display for ConfigError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if let Some(line) = self.line {
            write!(f, "line {line}: ")?;
        }
        f.write_str(&self.message)?;
        match &self.suggestion {
            Some(suggestion) => write!(f, "; did you mean `{suggestion}`?"),
            None => Ok(()),
        }
    }
}

impl Settings {
    /// Parses and checks a whole configuration.
    pub fn parse(text: &str) -> Result<Settings, ConfigError> {
        let settings: Settings = toml::from_str(text).map_err(|error| suggestion::explain(text, &error))?;
        match settings.contradiction() {
            Some(message) => Err(ConfigError { line: None, message, suggestion: None }),
            None => Ok(settings),
        }
    }

    fn contradiction(&self) -> Option<String> {
        let sections = [
            self.inbound.contradiction(),
            self.submission.contradiction(),
            self.outbound.contradiction(),
            self.dkim.contradiction(),
        ];
        if let Some(problem) = sections.into_iter().flatten().next() {
            return Some(problem);
        }
        if let Some(problem) = self.reports.contradiction() {
            return Some(problem);
        }
        let bounds = [
            ("limits.message_bytes_max", self.limits.message_bytes_max, 64 * 1024, 150 * 1024 * 1024),
            ("limits.smtp_line_bytes_max", self.limits.smtp_line_bytes_max as u64, 1024, 65_536),
            ("limits.message_line_bytes_max", self.limits.message_line_bytes_max as u64, 1000, 1 << 24),
            ("limits.recipients_max", self.limits.recipients_max as u64, 100, 100_000),
            ("limits.imap_idle_s", self.limits.imap_idle_s, 30 * 60, 86_400),
            ("limits.outbound_max", self.limits.outbound_max as u64, 1, 1000),
            ("limits.imap_sessions_max", self.limits.imap_sessions_max as u64, 1, 100_000),
            ("limits.smtp_sessions_max", self.limits.smtp_sessions_max as u64, 1, 100_000),
            ("limits.smtp_silent_max", self.limits.smtp_silent_max as u64, 1, 100_000),
            ("limits.receiving_per_network_max", self.limits.receiving_per_network_max as u64, 1, 100_000),
            ("limits.smtp_messages_per_s", self.limits.smtp_messages_per_s as u64, 1, 1_000_000),
            ("limits.smtp_messages_burst", self.limits.smtp_messages_burst as u64, 1, 1_000_000),
            ("limits.ban_failures", self.limits.ban_failures as u64, 0, 1000),
            ("limits.ban_longest_s", self.limits.ban_longest_s, 1, 366 * 86_400),
            ("limits.tarpit_s", self.limits.tarpit_s, 0, 60),
            ("limits.tls_handshake_s", self.limits.tls_handshake_s, 5, 600),
        ];
        bounds.into_iter().find(|(_, value, least, most)| !(least..=most).contains(&value)).map(
            |(key, value, least, most)| format!("{key} is {value}, but must lie between {least} and {most}"),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_whole_configuration() {
        let settings = Settings::parse(
            r#"
            hostname = "mail.home.test"
            [listen]
            smtp = ["127.0.0.1:2525"]
            [outbound]
            relay = "smtp.example.net:587"
            relay_user = "ana"
            relay_password = "secret words"
            route.example.org = "127.0.0.1:2527"
            route."example.net" = "[::1]:2528"
            [limits]
            message_bytes_max = 1_000_000
            "#,
        )
        .expect("valid");
        let relay = settings.outbound.relay(None).expect("a relay");
        assert_eq!((relay.target.host.as_str(), relay.tls), ("smtp.example.net", TlsMode::StartTls));
        assert!(!format!("{settings:?}").contains("secret words"));
        let route = |name| {
            settings.outbound.route.get(&Domain::parse(name).expect("domain")).map(ToString::to_string)
        };
        assert_eq!(route("example.org").as_deref(), Some("127.0.0.1:2527"));
        assert_eq!(route("example.net").as_deref(), Some("[::1]:2528"));
        assert_eq!(settings.limits.message_bytes_max, 1_000_000);
    }

    #[test]
    fn the_example_names_every_key_with_its_default() {
        let example = include_str!("../../config.example.toml");
        let shown = format!("{:#?}", Settings::parse(example).expect("valid"));
        let defaults = Settings::parse("hostname = \"mail.example.org\"").expect("valid");
        assert_eq!(shown, format!("{defaults:#?}"));
        let named = |key: &str| {
            let is_key = |line: &str| line.trim_start_matches(['#', '[', ' ']).starts_with(key);
            example.lines().any(is_key) || example.contains(&format!(".{key}]"))
        };
        let keys = shown.lines().filter_map(|line| line.trim().split_once(": ")).map(|(key, _)| key);
        let missing: Vec<&str> = keys.filter(|key| !named(key)).collect();
        assert_eq!(missing, ["zone", "weight"], "`zone` and `weight` stand on the line of their list");
    }

    #[test]
    fn a_password_makes_tls_a_must() {
        let relay = |port: u16, rest: &str| {
            let text = format!("hostname = \"a.test\"\n[outbound]\nrelay = \"b.test:{port}\"\n{rest}");
            Settings::parse(&text).map(|settings| settings.outbound.relay(None).map(|relay| relay.tls))
        };
        let login = "relay_user = \"ana\"\nrelay_password = \"secret\"\n";
        for (port, usual, with_login) in [
            (25, TlsMode::Opportunistic, TlsMode::StartTls),
            (2525, TlsMode::Opportunistic, TlsMode::StartTls),
            (587, TlsMode::StartTls, TlsMode::StartTls),
            (465, TlsMode::Implicit, TlsMode::Implicit),
        ] {
            assert_eq!(relay(port, "").expect("valid"), Some(usual), "{port}");
            assert_eq!(relay(port, login).expect("valid"), Some(with_login), "{port}");
            for word in ["none", "opportunistic"] {
                let error = relay(port, &format!("{login}relay_tls = \"{word}\"")).expect_err("refused");
                assert!(error.message.contains("unprotected"), "{error}");
            }
        }
    }

    #[test]
    fn mistakes_name_their_line() {
        for (text, expected) in [
            ("hostnme = \"a\"", "line 1: unknown key `hostnme`; did you mean `hostname`?"),
            (
                "hostname = \"a.test\"\n[outbound]\nrely = \"x:1\"",
                "line 3: unknown key `rely`; did you mean `relay`?",
            ),
            (
                "hostname = \"a.test\"\n[reports]\naddress = [\"a@b\"]",
                "reports.address: \"a@b\" is no name before an @",
            ),
            (
                "hostname = \"a.test\"\n[limits]\nimap_idle_s = 5",
                "limits.imap_idle_s is 5, but must lie between 1800 and 86400",
            ),
        ] {
            assert_eq!(Settings::parse(text).expect_err("refused").to_string(), expected);
        }
        let error =
            Settings::parse("hostname = \"a.test\"\n[listen]\nsmtp = [\"here\"]").expect_err("refused");
        assert_eq!(error.line, Some(3));
        assert_eq!(Settings::parse("").expect_err("refused").message, "missing field `hostname`");
    }
}
