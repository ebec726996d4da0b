//! Reports about mail: what others tell of our domains, and what they asked to be told of theirs (RFC 7489, RFC 8460).

#![allow(dead_code)]

mod counted;

use crate::host::Host;
use policy::reports;
use std::net::IpAddr;
use std::sync::Mutex;
use types::{DmarcPolicy, Evidence, ReversePath, TlsOutcome};

/// What the parts of the daemon that report share.
#[derive(Default)]
pub struct Reports {
    /// Held while a row is counted up.
    counting: Mutex<()>,
}

/// Counts how a connection to another server was secured, or was not, for the report to its domain.
pub(crate) fn note_tls(host: &Host, outcome: &TlsOutcome) {
    let row = reports::tls_row(outcome);
    counted::count(host, counted::TLS, &row.recipient_domain.clone(), row);
}

/// Counts a message for the report to its author's domain. `handled` is what was done with it in the end; a message that is
/// to be sent again is not counted.
pub(crate) fn note_dmarc(
    host: &Host,
    evidence: &Evidence,
    client: IpAddr,
    envelope_from: &ReversePath,
    handled: DmarcPolicy,
) {
    if let Some((domain, row)) = reports::dmarc_row(evidence, client, envelope_from, handled) {
        counted::count(host, counted::DMARC, &domain, row);
    }
}
