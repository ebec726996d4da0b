//! What can be found out about a message and whoever brings it: look-ups side by side, each with its time, all with one budget.
//!
//! An [`Inquiry`] lives as long as the connection. Each look-up begins as soon as its question is known, so that answers are
//! there when somebody waits for them; dropping the inquiry ends what still runs.

#![allow(dead_code, clippy::unused_self, clippy::unused_async)]

use crate::host::Host;
use policy::config::Settings;
use std::net::IpAddr;
use std::sync::Arc;
use types::{Evidence, ReversePath};

/// Everything asked about one inbound connection.
pub(crate) struct Inquiry {}

impl Inquiry {
    /// Begins with the client's address: its name and the lists it may be on.
    pub(crate) fn begin(_host: &Arc<Host>, _settings: &Arc<Settings>, _client: IpAddr) -> Inquiry {
        Inquiry {}
    }

    /// Goes on with the HELO name and the envelope's sender: SPF, and whether the sender's domain takes mail.
    pub(crate) fn envelope(&mut self, _helo: &str, _from: &ReversePath) {}

    /// Ends with the message as it came, header and body: its signatures, and all that was asked before.
    pub(crate) async fn message(&mut self, _message: &[u8]) -> Evidence {
        Evidence::default()
    }
}
