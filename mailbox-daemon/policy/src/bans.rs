//! Who guesses passwords is shut out for a while, and longer each time he comes back to it.
//!
//! What counts is how many different things were tried: a phone that repeats an old password all night has tried one. Time comes in
//! from outside, and both tables have a limit.

use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::net::IpAddr;
use types::{Network, UnixSeconds};

/// Connections with failed logins that are counted at once.
const FAILING_MAX: usize = 1024;
/// Bans, over or not, that are remembered at once.
pub const BANS_MAX: usize = 4096;
/// A ban that is over is remembered so long, so that the next one is longer.
const REMEMBERED_S: UnixSeconds = 7 * 86_400;
/// Each ban is so many times as long as the one before.
const GROWTH: UnixSeconds = 4;

/// When somebody is banned, and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rule {
    /// Different failed logins that make a ban; none do where it is 0.
    pub failures: u32,
    /// Seconds in which they have to come.
    pub window_s: UnixSeconds,
    /// Seconds of the first ban.
    pub first_s: UnixSeconds,
    /// Seconds no ban is longer than.
    pub longest_s: UnixSeconds,
}

/// Somebody is, or was, shut out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ban {
    /// Since when.
    pub since: UnixSeconds,
    /// Until when.
    pub until: UnixSeconds,
    /// The how manieth this is.
    pub times: u32,
    /// The name that was tried last.
    pub tried: String,
}

/// Who is shut out, and who is on the way there.
#[derive(Debug, Default)]
pub struct Bans {
    failing: HashMap<Network, Vec<Failure>>,
    bans: HashMap<Network, Ban>,
}

#[derive(Debug)]
struct Failure {
    at: UnixSeconds,
    /// The same for the same name and password; `None` where that cannot be told.
    attempt: Option<u64>,
}

impl Bans {
    /// Takes up a ban from before a restart.
    pub fn restore(&mut self, from: Network, ban: Ban) {
        self.bans.insert(from, ban);
    }

    /// A login failed. `attempt` is the same number for the same name and password, where the password is known. Gives the ban
    /// that it leads to.
    pub fn failed(
        &mut self,
        from: Network,
        attempt: Option<u64>,
        tried: &str,
        now: UnixSeconds,
        rule: &Rule,
    ) -> Option<Ban> {
        if rule.failures == 0 {
            return None;
        }
        if !self.failing.contains_key(&from) && self.failing.len() >= FAILING_MAX {
            self.forget_failures(now - rule.window_s);
        }
        let failures = self.failing.entry(from).or_default();
        failures.retain(|failure| {
            failure.at > now - rule.window_s && (attempt.is_none() || failure.attempt != attempt)
        });
        failures.push(Failure { at: now, attempt });
        if failures.len() < rule.failures as usize {
            return None;
        }
        self.failing.remove(&from);
        Some(self.ban(from, tried, now, rule))
    }

    /// A login was right: whatever was mistyped before is forgiven.
    pub fn succeeded(&mut self, from: Network) {
        self.failing.remove(&from);
    }

    /// The ban in force.
    pub fn banned(&self, from: Network, now: UnixSeconds) -> Option<&Ban> {
        self.bans.get(&from).filter(|ban| ban.until > now)
    }

    /// Ends and forgets a ban; `false` where there is none in force.
    pub fn lift(&mut self, from: Network, now: UnixSeconds) -> bool {
        self.failing.remove(&from);
        self.bans.remove(&from).is_some_and(|ban| ban.until > now)
    }

    /// Every ban in force, the latest first.
    pub fn list(&self, now: UnixSeconds) -> Vec<(Network, Ban)> {
        let in_force = self.bans.iter().filter(|(_, ban)| ban.until > now);
        let mut all: Vec<(Network, Ban)> = in_force.map(|(from, ban)| (*from, ban.clone())).collect();
        all.sort_by_key(|(from, ban)| (-ban.since, *from));
        all
    }

    fn ban(&mut self, from: Network, tried: &str, now: UnixSeconds, rule: &Rule) -> Ban {
        let remembered = self.bans.get(&from).filter(|ban| ban.until > now - REMEMBERED_S);
        let before = remembered.map_or(0, |ban| ban.times);
        let seconds = rule.first_s.saturating_mul(GROWTH.saturating_pow(before)).min(rule.longest_s);
        let ban = Ban { since: now, until: now + seconds, times: before + 1, tried: tried.to_owned() };
        if !self.bans.contains_key(&from) && self.bans.len() >= BANS_MAX {
            self.forget_bans(now);
        }
        self.bans.insert(from, ban.clone());
        ban
    }

    /// Forgets who stopped failing, or else the half that failed longest ago.
    fn forget_failures(&mut self, before: UnixSeconds) {
        let last = |failures: &Vec<Failure>| failures.last().map_or(UnixSeconds::MIN, |failure| failure.at);
        self.failing.retain(|_, failures| last(failures) > before);
        if self.failing.len() >= FAILING_MAX {
            let mut times: Vec<_> =
                self.failing.iter().map(|(from, failures)| (last(failures), *from)).collect();
            times.sort_unstable();
            for (_, from) in &times[..FAILING_MAX / 2] {
                self.failing.remove(from);
            }
        }
    }

    /// Forgets the bans that are over, or else the tenth that ends first.
    fn forget_bans(&mut self, now: UnixSeconds) {
        self.bans.retain(|_, ban| ban.until > now);
        if self.bans.len() >= BANS_MAX {
            let mut ends: Vec<_> = self.bans.iter().map(|(from, ban)| (ban.until, *from)).collect();
            ends.sort_unstable();
            for (_, from) in &ends[..BANS_MAX / 10] {
                self.bans.remove(from);
            }
        }
    }
}

