//! From where the people who live here logged in last: those connections are never banned, whatever else happens there.

use std::collections::HashMap;
use types::{Address, Network};

/// How many are remembered of one account: a phone on the road, a laptop at work, the home, a friend's.
const KEPT: usize = 4;
/// Accounts remembered at once; a household has fewer.
pub const ACCOUNTS_MAX: usize = 1000;

/// The last good logins of every account.
#[derive(Debug, Default)]
pub struct GoodLogins {
    by_account: HashMap<Address, Vec<Network>>,
}

impl GoodLogins {
    /// Takes up what was known before a restart.
    pub fn restore(&mut self, account: Address, mut networks: Vec<Network>) {
        networks.truncate(KEPT);
        self.by_account.insert(account, networks);
    }

    /// Somebody logged in. Gives what is now known of the account, the latest first, if that is anything new.
    pub fn note(&mut self, account: &Address, from: Network) -> Option<&[Network]> {
        let is_known = self.by_account.contains_key(account);
        if !is_known && self.by_account.len() >= ACCOUNTS_MAX {
            return None;
        }
        let known = self.by_account.entry(account.clone()).or_default();
        if let Some(place) = known.iter().position(|network| *network == from) {
            known[..=place].rotate_right(1);
            return None;
        }
        known.insert(0, from);
        known.truncate(KEPT);
        Some(known)
    }

    /// Whether somebody logged in from there.
    pub fn has(&self, from: Network) -> bool {
        self.by_account.values().any(|known| known.contains(&from))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::IpAddr;

    #[test]
    fn the_last_four_of_each_account_are_known() {
        let from = |number: u32| Network::of_connection(IpAddr::V4(number.into()));
        let ana = Address::parse("ana@home.test").unwrap();
        let ben = Address::parse("ben@home.test").unwrap();
        let mut logins = GoodLogins::default();
        assert_eq!(logins.note(&ana, from(1)), Some(&[from(1)][..]));
        assert_eq!(logins.note(&ana, from(1)), None);
        logins.restore(ben, vec![from(9)]);
        for number in 2..=4 {
            assert!(logins.note(&ana, from(number)).is_some());
        }
        assert_eq!(logins.note(&ana, from(1)), None, "nothing new, but he is still there");
        assert_eq!(logins.note(&ana, from(5)), Some(&[from(5), from(1), from(4), from(3)][..]));
        let known: Vec<u32> = (0..20).filter(|number| logins.has(from(*number))).collect();
        assert_eq!(known, [1, 3, 4, 5, 9]);
    }
}
