//! From a destination to the servers that take its mail, and to what the connection to each must be.

use super::race::in_turn;
use super::tls::TlsPolicy;
use super::{Context, dane, sts};
use crate::dns::{Addresses, Proven, Resolver, SecureResolver, host, reverse_name};
use hickory_resolver::proto::rr::RecordType;
use policy::config::{Ipv6, Settings, TlsMode};
use policy::hop::{Dane, Found, LeftOut, Sts, security};
use policy::route::{Destination, MxAnswer, Unroutable, servers};
use proto::mta_sts::{Mode, Policy};
use proto::smtp::client::Login;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::sync::Arc;
use types::{Domain, TlsWish};

/// Servers of one domain that are tried in one attempt.
const SERVERS_MAX: usize = 5;
/// Addresses of one server that are tried.
const ADDRESSES_MAX: usize = 4;

/// One server and how it is spoken to.
#[derive(Clone, Debug)]
pub(super) struct Server {
    pub(super) host: String,
    pub(super) port: u16,
    /// What the configuration asks for; what is published may ask for more.
    pub(super) tls: TlsPolicy,
    pub(super) login: Option<Login>,
}

/// The servers of a destination, best first, and what its domain publishes about them.
pub(super) struct Servers {
    pub(super) list: Vec<Server>,
    wish: TlsWish,
    /// Whose mail they take, where DNS named them.
    pub(super) domain: Option<Published>,
}

/// What a domain publishes.
pub(super) struct Published {
    pub(super) domain: Domain,
    pub(super) policy: Option<Policy>,
    /// Where signatures vouch for the servers' names: whom to ask for their records.
    secure: Option<Arc<SecureResolver>>,
}

/// Where a server listens and what the connection must be.
pub(super) struct Approach {
    pub(super) addresses: Vec<SocketAddr>,
    pub(super) tls: TlsPolicy,
    /// Whether the domain's MTA-STS policy leaves the server out, while it is only watched.
    pub(super) is_unlisted: bool,
}

/// Why there is no server to speak to.
pub(super) enum NoServer {
    /// What DNS says rules it out, or DNS does not answer.
    Unroutable(Unroutable),
    /// The resolver cannot be set up, which is ours to mend.
    Resolver(String),
    /// The relay was taken out of the configuration meanwhile.
    Gone,
}

/// Why a server is not spoken to.
pub(super) enum NoApproach {
    /// It has no address.
    Nowhere,
    /// It has IPv6 addresses alone, which are not to be used.
    OnlyIpv6,
    /// Its addresses cannot be looked up now.
    Unknown,
    /// It is not safe.
    LeftOut(LeftOut),
}

/// The servers of a destination.
pub(super) async fn find(
    context: &Context,
    settings: &Settings,
    destination: &Destination,
) -> Result<Servers, NoServer> {
    let (place, wish) = destination.place();
    let configured = |list: Vec<Server>| Ok(Servers { list, wish, domain: None });
    match place {
        Destination::Server(server) => configured(vec![plain(server.host.clone(), server.port)]),
        Destination::Relay(name) => {
            let relay = relay(context, settings, name.as_deref()).ok_or(NoServer::Gone)?;
            configured(vec![relay])
        }
        Destination::Domain(domain) => by_dns(context, settings, domain, wish).await,
        // A place has no wish.
        Destination::Wished(..) => configured(Vec::new()),
    }
}

fn plain(host: String, port: u16) -> Server {
    Server { host, port, tls: TlsPolicy::from_mode(TlsMode::Opportunistic, None), login: None }
}

fn relay(context: &Context, settings: &Settings, name: Option<&str>) -> Option<Server> {
    let relay = settings.outbound.relay(name)?;
    let ca_file = relay.ca_file.map(|file| context.host.state_dir().join(file));
    let login = relay.login.map(|(user, password)| Login { user, password: password.reveal().to_owned() });
    let tls = TlsPolicy::from_mode(relay.tls, ca_file);
    Some(Server { host: relay.target.host, port: relay.target.port, tls, login })
}

async fn by_dns(
    context: &Context,
    settings: &Settings,
    domain: &Domain,
    wish: TlsWish,
) -> Result<Servers, NoServer> {
    let is_policy_asked = wish != TlsWish::NotRequired;
    let secure = if is_policy_asked { dane::resolver(context, settings).await? } else { None };
    let published =
        async { if is_policy_asked { sts::policy(context, settings, domain).await } else { None } };
    let (found, policy) = tokio::join!(mx(context, settings, domain, secure.as_deref()), published);
    let Proven { answer, is_secure } = found?;
    let hosts =
        servers(domain, answer, &settings.hostname, context.random()).map_err(NoServer::Unroutable)?;
    let port = settings.outbound.mx_port;
    let list = hosts.into_iter().take(SERVERS_MAX).map(|host| plain(host, port)).collect();
    let secure = secure.filter(|_| is_secure);
    Ok(Servers { list, wish, domain: Some(Published { domain: domain.clone(), policy, secure }) })
}

