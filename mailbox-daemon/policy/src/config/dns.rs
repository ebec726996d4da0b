use serde::Deserialize;
use std::net::SocketAddr;

/// Which resolver answers.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Dns {
    /// `address:port`; the system's resolvers when absent.
    pub resolver: Option<SocketAddr>,
}
