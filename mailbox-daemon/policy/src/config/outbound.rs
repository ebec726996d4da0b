use super::relay::{PartRelay, Relay, RelayTarget};
use super::target::{HostPort, Secret, TlsMode};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::PathBuf;
use types::Domain;

/// Where mail for others goes: a route of its own, else a relay for its recipient or sender, else the relay for all, else the
/// domain's MX.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Outbound {
    /// Fixed servers for single domains.
    #[serde(deserialize_with = "super::target::routes")]
    pub route: BTreeMap<Domain, HostPort>,
    /// A relay for all other mail: a service such as `sendgrid` or `ses:eu-west-1`, or `host:port`.
    pub relay: Option<RelayTarget>,
    /// How the relay is spoken to; by its port when absent: 465 TLS, 587 STARTTLS, others STARTTLS where offered, and
    /// always where there is a password.
    pub relay_tls: Option<TlsMode>,
    /// The relay's account.
    pub relay_user: Option<String>,
    /// Its password; never logged.
    pub relay_password: Option<Secret>,
    /// A CA for the relay's certificate besides the system's.
    pub relay_ca_file: Option<PathBuf>,
    /// Relays for the mail of some senders or to some recipients, by a name of one's choice.
    pub relays: BTreeMap<String, PartRelay>,
    /// Whether mail that is forwarded gets a `From:` of this box; the author stays in `Reply-To:`. Only for a relay that takes
    /// nothing else: people see it.
    pub rewrite_from: bool,
    /// Whether mail goes to its domain's own servers although there is a relay for all.
    pub direct: Direct,
    /// Whether TLSA records that others publish are followed (DANE, RFC 7672).
    pub dane: bool,
    /// Whether MTA-STS policies that others publish are followed (RFC 8461).
    pub mta_sts: bool,
    /// Over which of the two internets mail goes out.
    pub ipv6: Ipv6,
    /// The port of the servers MX records name. Other than 25 only in a closed network.
    pub mx_port: u16,
    /// The port MTA-STS policies are fetched from. Other than 443 only in a closed network.
    pub mta_sts_port: u16,
}

/// What goes to the recipients' own servers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Direct {
    /// Everything, until it turns out that the line lets no connections to port 25 out; then the relay takes over.
    Auto,
    /// Everything; the relay for all is not used.
    Always,
    /// Nothing while there is a relay for all.
    #[default]
    Never,
}

impl Outbound {
    /// A relay of `outbound.relays`, or without a name the one for all, with everything that belongs to it.
    pub fn relay(&self, name: Option<&str>) -> Option<Relay> {
        match name {
            Some(name) => self.relays.get(name).map(PartRelay::settled),
            None => self.general().map(|relay| relay.settled()),
        }
    }

    /// The relay for all, written like the others.
    fn general(&self) -> Option<PartRelay> {
        Some(PartRelay {
            relay: self.relay.clone()?,
            tls: self.relay_tls,
            user: self.relay_user.clone(),
            password: self.relay_password.clone(),
            ca_file: self.relay_ca_file.clone(),
            from: Vec::new(),
            to: Vec::new(),
        })
    }

    pub(super) fn contradiction(&self) -> Option<String> {
        if self.mx_port == 0 || self.mta_sts_port == 0 {
            return Some("outbound.mx_port and outbound.mta_sts_port cannot be 0".to_owned());
        }
        let is_any_set = self.relay_user.is_some()
            || self.relay_password.is_some()
            || self.relay_tls.is_some()
            || self.relay_ca_file.is_some();
        match self.general() {
            None if is_any_set => {
                return Some("outbound.relay_* is set, but outbound.relay is not".to_owned());
            }
            None if self.direct == Direct::Auto => {
                return Some(
                    "outbound.direct is \"auto\", but there is no outbound.relay to fall back to".to_owned(),
                );
            }
            None => {}
            Some(relay) => {
                let keys = ["outbound.relay_user", "outbound.relay_password", "outbound.relay_tls"];
                if let Some(problem) = relay.contradiction(keys[0], keys[1], keys[2]) {
                    return Some(problem);
                }
            }
        }
        self.relays.iter().find_map(|(name, relay)| {
            let key = |word: &str| format!("outbound.relays.{name}.{word}");
            if relay.from.is_empty() && relay.to.is_empty() {
                return Some(format!(
                    "{} and {} are both empty: this relay gets no mail",
                    key("from"),
                    key("to")
                ));
            }
            relay.contradiction(&key("user"), &key("password"), &key("tls"))
        })
    }
}

/// Whether mail goes out over IPv6. Large receivers refuse it from an address without a name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Ipv6 {
    /// Where our own IPv6 address has a name in DNS (PTR), or the server has no IPv4 address.
    #[default]
    Auto,
    /// Yes.
    On,
    /// No.
    Off,
}

impl Default for Outbound {
    fn default() -> Outbound {
        Outbound {
            route: BTreeMap::new(),
            relay: None,
            relay_tls: None,
            relay_user: None,
            relay_password: None,
            relay_ca_file: None,
            relays: BTreeMap::new(),
            rewrite_from: false,
            direct: Direct::default(),
            dane: true,
            mta_sts: true,
            ipv6: Ipv6::default(),
            mx_port: 25,
            mta_sts_port: 443,
        }
    }
}
