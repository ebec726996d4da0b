//! Words of the configuration that TOML has no type for.

use serde::de::{Deserializer, Error as _};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use types::Domain;

/// A server: a host name or IP address, and a port.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct HostPort {
    /// A name, or an IP address without brackets.
    pub host: String,
    /// The TCP port.
    pub port: u16,
}

impl FromStr for HostPort {
    type Err = String;

    fn from_str(text: &str) -> Result<HostPort, String> {
        let wanted = || format!("`{text}` is not of the form host:port");
        let (host, port) = text.rsplit_once(':').ok_or_else(wanted)?;
        let port = port.parse().map_err(|_| wanted())?;
        let bare = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(host);
        let is_address = bare.parse::<std::net::IpAddr>().is_ok();
        match is_address || (bare == host && Domain::parse(host).is_ok()) {
            true => Ok(HostPort { host: bare.to_owned(), port }),
            false => Err(wanted()),
        }
    }
}

impl fmt::Display for HostPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.host.contains(':') {
            true => write!(f, "[{}]:{}", self.host, self.port),
            false => write!(f, "{}:{}", self.host, self.port),
        }
    }
}

/// How a connection is protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TlsMode {
    /// TLS from the first byte, certificate verified.
    Implicit,
    /// STARTTLS required, certificate verified.
    StartTls,
    /// STARTTLS where offered, any certificate.
    Opportunistic,
    /// Never.
    None,
}

impl TlsMode {
    /// As the configuration writes it.
    pub(super) fn word(self) -> &'static str {
        match self {
            TlsMode::Implicit => "implicit",
            TlsMode::StartTls => "starttls",
            TlsMode::Opportunistic => "opportunistic",
            TlsMode::None => "none",
        }
    }

    /// What a relay's port implies; a password is told under TLS only.
    pub fn usual_for(port: u16, has_password: bool) -> TlsMode {
        match port {
            465 => TlsMode::Implicit,
            587 => TlsMode::StartTls,
            _ if has_password => TlsMode::StartTls,
            _ => TlsMode::Opportunistic,
        }
    }
}

/// A word that must not appear in a log.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    /// The word itself, for the one place that sends it.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(secret)")
    }
}

pub(super) fn domain<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Domain, D::Error> {
    let text = String::deserialize(deserializer)?;
    Domain::parse(&text).map_err(|_| D::Error::custom(format!("`{text}` is no domain name")))
}

pub(super) fn domains<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Domain>, D::Error> {
    let texts = Vec::<String>::deserialize(deserializer)?;
    let parse = |text: &String| {
        Domain::parse(text).map_err(|_| D::Error::custom(format!("`{text}` is no domain name")))
    };
    texts.iter().map(parse).collect()
}

/// `route.example.org = "..."` nests in TOML what `"example.org" = "..."` does not; both mean the same here.
pub(super) fn routes<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<BTreeMap<Domain, HostPort>, D::Error> {
    let mut routes = BTreeMap::new();
    let mut open = vec![(String::new(), toml::Table::deserialize(deserializer)?)];
    while let Some((prefix, table)) = open.pop() {
        for (key, value) in table {
            let name = if prefix.is_empty() { key } else { format!("{prefix}.{key}") };
            match value {
                toml::Value::Table(inner) => open.push((name, inner)),
                toml::Value::String(target) => {
                    let domain = Domain::parse(&name)
                        .map_err(|_| D::Error::custom(format!("`{name}` is no domain name")))?;
                    routes.insert(domain, target.parse().map_err(D::Error::custom)?);
                }
                _ => {
                    return Err(D::Error::custom(format!(
                        "the route of `{name}` is not of the form \"host:port\""
                    )));
                }
            }
        }
    }
    Ok(routes)
}
