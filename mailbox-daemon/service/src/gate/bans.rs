//! Bans after failed logins, and what keeps people at home from them.

use crate::auth::keyed_hash;
use crate::host::Host;
use policy::bans::{BANS_MAX, Ban, Rule, is_home};
use policy::config::Settings;
use policy::good_logins::{ACCOUNTS_MAX, GoodLogins};
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use store::{Notes, StoreError, Subject};
use tokio::time::Instant;
use tracing::{info, warn};
use types::{Address, Limits, Network, UnixSeconds};

const BANS: Subject = Subject { name: "bans", rows_max: BANS_MAX as u64 };
const GOOD_LOGINS: Subject = Subject { name: "good logins", rows_max: ACCOUNTS_MAX as u64 };
/// Bans are on disk at once, but not oftener than this: a thousand guessers must not wear the card out.
const WRITE_EVERY: Duration = Duration::from_secs(5);
/// On-link networks smaller than these are the home's own; larger ones may be a data centre's, or all the world.
const OWN_BITS_V4: u8 = 24;
const OWN_BITS_V6: u8 = 64;
/// A tried name in the log and in `ban list` is no longer.
const TRIED_CHARS_MAX: usize = 64;

/// The bans of a box, in memory and in its notes.
pub struct Bans {
    inner: Mutex<Inner>,
    notes: Notes,
    /// Passwords are told apart by a keyed hash; the key dies with the process.
    key: [u8; 32],
}

#[derive(Default)]
struct Inner {
    bans: policy::bans::Bans,
    good_logins: GoodLogins,
    written_at: Option<Instant>,
}

/// A failed login.
#[derive(Clone, Copy, Debug)]
pub struct Failure<'a> {
    /// The name that was given.
    pub user: &'a str,
    /// The password that was given; `None` where only a proof of it was.
    pub password: Option<&'a str>,
}

impl Bans {
    /// What is known from before.
    pub fn open(notes: Notes) -> Result<Bans, StoreError> {
        let mut inner = Inner::default();
        for (from, ban) in notes.all::<Ban>(BANS, "")? {
            if let Ok(from) = from.parse() {
                inner.bans.restore(from, ban);
            }
        }
        for (account, networks) in notes.all(GOOD_LOGINS, "")? {
            if let Ok(account) = Address::parse(&account) {
                inner.good_logins.restore(account, networks);
            }
        }
        Ok(Bans { inner: Mutex::new(inner), notes, key: crate::auth::random_bytes() })
    }

    /// Whether a client is shut out.
    pub fn is_banned(&self, settings: &Settings, client: IpAddr, now: UnixSeconds) -> bool {
        self.lock().bans.banned(Network::of_connection(client), now).is_some()
            && !is_sheltered(settings, client)
    }

    /// Notes a failed login; whether the client is shut out now.
    pub fn failed(&self, host: &Host, client: IpAddr, failure: Failure<'_>) -> bool {
        let settings = host.settings.load();
        if is_sheltered(&settings, client) {
            return false;
        }
        let now = host.now();
        let from = Network::of_connection(client);
        let attempt = failure.password.map(|password| self.attempt(failure.user, password));
        let tried = clean(failure.user);
        let mut inner = self.lock();
        if inner.good_logins.has(from) {
            return false;
        }
        let Some(ban) = inner.bans.failed(from, attempt, &tried, now, &rule(&settings.limits)) else {
            return false;
        };
        if is_on_own_link(client) {
            inner.bans.lift(from, now);
            return false;
        }
        let is_due = inner.written_at.is_none_or(|at| at.elapsed() >= WRITE_EVERY);
        if is_due {
            inner.written_at = Some(Instant::now());
        }
        drop(inner);
        warn!(%from, minutes = (ban.until - ban.since) / 60, times = ban.times, %tried, "banned for guessing passwords");
        self.note(|notes| {
            notes.put(BANS, &from.to_string(), &ban, now)?;
            if is_due { notes.flush() } else { Ok(()) }
        });
        true
    }

