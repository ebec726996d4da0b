//! Whether the line lets connections to port 25 out: what the attempts show, remembered over restarts, told to the owner.

use super::Context;
use super::connection::NoSession;
use policy::config::Direct;
use policy::direct_path::{DirectPath, News};
use policy::route::Destination;
use std::io::ErrorKind;
use std::sync::atomic::Ordering;
use store::{Notes, Subject};

const NOTE: Subject = Subject { name: "direct-path", rows_max: 1 };
const KEY: &str = "path";
const ISSUE: &str = "outbound/port-25";

/// What the attempts to reach one destination showed of the line.
#[derive(Debug, Default)]
pub(super) struct Reach {
    /// Some server took a connection.
    pub(super) is_connected: bool,
    /// Some address took none, and not for want of a network.
    is_silent: bool,
}

impl Reach {
    /// Takes in why there is no session.
    pub(super) fn note(&mut self, error: &NoSession) {
        match error {
            NoSession::Connect(error) => {
                let says_something = [
                    ErrorKind::TimedOut,
                    ErrorKind::ConnectionRefused,
                    ErrorKind::ConnectionReset,
                    ErrorKind::HostUnreachable,
                    ErrorKind::PermissionDenied,
                ];
                self.is_silent |= says_something.contains(&error.kind());
            }
            NoSession::Tls(_) | NoSession::Session(..) | NoSession::NoRequireTls => self.is_connected = true,
        }
    }
}

/// What is known from before the last stop.
pub(super) fn recall(notes: &Notes) -> DirectPath {
    notes.get(NOTE, KEY).ok().flatten().unwrap_or_default()
}

impl Context {
    /// Whether the relay for all takes a message that would go to its domain's own servers.
    pub(super) fn is_line_closed(&self) -> bool {
        let mut path = self.path();
        let before = path.clone();
        let is_closed = path.is_closed(self.host.now());
        if *path != before {
            self.remember(&path);
        }
        is_closed
    }

    /// Takes in what an attempt showed.
    pub(super) fn note_reach(&self, destination: &Destination, reach: &Reach) {
        let Destination::Domain(domain) = destination.place().0 else { return };
        let now = self.host.now();
        let mut path = self.path();
        let before = path.clone();
        let news = match (reach.is_connected, reach.is_silent) {
            (true, _) => path.connected(),
            (false, true) => path.not_connected(domain, now),
            (false, false) => None,
        };
        if *path != before {
            self.remember(&path);
        }
        drop(path);
        match news {
            Some(News::Closed) => self.line_closed(),
            Some(News::Open) => self.host.issues.clear(ISSUE),
            None => {}
        }
    }

    /// Tells the owner, also after a restart.
    pub(super) fn line_closed(&self) {
        let now = self.host.now();
        let outbound = &self.host.settings.load().outbound;
        let is_relayed = outbound.relay.is_some() && outbound.direct == Direct::Auto;
        let remedy = match is_relayed {
            true => "Mail goes out over the relay; once a day the direct way is tried again.",
            false => {
                "Ask your provider to open it, or set outbound.relay (`mailbox-daemon relay presets` shows services) and outbound.direct = \"auto\"."
            }
        };
        let text = format!(
            "Other mail servers cannot be reached: this line seems to block port 25, as many lines at home do. {remedy}"
        );
        self.host.issues.raise(ISSUE, &text, now);
        self.is_relay_new.store(is_relayed, Ordering::Release);
    }

    /// Once the relay has taken over, all that waits is tried over it.
    pub(super) fn try_waiting_over_new_relay(&self) {
        if self.is_relay_new.swap(false, Ordering::AcqRel)
            && let Err(error) = crate::disk(|| self.host.queue.retry_all(self.host.now()))
        {
            tracing::warn!(%error, "waiting mail is not tried over the relay at once");
        }
    }

    fn remember(&self, path: &DirectPath) {
        if let Err(error) = crate::disk(|| self.host.notes.put(NOTE, KEY, path, self.host.now())) {
            tracing::warn!(%error, "what is known of the line is not noted");
        }
    }
}
