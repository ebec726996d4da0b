//! The gate: who may come in, how often, and who has to leave. `policy` decides, here is what it decides by: the clock, the sockets'
//! addresses and what is remembered.
//!
//! Every connection asks [`Gate::admit`] first, so that has to stay cheap; what it gives is the guest's place until it is dropped.

pub mod bans;
mod greylist;
mod guest;
mod turned_away;

pub(crate) use greylist::puts_off;
pub use guest::Guest;

use crate::host::Host;
use arc_swap::ArcSwapOption;
use guest::Rooms;
use policy::access::{Access, Entry, List, Standing};
use policy::config::Settings;
use policy::house::{NoRoom, Rule};
use policy::rates::{Rate, Rates};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use store::StoreError;
use tokio::time::Instant;
use tracing::error;
use turned_away::TurnedAway;
use types::{Address, Limits, Network};

/// The gate of one box.
pub struct Gate {
    /// What its clock counts from.
    opened_at: Instant,
    smtp: Arc<Rooms>,
    imap: Arc<Rooms>,
    rates: Mutex<Rates>,
    lists: ArcSwapOption<Lists>,
    turned_away: TurnedAway,
}

/// What a connection comes for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Bringing mail: SMTP and submission.
    Smtp,
    /// Reading it, or setting up scripts: IMAP and ManageSieve.
    Imap,
}

/// Why somebody is not let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// He guessed too many passwords.
    Banned,
    /// The house is full, or his share of it.
    NoRoom(NoRoom),
}

/// Both lists as of some configuration and some changes by the command line.
struct Lists {
    settings: Arc<Settings>,
    changes: u64,
    access: Arc<Access>,
}

impl Gate {
    /// A gate nobody came to yet.
    pub fn new() -> Gate {
        Gate {
            opened_at: Instant::now(),
            smtp: Arc::default(),
            imap: Arc::default(),
            rates: Mutex::default(),
            lists: ArcSwapOption::empty(),
            turned_away: TurnedAway::default(),
        }
    }

    /// A place for a connection that just came, or why there is none.
    pub fn admit(&self, host: &Host, purpose: Purpose, client: IpAddr) -> Result<Guest, Refusal> {
        let settings = host.settings.load();
        let is_own_machine = settings.access.is_own_machine(client);
        let admitted = match !is_own_machine && host.bans.is_banned(&settings, client, host.now()) {
            true => Err(Refusal::Banned),
            false => {
                let is_exempt = is_own_machine || self.standing(host, client, None).is_allowed();
                self.give_place(&settings.limits, purpose, client, is_exempt).map_err(Refusal::NoRoom)
            }
        };
        if let Err(refusal) = admitted {
            self.turned_away.note(client, refusal);
        }
        admitted
    }

    fn give_place(
        &self,
        limits: &Limits,
        purpose: Purpose,
        client: IpAddr,
        is_exempt: bool,
    ) -> Result<Guest, NoRoom> {
        match purpose {
            Purpose::Smtp => Rooms::enter(&self.smtp, client, is_exempt, self.opened_at, smtp_rule(limits)),
            Purpose::Imap => {
                let guest = Rooms::enter(&self.imap, client, is_exempt, self.opened_at, imap_rule(limits))?;
                guest.speaks()?;
                guest.waits();
                Ok(guest)
            }
        }
    }

    /// What the lists say about a client and the sender it names.
    pub fn standing(&self, host: &Host, client: IpAddr, sender: Option<&Address>) -> Standing {
        self.access(host).judge(client, sender)
    }

    /// Takes one message's turn for a client without a login; else how long until it may try again.
    pub fn take_turn(&self, limits: &Limits, client: IpAddr) -> Result<(), Duration> {
        let rate = Rate { per_second: limits.smtp_messages_per_s, burst: limits.smtp_messages_burst };
        let mut rates = self.rates.lock().unwrap_or_else(PoisonError::into_inner);
        rates.take(Network::of_connection(client), self.opened_at.elapsed(), rate)
    }

    fn access(&self, host: &Host) -> Arc<Access> {
        let settings = host.settings.load();
        let changes = host.directory.access_changes();
        if let Some(lists) = &*self.lists.load()
            && Arc::ptr_eq(&lists.settings, &settings)
            && lists.changes == changes
        {
            return Arc::clone(&lists.access);
        }
        match crate::disk(|| read_lists(host, &settings)) {
            Ok(access) => {
                let access = Arc::new(access);
                let settings = Arc::clone(&settings);
                self.lists.store(Some(Arc::new(Lists { settings, changes, access: Arc::clone(&access) })));
                access
            }
            // Whoever was let in or kept out before still is.
            Err(error) => {
                error!(%error, "the lists of who is wanted cannot be read");
                self.lists.load().as_ref().map(|lists| Arc::clone(&lists.access)).unwrap_or_default()
            }
        }
    }
}

impl Default for Gate {
    fn default() -> Gate {
        Gate::new()
    }
}

fn read_lists(host: &Host, settings: &Settings) -> Result<Access, StoreError> {
    let mut access = settings.access.lists();
    for (name, entry, _) in host.directory.access()? {
        let list = [List::Block, List::Allow].into_iter().find(|list| list.name() == name);
        if let (Some(list), Ok(entry)) = (list, entry.parse::<Entry>()) {
            access.add(list, entry);
        }
    }
    Ok(access)
}

fn smtp_rule(limits: &Limits) -> Rule {
    Rule {
        silent_max: limits.smtp_silent_max,
        inside_max: limits.smtp_sessions_max,
        per_connection_max: limits.smtp_sessions_per_address_max,
        per_neighbourhood_max: limits.smtp_sessions_per_network_max,
    }
}

/// IMAP has no porch, and counts its strangers once they are greeted, so that they read why there is no place for them.
fn imap_rule(limits: &Limits) -> Rule {
    Rule {
        silent_max: usize::MAX,
        inside_max: limits.imap_sessions_max,
        per_connection_max: usize::MAX,
        per_neighbourhood_max: usize::MAX,
    }
}