    /// Notes a good login.
    pub fn succeeded(&self, host: &Host, client: IpAddr, account: &Address) {
        if host.settings.load().access.is_own_machine(client) {
            return;
        }
        let from = Network::of_connection(client);
        let mut inner = self.lock();
        inner.bans.succeeded(from);
        let known = inner.good_logins.note(account, from).map(<[Network]>::to_vec);
        drop(inner);
        if let Some(known) = known {
            self.note(|notes| notes.put(GOOD_LOGINS, &account.to_string(), &known, host.now()));
        }
    }

    /// Every ban in force, the latest first.
    pub fn list(&self, now: UnixSeconds) -> Vec<(Network, Ban)> {
        self.lock().bans.list(now)
    }

    /// Ends a ban; `false` where there is none. Durable when this returns.
    pub fn lift(&self, from: Network, now: UnixSeconds) -> Result<bool, StoreError> {
        let was_banned = self.lock().bans.lift(from, now);
        self.notes.remove(BANS, &from.to_string())?;
        self.notes.flush()?;
        if was_banned {
            info!(%from, "ban lifted");
        }
        Ok(was_banned)
    }

    /// The same number for the same name and password.
    fn attempt(&self, user: &str, password: &str) -> u64 {
        let hash = keyed_hash(&self.key, &[user.to_lowercase().as_bytes(), password.as_bytes()]);
        hash.iter().take(8).fold(0, |number, byte| number << 8 | u64::from(*byte))
    }

    fn note(&self, write: impl FnOnce(&Notes) -> Result<(), StoreError>) {
        if let Err(error) = crate::disk(|| write(&self.notes)) {
            warn!(%error, "who logged in, or failed to, could not be noted");
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether an address is never banned, whatever is known of it.
fn is_sheltered(settings: &Settings, client: IpAddr) -> bool {
    let access = &settings.access;
    let is_home = is_home(client) && !(access.loopback_is_stranger && client.to_canonical().is_loopback());
    is_home || access.never_ban.iter().any(|network| network.contains(client))
}

/// Whether an address is in a network this machine stands in: IPv6 has no private addresses that tell.
fn is_on_own_link(client: IpAddr) -> bool {
    let Ok(interfaces) = nix::ifaddrs::getifaddrs() else { return false };
    interfaces.filter_map(|interface| own_network(&interface)).any(|network| network.contains(client))
}

fn own_network(interface: &nix::ifaddrs::InterfaceAddress) -> Option<Network> {
    let ip = |address: &Option<nix::sys::socket::SockaddrStorage>| {
        let address = address.as_ref()?;
        let v4 = address.as_sockaddr_in().map(|v4| IpAddr::V4(v4.ip()));
        v4.or_else(|| address.as_sockaddr_in6().map(|v6| IpAddr::V6(v6.ip())))
    };
    let (address, bits, least) = match (ip(&interface.address)?, ip(&interface.netmask)?) {
        (address @ IpAddr::V4(_), IpAddr::V4(mask)) => (address, mask.to_bits().leading_ones(), OWN_BITS_V4),
        (address @ IpAddr::V6(_), IpAddr::V6(mask)) => (address, mask.to_bits().leading_ones(), OWN_BITS_V6),
        _ => return None,
    };
    (bits >= u32::from(least) && !address.is_loopback()).then(|| Network::containing(address, bits as u8))
}

fn rule(limits: &Limits) -> Rule {
    Rule {
        failures: limits.ban_failures,
        window_s: limits.ban_window_s as UnixSeconds,
        first_s: limits.ban_first_s as UnixSeconds,
        longest_s: limits.ban_longest_s as UnixSeconds,
    }
}

/// What strangers typed, as it may stand in a line of the log.
fn clean(user: &str) -> String {
    user.chars().filter(|c| !c.is_control()).take(TRIED_CHARS_MAX).collect()
}
