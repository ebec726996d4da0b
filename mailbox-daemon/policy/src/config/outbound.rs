use super::target::{HostPort, Secret, TlsMode};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::PathBuf;
use types::Domain;

/// Where mail for others goes: a route of its own, else the relay, else the domain's MX.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Outbound {
    /// Fixed servers for single domains.
    #[serde(deserialize_with = "super::target::routes")]
    pub route: BTreeMap<Domain, HostPort>,
    /// `host:port` of a relay for all other mail.
    #[serde(deserialize_with = "super::target::optional_host_port")]
    pub relay: Option<HostPort>,
    /// How the relay is spoken to; by its port when absent: 465 TLS, 587 STARTTLS, others STARTTLS where offered.
    pub relay_tls: Option<TlsMode>,
    /// The relay's account.
    pub relay_user: Option<String>,
    /// Its password; never logged.
    pub relay_password: Option<Secret>,
    /// A CA for the relay's certificate besides the system's.
    pub relay_ca_file: Option<PathBuf>,
}
