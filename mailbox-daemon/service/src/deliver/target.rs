//! From a destination to the servers that take its mail.

use super::Context;
use super::tls::TlsPolicy;
use crate::dns::{Addresses, Resolver};
use policy::config::Settings;
use policy::route::{Destination, Unroutable, servers};
use proto::smtp::client::Login;
use std::net::SocketAddr;
use types::Domain;

/// Servers of one domain that are tried in one attempt.
const SERVERS_MAX: usize = 5;
/// Addresses of one server that are tried.
const ADDRESSES_MAX: usize = 4;
const SMTP_PORT: u16 = 25;

/// One server and how it is spoken to.
pub(super) struct Server {
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) tls: TlsPolicy,
    pub(super) login: Option<Login>,
}

/// Why there is no server to speak to.
pub(super) enum NoServer {
    /// What DNS says rules it out, or DNS does not answer.
    Unroutable(Unroutable),
    /// The resolver cannot be set up, which is ours to mend.
    Resolver(String),
}

/// The servers of a destination, best first.
pub(super) async fn find(
    context: &Context,
    settings: &Settings,
    destination: &Destination,
) -> Result<Vec<Server>, NoServer> {
    let plain = |host: String, port| Server { host, port, tls: TlsPolicy::Opportunistic, login: None };
    match destination {
        Destination::Server(server) => Ok(vec![plain(server.host.clone(), server.port)]),
        Destination::Relay(name) => Ok(relay(context, settings, name.as_deref()).into_iter().collect()),
        Destination::Domain(domain) => {
            let hosts = mx(context, settings, domain).await?;
            Ok(hosts.into_iter().take(SERVERS_MAX).map(|host| plain(host, SMTP_PORT)).collect())
        }
    }
}

fn relay(context: &Context, settings: &Settings, name: Option<&str>) -> Option<Server> {
    let relay = settings.outbound.relay(name)?;
    let ca_file = relay.ca_file.map(|file| context.host.state_dir().join(file));
    let login = relay.login.map(|(user, password)| Login { user, password: password.reveal().to_owned() });
    let tls = TlsPolicy::from_mode(relay.tls, ca_file);
    Some(Server { host: relay.target.host, port: relay.target.port, tls, login })
}

async fn mx(context: &Context, settings: &Settings, domain: &Domain) -> Result<Vec<String>, NoServer> {
    let answer = context.resolver(settings).map_err(NoServer::Resolver)?.mx(domain).await;
    servers(domain, answer, &settings.hostname, context.random()).map_err(NoServer::Unroutable)
}

/// Where a server listens.
pub(super) enum Listening {
    At(Vec<SocketAddr>),
    Nowhere,
    Unknown,
}

/// A server's addresses.
pub(super) async fn addresses(context: &Context, settings: &Settings, server: &Server) -> Listening {
    if let Ok(address) = server.host.parse() {
        return Listening::At(vec![SocketAddr::new(address, server.port)]);
    }
    let Ok(resolver) = context.resolver(settings) else { return Listening::Unknown };
    match Resolver::addresses(&resolver, &server.host).await {
        Addresses::Found(found) => {
            let found = found.into_iter().take(ADDRESSES_MAX);
            Listening::At(found.map(|address| SocketAddr::new(address, server.port)).collect())
        }
        Addresses::None => Listening::Nowhere,
        Addresses::Failed => Listening::Unknown,
    }
}
