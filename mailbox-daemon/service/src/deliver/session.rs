//! A session with one of a destination's servers: who is asked in which order, and what it means that nobody is willing.

use super::Context;
use super::connection::{Connection, NoSession};
use super::line::Reach;
use super::outcome::{left_out, outcome};
use super::race::Race;
use super::target::{self, Approach, NoApproach, NoServer, Server, Servers};
use super::tls::HandshakeFailed;
use super::verdict::Verdict;
use policy::config::Settings;
use policy::route::Destination;
use policy::schedule::Attempt;
use proto::smtp::client::Stage;
use std::io;
use std::net::SocketAddr;
use tokio::net::TcpStream;

/// A session with the first server of the destination that is willing and was not tried.
pub(super) async fn open(
    context: &Context,
    settings: &Settings,
    destination: &Destination,
    tried: &[String],
) -> Result<Connection, Verdict> {
    let servers = target::find(context, settings, destination).await.map_err(no_server)?;
    let caller = Caller { context, settings, destination, servers: &servers };
    let mut last = Verdict::without_address();
    let mut reach = Reach::default();
    for server in servers.list.iter().filter(|server| !tried.contains(&server.host)) {
        match caller.call(server, &mut reach).await {
            Ok(session) => {
                context.board().reached(destination);
                context.note_reach(destination, &reach);
                return Ok(session);
            }
            // What may get better outweighs what will not.
            Err(verdict) if verdict.attempt == Attempt::Deferred || last.attempt == Attempt::Refused => {
                last = verdict;
            }
            Err(_) => {}
        }
    }
    context.note_reach(destination, &reach);
    Err(last)
}

/// What is needed to call any server of a destination.
struct Caller<'a> {
    context: &'a Context,
    settings: &'a Settings,
    destination: &'a Destination,
    servers: &'a Servers,
}

impl Caller<'_> {
    /// One server, address after address.
    async fn call(&self, server: &Server, reach: &mut Reach) -> Result<Connection, Verdict> {
        let approach = match self.servers.approach(self.context, self.settings, server).await {
            Ok(approach) => approach,
            Err(reason) => {
                let published = self.servers.domain.as_ref();
                if let Some(outcome) = published.and_then(|published| left_out(published, server, &reason)) {
                    crate::reports::note_tls(&self.context.host, &outcome);
                }
                return Err(self.no_approach(reason, server));
            }
        };
        let mut last = Verdict::without_address();
        let mut race = Race::new(approach.addresses.iter().copied());
        while let Some((address, connected)) = race.next().await {
            match self.greet(server, &approach, address, connected).await {
                Ok(session) => {
                    reach.is_connected = true;
                    tracing::info!(destination = %self.destination, server = server.host, %address, security = %session.secured(), "session open");
                    return Ok(session);
                }
                Err(error) => {
                    reach.note(&error);
                    tracing::debug!(server = server.host, %address, ?error, "no session");
                    let verdict = no_session(&error, self.servers.requires_tls());
                    last = Verdict { server: Some(server.host.clone()), ..verdict };
                }
            }
        }
        Err(last)
    }

    /// One address; what came of it counts for the report on TLS.
    async fn greet(
        &self,
        server: &Server,
        approach: &Approach,
        address: SocketAddr,
        connected: io::Result<TcpStream>,
    ) -> Result<Connection, NoSession> {
        let name = self.settings.hostname.as_str();
        let attempt = match connected {
            Ok(tcp) => Connection::open(tcp, address, server, &approach.tls, name).await,
            Err(error) => Err(NoSession::Connect(error)),
        };
        let attempt = match attempt {
            Ok(session) if self.servers.requires_tls() && !session.offers_requiretls() => {
                session.quit().await;
                Err(NoSession::NoRequireTls)
            }
            attempt => attempt,
        };
        if self.servers.is_reported()
            && let Some(published) = &self.servers.domain
            && let Some(outcome) = outcome(published, approach, server, address, &attempt)
        {
            crate::reports::note_tls(&self.context.host, &outcome);
        }
        attempt
    }

    fn no_approach(&self, reason: NoApproach, server: &Server) -> Verdict {
        let verdict = match reason {
            // A name the owner wrote down says nothing about the recipient.
            NoApproach::Nowhere if self.servers.domain.is_none() => {
                Verdict::unreachable("The name of the server in the settings has no address.")
            }
            NoApproach::Nowhere => return Verdict::without_address(),
            NoApproach::Unknown => {
                let text = format!("The address of {} could not be looked up.", server.host);
                return Verdict::unreachable(&text);
            }
            NoApproach::OnlyIpv6 => {
                Verdict::unreachable("The server has IPv6 addresses alone, and outbound.ipv6 is off.")
            }
            NoApproach::LeftOut(reason) => Verdict::left_out(reason),
        };
        Verdict { server: Some(server.host.clone()), ..verdict }
    }
}

fn no_server(reason: NoServer) -> Verdict {
    match reason {
        NoServer::Unroutable(reason) => Verdict::unroutable(reason),
        NoServer::Resolver(error) => Verdict::ours(format!("The resolver cannot be used: {error}")),
        NoServer::Gone => Verdict::ours("The relay is not configured any more."),
    }
}

fn no_session(error: &NoSession, requires_tls: bool) -> Verdict {
    match error {
        NoSession::Connect(error) => Verdict::unreachable(&format!("No connection: {error}.")),
        NoSession::Tls(HandshakeFailed { error, .. }) if requires_tls => {
            Verdict::no_required_tls(&error.to_string())
        }
        NoSession::Tls(HandshakeFailed { error, .. }) => {
            Verdict { status: "4.7.5".to_owned(), ..Verdict::unreachable(&format!("TLS failed: {error}.")) }
        }
        NoSession::Session(Stage::StartTls, failure) if requires_tls => {
            Verdict::no_required_tls(&Verdict::broken(Stage::StartTls, failure).explanation)
        }
        NoSession::Session(stage, failure) => Verdict::broken(*stage, failure),
        NoSession::NoRequireTls => Verdict::requiretls_missing(),
    }
}
