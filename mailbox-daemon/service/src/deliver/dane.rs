//! TLSA records of the servers mail goes to, as far as DNSSEC vouches for them (RFC 7672 section 2.2).

use super::Context;
use super::target::NoServer;
use crate::dns::{Dnssec, LookupFailed, SecureResolver};
use policy::config::Settings;
use policy::hop::{Dane, usable};
use std::net::IpAddr;
use std::sync::Arc;
use store::Subject;
use types::Domain;

/// The resolvers that have once given answers that validate.
const VALIDATED: Subject = Subject { name: "dnssec", rows_max: 20 };
const ISSUE: &str = "dns/dnssec";

/// The resolver to find servers with, where DANE is wanted and possible.
///
/// Whoever answers us may never have passed signatures on; then mail goes as it does without DANE, and the owner is told. Where
/// it once did, or a trust anchor was set, answers that do not validate delay the mail instead.
pub(super) async fn resolver(
    context: &Context,
    settings: &Settings,
) -> Result<Option<Arc<SecureResolver>>, NoServer> {
    if !settings.outbound.dane {
        return Ok(None);
    }
    let server = settings.dns.resolver;
    let anchors = settings.dns.trust_anchor.as_ref().map(|file| context.host.state_dir().join(file));
    let resolver = context.host.resolvers.secure(server, anchors.as_deref());
    let resolver = resolver.map_err(|error| NoServer::Resolver(error.to_string()))?;
    if anchors.is_some() {
        return Ok(Some(resolver));
    }
    let key = server.map_or_else(|| "system".to_owned(), |server| server.to_string());
    let (host, now) = (&context.host, context.host.now());
    let has_validated = crate::disk(|| host.notes.get::<bool>(VALIDATED, &key)).ok().flatten().is_some();
    match resolver.dnssec().await {
        Dnssec::Works if has_validated => host.issues.clear(ISSUE),
        Dnssec::Works => {
            host.issues.clear(ISSUE);
            if let Err(error) = crate::disk(|| host.notes.put(VALIDATED, &key, &true, now)) {
                tracing::warn!(%error, "that DNSSEC works here is not noted");
            }
        }
        Dnssec::Stripped if has_validated => host.issues.raise(
            ISSUE,
            "The DNS server leaves out the signatures (DNSSEC) that it used to pass on. Mail waits, because somebody may be \
             trying to lead it astray. If the router was replaced, set dns.resolver to a server that passes them on, or \
             outbound.dane = false to do without.",
            now,
        ),
        Dnssec::Stripped => {
            host.issues.raise(
                ISSUE,
                "The DNS server leaves out signatures (DNSSEC), as many routers do. Mail goes out, but without the protection \
                 of DANE. Set dns.resolver to a server that passes them on.",
                now,
            );
            return Ok(None);
        }
        Dnssec::Unknown if has_validated => {}
        Dnssec::Unknown => return Ok(None),
    }
    Ok(Some(resolver))
}

/// A server's addresses and TLSA records; `None` where its addresses cannot be had. `domain` is whose mail it takes, where
/// the way from there to the server is vouched for.
pub(super) async fn look_up(
    resolver: &SecureResolver,
    host: &str,
    port: u16,
    domain: &Domain,
) -> Option<(Vec<IpAddr>, Dane)> {
    let found = match resolver.host(host).await {
        Ok(found) => found,
        Err(LookupFailed(reason)) => {
            tracing::info!(host, reason, "the server's addresses cannot be looked up");
            return None;
        }
    };
    for base in found.bases {
        match resolver.tlsa(&base, port).await {
            Ok(records) if records.is_empty() => {}
            Ok(records) => {
                let records = usable(records.into_iter().flatten().collect());
                let dane = match records.is_empty() {
                    true => Dane::Unusable,
                    false => Dane::Records { records, names: names(base, host, domain) },
                };
                return Some((found.addresses, dane));
            }
            Err(LookupFailed(reason)) => {
                tracing::info!(host, base, reason, "the server's TLSA records cannot be looked up");
                return Some((found.addresses, Dane::Failed));
            }
        }
    }
    Some((found.addresses, Dane::None))
}

/// The names a certificate may bear (RFC 7672 section 3.2.2): the TLSA base domain, the server's, the recipient's domain.
fn names(base: String, host: &str, domain: &Domain) -> Vec<String> {
    let mut names = vec![base, host.to_owned(), domain.as_str().to_owned()];
    names.dedup();
    names
}
