//! Where mail for an address goes: through aliases, groups and the catch-all to mailboxes here and addresses elsewhere.
//!
//! **Drive rule: do what [`Expansion::next`] asks and answer it, until it says [`Next::Done`].** The directory is looked up
//! by the caller; what it holds comes in as a [`Fact`].

use crate::config::Reports;
use crate::srs::SrsError;
use std::collections::{HashSet, VecDeque};
use thiserror::Error;
use types::{Address, DirectoryEntry, Domain, Limits, LocalDomain};

/// What the directory says about one address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fact {
    /// Its domain is not one of this box.
    Elsewhere,
    /// A mailbox of this folded address.
    Account(Address),
    /// Another name for this address.
    Alias(Address),
    /// Several addresses.
    Group(Vec<Address>),
    /// Nobody of that name; the domain may have an address for strays.
    Nobody {
        /// Where strays go.
        catch_all: Option<Address>,
    },
    /// Nobody of that name, but reports about mail come to it.
    Reports,
    /// A return address that is none, or none any more.
    NoReturn(SrsError),
}

/// What is to be found out next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next {
    /// Look this address up and call [`Expansion::learn`].
    LookUp(Address),
    /// Find the account that was made first and call [`Expansion::learn_first_account`].
    FirstAccount,
    /// Take the result with [`Expansion::finish`].
    Done,
}

/// Where mail for one address goes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Destinations {
    /// Mailboxes here, each once.
    pub accounts: Vec<Address>,
    /// Addresses elsewhere, each once.
    pub external: Vec<Address>,
    /// Whether the way led through a group, the catch-all or the postmaster rule: the address belongs to nobody alone.
    pub is_shared: bool,
    /// Whether the address is there for reports about mail and nobody has it: only what is no report goes to the mailboxes.
    pub is_for_reports: bool,
}

/// Why mail for an address is not taken. All but the limit are permanent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum RecipientError {
    /// Another server's domain, asked for by somebody who may not.
    #[error("not a domain of this server")]
    NotLocal,
    /// Nobody of that name, or a name that leads nowhere.
    #[error("nobody of that name")]
    Unknown,
    /// Aliases that lead only to one another.
    #[error("aliases lead round in a circle")]
    Loop,
    /// A return address that is none, or none any more.
    #[error(transparent)]
    ReturnAddress(SrsError),
    /// More destinations than a message may have.
    #[error("too many destinations")]
    TooMany,
}

/// One address on its way to its destinations.
#[derive(Debug)]
pub struct Expansion {
    open: VecDeque<(Address, usize)>,
    seen: HashSet<Address>,
    found: Destinations,
    host: Domain,
    may_relay: bool,
    goes_round: bool,
    not_local: bool,
    no_return: Option<SrsError>,
    needs_first_account: bool,
    depth_max: usize,
    destinations_max: usize,
}

impl Fact {
    /// Puts together what the directory holds of the address's domain and of the folded address itself.
    pub fn new(
        address: &Address,
        domain: Option<LocalDomain>,
        entry: Option<DirectoryEntry>,
        reports: &Reports,
    ) -> Fact {
        let is_for_reports = || !is_postmaster(address) && reports.is_address(address);
        match (domain, entry) {
            (None, _) => Fact::Elsewhere,
            (Some(_), Some(DirectoryEntry::Account(account))) => Fact::Account(account.address),
            (Some(_), Some(DirectoryEntry::Alias(target))) => Fact::Alias(target),
            (Some(_), Some(DirectoryEntry::Group(group))) => Fact::Group(group.members),
            (Some(_), None) if is_for_reports() => Fact::Reports,
            (Some(domain), None) => {
                Fact::Nobody { catch_all: domain.catch_all.filter(|strays| strays != address) }
            }
        }
    }
}

impl Expansion {
    /// Begins with a recipient at a box called `host`. `may_relay` is for people who logged in: they may send anywhere.
    pub fn start(recipient: Address, may_relay: bool, host: &Domain, limits: &Limits) -> Expansion {
        Expansion {
            open: VecDeque::from([(recipient, 0)]),
            seen: HashSet::new(),
            found: Destinations::default(),
            host: host.clone(),
            may_relay,
            goes_round: false,
            not_local: false,
            no_return: None,
            needs_first_account: false,
            depth_max: limits.alias_depth_max,
            destinations_max: limits.recipients_max,
        }
    }