/// Whether an address belongs to a home's own network: this machine, private (RFC 1918, RFC 4193) or link-local addresses.
pub fn is_home(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(address) => address.is_loopback() || address.is_private() || address.is_link_local(),
        IpAddr::V6(address) => {
            address.is_loopback() || address.is_unique_local() || address.is_unicast_link_local()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const RULE: Rule = Rule { failures: 10, window_s: 600, first_s: 600, longest_s: 86_400 };

    fn from(number: u32) -> Network {
        Network::of_connection(IpAddr::V4(number.into()))
    }

    /// Fails with different passwords until there is a ban; how many it took.
    fn guess(bans: &mut Bans, who: Network, now: UnixSeconds) -> (u64, Ban) {
        (1..).find_map(|count| Some((count, bans.failed(who, Some(count), "ana", now, &RULE)?))).unwrap()
    }

    #[test]
    fn ten_guesses_are_one_too_many_and_each_ban_is_longer() {
        let mut bans = Bans::default();
        let mut now = 1000;
        for minutes in [10, 40, 160, 640, 1440, 1440] {
            let (count, ban) = guess(&mut bans, from(1), now);
            assert_eq!((count, ban.until - now), (10, minutes * 60));
            assert!(bans.banned(from(1), ban.until - 1).is_some() && bans.banned(from(2), now).is_none());
            assert!(bans.banned(from(1), ban.until).is_none());
            now = ban.until;
        }
        let (_, ban) = guess(&mut bans, from(1), now + REMEMBERED_S + 1);
        assert_eq!(ban.times, 1, "a week later it is forgotten");
    }

    #[test]
    fn the_same_wrong_password_counts_once() {
        let mut bans = Bans::default();
        for second in 0..10_000 {
            assert_eq!(bans.failed(from(1), Some(7), "ana", second, &RULE), None);
        }
        for attempt in 0..8 {
            assert_eq!(bans.failed(from(1), Some(100 + attempt), "ana", 10_000, &RULE), None);
        }
        assert!(bans.failed(from(1), Some(99), "ana", 10_000, &RULE).is_some());
    }

    #[test]
    fn attempts_that_look_alike_count_each() {
        let mut bans = Bans::default();
        let banned = (0..10).filter(|at| bans.failed(from(1), None, "ana", *at, &RULE).is_some()).count();
        assert_eq!(banned, 1);
    }

    #[test]
    fn slow_mistakes_and_those_before_a_good_login_are_forgiven() {
        let mut bans = Bans::default();
        for number in 0..100 {
            assert_eq!(bans.failed(from(1), Some(number), "ana", number as i64 * 67, &RULE), None);
        }
        for number in 0..9 {
            assert_eq!(bans.failed(from(2), Some(number), "ana", 0, &RULE), None);
        }
        bans.succeeded(from(2));
        assert_eq!(bans.failed(from(2), Some(9), "ana", 0, &RULE), None);
        let never = Rule { failures: 0, ..RULE };
        assert!((0..50).all(|number| bans.failed(from(3), Some(number), "ana", 0, &never).is_none()));
        assert!(!bans.failing.contains_key(&from(3)), "nothing is kept that nobody counts");
    }

    #[test]
    fn a_ban_can_be_lifted_and_taken_up_again() {
        let mut bans = Bans::default();
        let (_, ban) = guess(&mut bans, from(1), 100);
        let mut after = Bans::default();
        after.restore(from(1), ban.clone());
        assert_eq!(after.list(101), [(from(1), ban.clone())]);
        assert!(after.lift(from(1), 101) && !after.lift(from(1), 101));
        assert_eq!((after.banned(from(1), 101), after.list(101)), (None, Vec::new()));
        assert!(!bans.lift(from(1), ban.until), "it was over");
    }

    #[test]
    fn the_tables_do_not_grow() {
        let mut bans = Bans::default();
        for number in 0..20_000 {
            guess(&mut bans, from(number), 1000 + i64::from(number / 100));
            bans.failed(from(1 << 24 | number), Some(1), "ana", 1000, &RULE);
            assert!(bans.bans.len() <= BANS_MAX && bans.failing.len() <= FAILING_MAX);
        }
        assert!(bans.banned(from(19_999), 1200).is_some(), "the latest stay");
    }

    #[test]
    fn home() {
        for (text, expected) in [
            ("127.0.0.1", true),
            ("127.8.9.10", true),
            ("::1", true),
            ("::ffff:127.0.0.1", true),
            ("10.1.2.3", true),
            ("172.16.0.1", true),
            ("172.32.0.1", false),
            ("192.168.178.20", true),
            ("::ffff:192.168.0.1", true),
            ("169.254.1.1", true),
            ("100.64.0.1", false),
            ("192.0.2.1", false),
            ("fd00::1", true),
            ("fe80::1", true),
            ("2001:db8::1", false),
        ] {
            assert_eq!(is_home(text.parse().unwrap()), expected, "{text}");
        }
    }

    proptest! {
        #[test]
        fn nobody_is_banned_for_less(
            failures in prop::collection::vec((0i64..200, 0u64..12), 1..100), limit in 1u32..12
        ) {
            let rule = Rule { failures: limit, ..RULE };
            let mut bans = Bans::default();
            let mut now = 0;
            let mut history: Vec<(i64, u64)> = Vec::new();
            for (pause, attempt) in failures {
                now += pause;
                history.push((now, attempt));
                let recent = history.iter().filter(|(at, _)| *at > now - rule.window_s);
                let different: std::collections::HashSet<u64> = recent.map(|(_, attempt)| *attempt).collect();
                let ban = bans.failed(from(1), Some(attempt), "ana", now, &rule);
                prop_assert_eq!(ban.is_some(), different.len() >= limit as usize);
                if ban.is_some() {
                    history.clear();
                }
            }
        }
    }
}
