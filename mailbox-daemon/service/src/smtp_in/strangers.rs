//! What those without a login have to put up with: their turn, the owner's lists, and slow answers to mistakes.

use super::envelope::Transaction;
use super::judge::Judged;
use super::{Connection, Role};
use crate::correspondents;
use crate::gate::puts_off;
use crate::places::Place;
use policy::access::{Standing, always_arrives};
use policy::greylist::Credit;
use policy::tarpit;
use proto::smtp::reply::{Reply, say};
use std::time::Duration;
use store::StoreError;
use tracing::{debug, info, warn};
use types::{Address, Network, Outcome, ReversePath};

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

    /// Puts off the first mail of a client nobody knows, where the owner wants that.
    pub(super) fn greylist(&self, transaction: &Transaction, judged: Option<&Judged>) -> Result<(), Reply> {
        if !self.settings.inbound.greylist || self.role != Role::Inbound {
            return Ok(());
        }
        let put_off = || -> Result<bool, StoreError> {
            if self.credit(transaction, judged)?.is_enough() {
                return Ok(false);
            }
            let recipients = transaction.named.iter().map(|recipient| &recipient.address);
            puts_off(&self.host, &self.settings, self.peer.ip(), &transaction.mail.from, recipients)
        };
        match crate::disk(put_off) {
            Ok(false) => Ok(()),
            Ok(true) => Err(say::NOT_YET),
            Err(error) => {
                warn!(%error, "who is known cannot be told, so nobody is put off");
                Ok(())
            }
        }
    }

    fn credit(&self, transaction: &Transaction, judged: Option<&Judged>) -> Result<Credit, StoreError> {
        let from = &transaction.mail.from;
        let dmarc = judged.and_then(|judged| judged.evidence.dmarc.as_ref());
        let accounts = transaction.mailboxes.iter().map(|delivery| &delivery.account);
        Ok(Credit {
            is_wanted: self.standing(from).is_allowed(),
            passes_dmarc: dmarc.is_some_and(|dmarc| dmarc.outcome == Outcome::Pass),
            is_correspondent: match from {
                Some(from) => correspondents::is_known(&self.host, accounts, from)?,
                None => false,
            },
            has_role: transaction.named.iter().any(|recipient| always_arrives(&recipient.address.local)),
        })
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