async fn mx(
    context: &Context,
    settings: &Settings,
    domain: &Domain,
    secure: Option<&SecureResolver>,
) -> Result<Proven<MxAnswer>, NoServer> {
    match secure {
        Some(resolver) => Ok(resolver.mx(domain).await),
        None => {
            let answer = context.resolver(settings).map_err(NoServer::Resolver)?.mx(domain).await;
            Ok(Proven { answer, is_secure: false })
        }
    }
}

impl Servers {
    /// Where one of them listens and what the connection must be.
    pub(super) async fn approach(
        &self,
        context: &Context,
        settings: &Settings,
        server: &Server,
    ) -> Result<Approach, NoApproach> {
        let (addresses, dane) = match server.host.parse() {
            Ok(address) => (vec![address], Dane::None),
            Err(_) => self.look_up(context, settings, server).await?,
        };
        let (found, sts) = self.domain.as_ref().map_or((Found::BySettings, Sts::None), |published| {
            (Found::ByDns { is_secure: published.secure.is_some() }, published.sts(&server.host))
        });
        let called_for = security(self.wish, found, dane, sts).map_err(NoApproach::LeftOut)?;
        let addresses = usable(context, settings, addresses).await;
        if addresses.is_empty() {
            return Err(NoApproach::OnlyIpv6);
        }
        Ok(Approach {
            addresses: addresses.into_iter().map(|address| SocketAddr::new(address, server.port)).collect(),
            tls: server.tls.clone().at_least(called_for),
            is_unlisted: sts == Sts::Testing { is_listed: false },
        })
    }

    /// Whether the message wants TLS all the way.
    pub(super) fn requires_tls(&self) -> bool {
        self.wish == TlsWish::Required
    }

    /// Whether the session counts for the report to the domain. One for mail that asks for no security does not, above all one
    /// for a report: the next report would tell of it, and so on forever (RFC 8460 section 3).
    pub(super) fn is_reported(&self) -> bool {
        self.wish != TlsWish::NotRequired
    }

    async fn look_up(
        &self,
        context: &Context,
        settings: &Settings,
        server: &Server,
    ) -> Result<(Vec<IpAddr>, Dane), NoApproach> {
        if let Some(Published { domain, secure: Some(resolver), .. }) = &self.domain {
            let found = dane::look_up(resolver, &server.host, server.port, domain).await;
            let (addresses, dane) = found.ok_or(NoApproach::Unknown)?;
            return if addresses.is_empty() { Err(NoApproach::Nowhere) } else { Ok((addresses, dane)) };
        }
        let resolver = context.resolver(settings).map_err(|_| NoApproach::Unknown)?;
        match Resolver::addresses(&resolver, &server.host).await {
            Addresses::Found(found) => Ok((found, Dane::None)),
            Addresses::None => Err(NoApproach::Nowhere),
            Addresses::Failed => Err(NoApproach::Unknown),
        }
    }
}

impl Published {
    fn sts(&self, host: &str) -> Sts {
        match &self.policy {
            Some(policy) if policy.mode == Mode::Enforce => Sts::Enforced { is_listed: policy.names(host) },
            Some(policy) if policy.mode == Mode::Testing => Sts::Testing { is_listed: policy.names(host) },
            _ => Sts::None,
        }
    }
}

/// The addresses that are tried, in order. A server that has IPv6 addresses alone is tried there, unless the owner says no:
/// the worst that may come of it is a refusal.
async fn usable(context: &Context, settings: &Settings, mut addresses: Vec<IpAddr>) -> Vec<IpAddr> {
    let has_choice = addresses.iter().any(IpAddr::is_ipv4) || settings.outbound.ipv6 == Ipv6::Off;
    if has_choice && addresses.iter().any(IpAddr::is_ipv6) && !may_use_ipv6(context, settings).await {
        addresses.retain(|address| address.is_ipv4() || address.is_loopback());
    }
    let mut addresses = in_turn(addresses, IpAddr::is_ipv6);
    addresses.truncate(ADDRESSES_MAX);
    addresses
}

async fn may_use_ipv6(context: &Context, settings: &Settings) -> bool {
    match settings.outbound.ipv6 {
        Ipv6::On => true,
        Ipv6::Off => false,
        Ipv6::Auto => match (own_ipv6(), context.resolver(settings)) {
            // The resolver remembers the answer.
            (Some(own), Ok(resolver)) => {
                let names = resolver.question(&reverse_name(own), RecordType::PTR, host).await;
                names.known().is_some_and(|names| !names.is_empty())
            }
            _ => false,
        },
    }
}

/// The address our connections into the IPv6 internet come from. Nothing is sent to find it.
fn own_ipv6() -> Option<IpAddr> {
    /// Any address far away.
    const FAR_AWAY: (&str, u16) = ("2001:4860:4860::8888", 53);
    let socket = UdpSocket::bind("[::]:0").ok()?;
    socket.connect(FAR_AWAY).ok()?;
    Some(socket.local_addr().ok()?.ip()).filter(|address| !address.is_unspecified())
}
