//! Servers that send our mail on, and which mail each of them gets.

use super::target::{HostPort, Secret, TlsMode};
use crate::relay_presets::{self, Preset};
use serde::Deserialize;
use serde::de::{Deserializer, Error as _};
use std::path::PathBuf;
use std::str::FromStr;
use types::Domain;

/// Where a relay is: a service we know by name, or any server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RelayTarget {
    /// Its server.
    pub target: HostPort,
    /// The service, where it is one we know.
    pub preset: Option<&'static Preset>,
}

impl FromStr for RelayTarget {
    type Err = String;

    fn from_str(text: &str) -> Result<RelayTarget, String> {
        match relay_presets::find(text) {
            Some(found) => {
                found.map(|found| RelayTarget { target: found.target, preset: Some(found.preset) })
            }
            None => text.parse().map(|target| RelayTarget { target, preset: None }),
        }
    }
}

impl<'de> Deserialize<'de> for RelayTarget {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<RelayTarget, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

/// A relay for the mail of some senders or to some recipients.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PartRelay {
    /// A service such as `sendgrid`, or `host:port`.
    pub relay: RelayTarget,
    /// How it is spoken to; as with `outbound.relay_tls`.
    pub tls: Option<TlsMode>,
    /// The account there.
    pub user: Option<String>,
    /// Its password; never logged.
    pub password: Option<Secret>,
    /// A CA for its certificate besides the system's.
    pub ca_file: Option<PathBuf>,
    /// It gets all mail from senders of these domains.
    #[serde(default, deserialize_with = "domains")]
    pub from: Vec<Domain>,
    /// It gets all mail to recipients of these domains.
    #[serde(default, deserialize_with = "domains")]
    pub to: Vec<Domain>,
}

/// A relay and how to speak to it.
#[derive(Clone, Debug)]
pub struct Relay {
    /// Where it is.
    pub target: HostPort,
    /// The service, where it is one we know.
    pub preset: Option<&'static Preset>,
    /// How the connection is protected.
    pub tls: TlsMode,
    /// User and password.
    pub login: Option<(String, Secret)>,
    /// A CA besides the system's.
    pub ca_file: Option<PathBuf>,
}

impl PartRelay {
    /// With everything filled in that the service or the port decides.
    pub fn settled(&self) -> Relay {
        let RelayTarget { target, preset } = self.relay.clone();
        let usual = TlsMode::usual_for(target.port, self.password.is_some());
        let login = self.password.as_ref().and_then(|password| {
            let user = match preset {
                Some(preset) => preset.login_user(self.user.as_deref(), password.reveal()),
                None => self.user.clone(),
            };
            user.map(|user| (user, password.clone()))
        });
        Relay { target, preset, tls: self.tls.unwrap_or(usual), login, ca_file: self.ca_file.clone() }
    }

    /// What contradicts itself, told with the keys' names.
    pub(super) fn contradiction(&self, user_key: &str, password_key: &str, tls_key: &str) -> Option<String> {
        let relay = self.settled();
        match (&self.user, &self.password, relay.preset) {
            (Some(_), None, _) | (None, Some(_), None) => {
                return Some(format!("{user_key} and {password_key} belong together"));
            }
            (None, None, Some(preset)) => {
                return Some(format!(
                    "{} wants a login: set {password_key}; `mailbox-daemon relay presets` tells which",
                    preset.title
                ));
            }
            (None, Some(_), Some(preset)) if relay.login.is_none() => {
                return Some(format!(
                    "{} wants a user name: set {user_key}; `mailbox-daemon relay presets` tells which",
                    preset.title
                ));
            }
            _ => {}
        }
        let is_open = matches!(relay.tls, TlsMode::None | TlsMode::Opportunistic);
        (is_open && relay.login.is_some()).then(|| {
            format!(
                "{password_key} would cross the network unprotected: {tls_key} is \"{}\"",
                relay.tls.word()
            )
        })
    }
}

fn domains<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Domain>, D::Error> {
    let names = Vec::<String>::deserialize(deserializer)?;
    let domain = |name: String| {
        Domain::parse(&name).map_err(|_| D::Error::custom(format!("`{name}` is no domain name")))
    };
    names.into_iter().map(domain).collect()
}