    /// What is to be found out next.
    pub fn next(&self) -> Next {
        if self.needs_first_account {
            return Next::FirstAccount;
        }
        match self.open.front() {
            Some((address, _)) if !self.is_full() => Next::LookUp(address.clone()),
            _ => Next::Done,
        }
    }

    /// Takes what the directory says about the address asked for.
    pub fn learn(&mut self, fact: Fact) {
        let Some((address, depth)) = self.open.pop_front() else { return };
        match fact {
            // `<Postmaster>` without a domain means the one of this host, which need not be a mail domain.
            Fact::Elsewhere if address.domain == self.host && is_postmaster(&address) => {
                self.needs_first_account = true;
            }
            Fact::Elsewhere if depth == 0 && !self.may_relay => self.not_local = true,
            Fact::Elsewhere => push_new(&mut self.found.external, address),
            Fact::Account(account) => push_new(&mut self.found.accounts, account),
            Fact::Alias(target) => self.follow(target, depth),
            Fact::Group(members) => {
                self.found.is_shared = true;
                for member in members {
                    self.follow(member, depth);
                }
            }
            Fact::Nobody { catch_all: Some(strays) } => {
                self.found.is_shared = true;
                self.follow(strays, depth);
            }
            Fact::Reports => {
                self.found.is_for_reports = true;
                self.needs_first_account = true;
            }
            Fact::NoReturn(error) => self.no_return = Some(error),
            Fact::Nobody { catch_all: None } => self.needs_first_account = is_postmaster(&address),
        }
    }

    /// Takes the account that was made first: RFC 5321 section 4.5.1 wants a postmaster whatever the directory says.
    pub fn learn_first_account(&mut self, account: Option<Address>) {
        self.needs_first_account = false;
        self.found.is_shared = true;
        if let Some(account) = account {
            push_new(&mut self.found.accounts, account);
        }
    }

    /// Where it goes. A member that leads nowhere does not keep mail from the others.
    pub fn finish(self) -> Result<Destinations, RecipientError> {
        if self.is_full() {
            return Err(RecipientError::TooMany);
        }
        match !self.found.accounts.is_empty() || !self.found.external.is_empty() {
            true => Ok(self.found),
            false if let Some(error) = self.no_return => Err(RecipientError::ReturnAddress(error)),
            false if self.not_local => Err(RecipientError::NotLocal),
            false if self.goes_round => Err(RecipientError::Loop),
            false => Err(RecipientError::Unknown),
        }
    }

    fn follow(&mut self, target: Address, depth: usize) {
        if depth >= self.depth_max || !self.seen.insert(target.folded_without_tag()) {
            self.goes_round = true;
            return;
        }
        self.open.push_back((target, depth + 1));
    }

    fn is_full(&self) -> bool {
        self.found.accounts.len() + self.found.external.len() + self.open.len() > self.destinations_max
    }
}

impl Destinations {
    /// Whether mail for the address reaches this account and nobody else, by name and not by chance: then it may send as it.
    pub fn belong_to(&self, account: &Address) -> bool {
        !self.is_shared && self.external.is_empty() && self.accounts.iter().eq([account])
    }
}

fn push_new(list: &mut Vec<Address>, address: Address) {
    if !list.contains(&address) {
        list.push(address);
    }
}

fn is_postmaster(address: &Address) -> bool {
    address.folded_without_tag().local.as_str() == "postmaster"
}

#[cfg(test)]
mod tests {
    use super::*;
    use types::Group;

    fn address(text: &str) -> Address {
        Address::parse(text).expect("valid")
    }

    /// A small directory: `home.test` without strays, `stray.test` with.
    fn fact(of: &Address) -> Fact {
        let alias = |to| Some(DirectoryEntry::Alias(address(to)));
        let group = |members: &[&str]| {
            Some(DirectoryEntry::Group(Group { members: members.iter().map(|text| address(text)).collect() }))
        };
        let catch_all = match of.domain.as_str() {
            "home.test" => None,
            "stray.test" => Some(address("ana@home.test")),
            _ => return Fact::new(of, None, None, &Reports::default()),
        };
        let domain = LocalDomain { domain: Domain::parse(of.domain.as_str()).expect("valid"), catch_all };
        let folded = of.folded_without_tag();
        let entry = match folded.local.as_str() {
            "ana" | "ben" => return Fact::Account(folded),
            "info" | "tls-reports" => alias("Ana+info@home.test"),
            "deep" => alias("info@home.test"),
            "away" => alias("Someone@Elsewhere.test"),
            "ping" => alias("pong@home.test"),
            "pong" => alias("ping@home.test"),
            "me" => alias("me@home.test"),
            "family" => group(&[
                "ana@home.test",
                "ben@home.test",
                "aunt@elsewhere.test",
                "gone@home.test",
                "info@home.test",
            ]),
            "circle" => group(&["circle@home.test", "ben@home.test"]),
            "empty" => group(&[]),
            "many" => group(&["a@x.test", "b@x.test", "c@x.test", "d@x.test", "e@x.test", "f@x.test"]),
            _ => None,
        };
        Fact::new(of, Some(domain), entry, &Reports::default())
    }

