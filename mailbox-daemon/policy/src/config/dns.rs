use serde::Deserialize;
use std::net::SocketAddr;
use std::path::PathBuf;

/// Which resolver answers.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Dns {
    /// `address:port`; the system's resolvers when absent.
    pub resolver: Option<SocketAddr>,
    /// A file of DNSKEY records that are trusted besides the keys of the root, for a network with a signed root of its own.
    /// With it DNSSEC is taken to work: an answer that does not validate delays mail, never switches DANE off.
    pub trust_anchor: Option<PathBuf>,
}
