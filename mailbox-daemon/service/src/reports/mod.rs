//! Reports about mail: what others tell of our domains, and what they asked to be told of theirs (RFC 7489, RFC 8460).
//!
//! Mail and connections are counted as they happen (`note_*`), a task writes the reports of a day when it is over
//! ([`outgoing`]), and what others report becomes a summary ([`incoming`]). All of it lies in the notes: losing it costs numbers,
//! never mail.

mod counted;
mod dmarc;
mod incoming;
mod outgoing;
mod post;
mod round;
mod summary;
mod tls;

pub(crate) use incoming::{read, take_in};
pub(crate) use outgoing::{ask, run};
pub(crate) use summary::summary;

use crate::host::Host;
use policy::reports;
use std::net::IpAddr;
use std::sync::Mutex;
use tokio::sync::{Notify, Semaphore};
use types::{DmarcPolicy, Evidence, ReversePath, TlsOutcome};

/// What the parts of the daemon that report share.
pub struct Reports {
    /// Held while a row is counted up.
    counting: Mutex<()>,
    /// Whose turn it is to read a report that came in.
    reading: Semaphore,
    /// Rung when reports are asked for by hand.
    asked: Notify,
}

impl Default for Reports {
    fn default() -> Reports {
        Reports { counting: Mutex::default(), reading: Semaphore::new(1), asked: Notify::new() }
    }
}

/// Counts how a connection to another server was secured, or was not, for the report to its domain.
pub(crate) fn note_tls(host: &Host, outcome: &TlsOutcome) {
    if host.settings.load().reports.tls {
        let row = reports::tls_row(outcome);
        counted::count(host, counted::TLS, &row.recipient_domain.clone(), row);
    }
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
    if host.settings.load().reports.dmarc_daily_max == 0 {
        return;
    }
    if let Some((domain, row)) = reports::dmarc_row(evidence, client, envelope_from, handled) {
        counted::count(host, counted::DMARC, &domain, row);
    }
}