    fn expand(text: &str, may_relay: bool) -> Result<Destinations, RecipientError> {
        let limits = Limits { alias_depth_max: 3, recipients_max: 5, ..Limits::default() };
        let mut expansion =
            Expansion::start(address(text), may_relay, &address("x@mx.home.test").domain, &limits);
        loop {
            match expansion.next() {
                Next::LookUp(asked) => expansion.learn(fact(&asked)),
                Next::FirstAccount => expansion.learn_first_account(Some(address("first@home.test"))),
                Next::Done => return expansion.finish(),
            }
        }
    }

    #[test]
    fn names_lead_to_mailboxes() {
        for (name, accounts, external) in [
            ("ana@home.test", "ana@home.test", ""),
            ("ANA+shop@home.test", "ana@home.test", ""),
            ("info@home.test", "ana@home.test", ""),
            ("deep+x@home.test", "ana@home.test", ""),
            ("away@home.test", "", "Someone@elsewhere.test"),
            ("family@home.test", "ana@home.test ben@home.test", "aunt@elsewhere.test"),
            ("circle@home.test", "ben@home.test", ""),
            ("nobody@stray.test", "ana@home.test", ""),
            ("PostMaster@home.test", "first@home.test", ""),
            ("postmaster@stray.test", "ana@home.test", ""),
            ("postmaster@mx.home.test", "first@home.test", ""),
        ] {
            let found = expand(name, false).expect(name);
            let joined =
                |list: &[Address]| list.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
            assert_eq!(
                (joined(&found.accounts).as_str(), joined(&found.external).as_str()),
                (accounts, external),
                "{name}"
            );
        }
    }

    #[test]
    fn names_for_reports_are_there_without_an_owner() {
        for (name, account, is_for_reports) in [
            ("dmarc-reports@home.test", "first@home.test", true),
            ("DMARC-Reports+x@stray.test", "first@home.test", true),
            ("tls-reports@home.test", "ana@home.test", false),
            ("postmaster@home.test", "first@home.test", false),
        ] {
            let found = expand(name, false).expect(name);
            assert_eq!(
                (found.accounts, found.is_for_reports),
                (vec![address(account)], is_for_reports),
                "{name}"
            );
        }
        assert_eq!(expand("dmarc-reports@elsewhere.test", false), Err(RecipientError::NotLocal));
    }

    #[test]
    fn what_is_refused() {
        for (name, error) in [
            ("nobody@home.test", RecipientError::Unknown),
            ("empty@home.test", RecipientError::Unknown),
            ("ping@home.test", RecipientError::Loop),
            ("me@home.test", RecipientError::Loop),
            ("many@home.test", RecipientError::TooMany),
            ("a@elsewhere.test", RecipientError::NotLocal),
            ("postmaster@elsewhere.test", RecipientError::NotLocal),
            ("ana@mx.home.test", RecipientError::NotLocal),
            ("a@[192.0.2.1]", RecipientError::NotLocal),
        ] {
            assert_eq!(expand(name, false), Err(error), "{name}");
        }
        assert_eq!(
            expand("a@elsewhere.test", true).expect("relayed").external,
            [address("a@elsewhere.test")]
        );
    }

    #[test]
    fn an_address_belongs_to_whom_it_leads_to_by_name() {
        let ana = address("ana@home.test");
        for (name, owned) in [
            ("ana+x@home.test", true),
            ("deep@home.test", true),
            ("ben@home.test", false),
            ("circle@home.test", false),
            ("nobody@stray.test", false),
            ("postmaster@home.test", false),
            ("a@elsewhere.test", false),
        ] {
            assert_eq!(expand(name, true).is_ok_and(|found| found.belong_to(&ana)), owned, "{name}");
        }
    }
}
