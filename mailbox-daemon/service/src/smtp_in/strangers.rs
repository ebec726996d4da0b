//! What those without a login have to put up with: their turn, the owner's lists, and slow answers to mistakes.

use super::Connection;
use crate::places::Place;
use policy::access::{Standing, always_arrives};
use policy::tarpit;
use proto::smtp::reply::{Reply, say};
use std::time::Duration;
use tracing::{debug, info};
use types::{Address, Network, ReversePath};

impl Connection {
    /// Whether nobody is logged in and the client is not this machine.
    fn is_stranger(&self) -> bool {
        self.login.is_none() && !self.settings.access.is_own_machine(self.peer.ip())
    }

    /// What the owner's lists say about the client and its sender.
    pub(super) fn standing(&self, sender: &ReversePath) -> Standing {
        self.host.gate.standing(&self.host, self.peer.ip(), sender.as_ref())
    }

    /// Takes a turn for one message; a refusal where the client hands in more than its share.
    pub(super) fn take_turn(&self, sender: &ReversePath) -> Result<(), Reply> {
        if !self.is_stranger() || self.standing(sender).is_allowed() {
            return Ok(());
        }
        self.host.gate.take_turn(&self.settings.limits, self.peer.ip()).map_err(|wait| {
            debug!(peer = %self.peer, wait_ms = wait.as_millis() as u64, "too many messages from there");
            say::TOO_FAST
        })
    }

    /// A share of the places for messages: however slowly a stranger's messages drip in, his network never has all of them.
    pub(super) fn take_share(&self) -> Result<Option<Place<Network>>, Reply> {
        if !self.is_stranger() {
            return Ok(None);
        }
        let from = Network::of_neighbourhood(self.peer.ip());
        let share = self.host.receiving_strangers.take(from, self.settings.limits.receiving_per_network_max);
        share.map(Some).ok_or_else(|| {
            debug!(peer = %self.peer, "too many messages are coming in from that network");
            say::TRY_LATER.with_text("Too many messages are coming in from your network, try again later")
        })
    }

    /// Refuses mail from those nobody here wants to hear from, but for who must be reachable.
    pub(super) fn check_wanted(&self, sender: &ReversePath, recipient: &Address) -> Result<(), Reply> {
        if self.login.is_some() || always_arrives(&recipient.local) {
            return Ok(());
        }
        let Standing::Blocked(entry) = self.standing(sender) else { return Ok(()) };
        info!(peer = %self.peer, from = sender.as_ref().map(tracing::field::display), %recipient, %entry, "blocked");
        let ask = format!("ask postmaster@{} if that is a mistake", recipient.domain);
        Err(say::UNWANTED.with_text(match entry.to_string() {
            entry if entry.is_ascii() => format!("Mail from {entry} is not accepted here; {ask}"),
            _ => format!("Mail from you is not accepted here; {ask}"),
        }))
    }

    /// Lets a stranger wait for the answers to his latest mistakes.
    pub(super) async fn slow_down(&mut self) {
        let before = std::mem::replace(&mut self.errors_seen, self.session.errors());
        if !self.is_stranger() {
            return;
        }
        let longest = Duration::from_secs(self.settings.limits.tarpit_s);
        let pause = tarpit::delay(before, self.errors_seen, longest);
        if pause.is_zero() {
            return;
        }
        debug!(peer = %self.peer, pause_ms = pause.as_millis() as u64, errors = self.errors_seen, "slowed down");
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = self.host.stop.stopping() => {}
        }
    }
}
