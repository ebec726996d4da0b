//! Look-ups that outbound mail needs. What DNS says becomes plain values here; deciding is `policy::route`'s.

#![cfg_attr(test, allow(clippy::unwrap_used))]

mod questions;
mod secure;

pub(crate) use questions::{Answer, address, host, reverse_name, text};
pub use secure::{Dnssec, Host, LookupFailed, Proven, SecureResolver};

use hickory_resolver::config::{
    ConnectionConfig, NameServerConfig, ResolveHosts, ResolverConfig, ResolverOpts,
};
use hickory_resolver::net::NetError;
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::proto::rr::RData;
use hickory_resolver::{ResolverBuilder, TokioResolver};
use policy::route::MxAnswer;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use types::Domain;

/// How long one question to one server may take, and how often it is asked.
const TIMEOUT: Duration = Duration::from_secs(5);
const ATTEMPTS: usize = 2;
/// Answers kept. A household writes to few domains.
const CACHE_ENTRIES: u64 = 128;

/// What a validating resolver was made for: the server it asks and the file of its trust anchors.
type SecureKey = (Option<SocketAddr>, Option<PathBuf>);

/// The resolvers of the settings in force, made when first needed.
#[derive(Default)]
pub struct Resolvers {
    current: Mutex<Option<(Option<SocketAddr>, Arc<Resolver>)>>,
    secure: Mutex<Option<(SecureKey, Arc<SecureResolver>)>>,
}

impl Resolvers {
    /// The resolver that asks `server`, or the system's servers where there is none.
    pub fn get(&self, server: Option<SocketAddr>) -> Result<Arc<Resolver>, NetError> {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        match &*current {
            Some((asked, resolver)) if *asked == server => Ok(Arc::clone(resolver)),
            _ => {
                let resolver = Arc::new(Resolver::new(server)?);
                *current = Some((server, Arc::clone(&resolver)));
                Ok(resolver)
            }
        }
    }

    /// The resolver that validates, with the trust anchors of a file besides the root's.
    pub fn secure(
        &self,
        server: Option<SocketAddr>,
        anchors: Option<&Path>,
    ) -> Result<Arc<SecureResolver>, NetError> {
        let asked_for = (server, anchors.map(Path::to_owned));
        let mut current = self.secure.lock().unwrap_or_else(PoisonError::into_inner);
        match &*current {
            Some((asked, resolver)) if *asked == asked_for && !resolver.is_worn() => Ok(Arc::clone(resolver)),
            _ => {
                let resolver = Arc::new(SecureResolver::new(server, anchors)?);
                *current = Some((asked_for, Arc::clone(&resolver)));
                Ok(resolver)
            }
        }
    }
}

/// Asks one configured server, or the system's.
pub struct Resolver {
    hickory: TokioResolver,
}

/// The addresses of a host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Addresses {
    /// At least one; IPv4 first, because mail from a home's IPv6 address is trusted least.
    Found(Vec<IpAddr>),
    /// The host has none.
    None,
    /// No answer, or one that says to ask later.
    Failed,
}

impl Resolver {
    /// A resolver that asks `server`, or what `/etc/resolv.conf` names. It opens nothing before the first question.
    pub fn new(server: Option<SocketAddr>) -> Result<Resolver, NetError> {
        let mut builder = builder(server)?;
        options(builder.options_mut());
        if server.is_some() {
            // Whoever names a server wants its answers, not this machine's /etc/hosts.
            builder.options_mut().use_hosts_file = ResolveHosts::Never;
        }
        Ok(Resolver { hickory: builder.build()? })
    }

    /// The MX records of a domain.
    pub async fn mx(&self, domain: &Domain) -> MxAnswer {
        match self.hickory.mx_lookup(absolute(domain.as_str())).await {
            Ok(lookup) => {
                MxAnswer::Records(lookup.answers().iter().filter_map(|record| mx_of(&record.data)).collect())
            }
            Err(error) if error.is_nx_domain() => MxAnswer::NoDomain,
            Err(error) if error.is_no_records_found() => MxAnswer::NoRecords,
            Err(error) => {
                tracing::debug!(%domain, %error, "MX look-up failed");
                MxAnswer::Failed
            }
        }
    }

    /// The addresses of a host, which may be written as one.
    pub async fn addresses(&self, host: &str) -> Addresses {
        if let Ok(address) = host.parse::<IpAddr>() {
            return Addresses::Found(vec![address]);
        }
        match self.hickory.lookup_ip(absolute(host)).await {
            Ok(lookup) => {
                let mut addresses: Vec<IpAddr> = lookup.iter().collect();
                addresses.sort_by_key(IpAddr::is_ipv6);
                if addresses.is_empty() { Addresses::None } else { Addresses::Found(addresses) }
            }
            Err(error) if error.is_no_records_found() => Addresses::None,
            Err(error) => {
                tracing::debug!(host, %error, "address look-up failed");
                Addresses::Failed
            }
        }
    }
}

fn builder(server: Option<SocketAddr>) -> Result<ResolverBuilder<TokioRuntimeProvider>, NetError> {
    match server {
        Some(server) => Ok(TokioResolver::builder_with_config(only(server), TokioRuntimeProvider::default())),
        None => TokioResolver::builder_tokio(),
    }
}

fn options(options: &mut ResolverOpts) {
    options.timeout = TIMEOUT;
    options.attempts = ATTEMPTS;
    options.cache_size = CACHE_ENTRIES;
}

fn mx_of(data: &RData) -> Option<(u16, String)> {
    match data {
        RData::MX(mx) => Some((mx.preference, relative(&mx.exchange.to_ascii()))),
        _ => None,
    }
}

fn only(server: SocketAddr) -> ResolverConfig {
    let connections = [ConnectionConfig::udp(), ConnectionConfig::tcp()].map(|mut connection| {
        connection.port = server.port();
        connection
    });
    ResolverConfig::from_name_servers(vec![NameServerConfig::new(server.ip(), true, connections.to_vec())])
}

/// With its dot at the end, so that no search list is tried.
fn absolute(name: &str) -> String {
    format!("{}.", name.trim_end_matches('.'))
}

fn relative(name: &str) -> String {
    name.trim_end_matches('.').to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::net::UdpSocket;

    /// A name server that gives fixed answers: `null.test` has a null MX, `two.test` two, `gone.test` does not exist,
    /// `broken.test` fails, every other name exists and has nothing.
    async fn name_server() -> SocketAddr {
        let socket = Arc::new(UdpSocket::bind("127.0.0.1:0").await.unwrap());
        let address = socket.local_addr().unwrap();
        tokio::spawn(async move {
            let mut buffer = [0; 512];
            while let Ok((count, peer)) = socket.recv_from(&mut buffer).await {
                let reply = answer(&buffer[..count]);
                let _ = socket.send_to(&reply, peer).await;
            }
        });
        address
    }

    fn answer(query: &[u8]) -> Vec<u8> {
        let end = 12 + query[12..].iter().position(|byte| *byte == 0).unwrap() + 5;
        let name = String::from_utf8_lossy(&query[13..end - 5]).to_lowercase();
        let (code, records): (u8, Vec<Vec<u8>>) = match name.split(|c: char| c.is_control()).next().unwrap() {
            "null" => (0, vec![vec![0, 0, 0]]),
            "two" => (0, vec![b"\x00\x14\x01b\xc0\x0c".to_vec(), b"\x00\x0a\x01A\xc0\x0c".to_vec()]),
            "gone" => (3, vec![]),
            "broken" => (2, vec![]),
            _ => (0, vec![]),
        };
        let mut reply = query[..2].to_vec();
        reply.extend([0x81, 0x80 | code, 0, 1, 0, records.len() as u8, 0, 0, 0, 0]);
        reply.extend(&query[12..end]);
        for record in records {
            reply.extend([0xc0, 0x0c, 0, 15, 0, 1, 0, 0, 0, 60, 0, record.len() as u8]);
            reply.extend(record);
        }
        reply
    }

    #[tokio::test]
    async fn answers_become_plain_values() {
        let resolver = Resolver::new(Some(name_server().await)).unwrap();
        for (name, expected) in [
            ("null.test", MxAnswer::Records(vec![(0, String::new())])),
            (
                "two.test",
                MxAnswer::Records(vec![(20, "b.two.test".to_owned()), (10, "a.two.test".to_owned())]),
            ),
            ("gone.test", MxAnswer::NoDomain),
            ("broken.test", MxAnswer::Failed),
            ("plain.test", MxAnswer::NoRecords),
        ] {
            assert_eq!(resolver.mx(&Domain::parse(name).unwrap()).await, expected, "{name}");
        }
        assert_eq!(
            resolver.addresses("127.0.0.1").await,
            Addresses::Found(vec!["127.0.0.1".parse().unwrap()])
        );
        assert_eq!(resolver.addresses("gone.test").await, Addresses::None);
        assert_eq!(resolver.addresses("broken.test").await, Addresses::Failed);
    }
}
