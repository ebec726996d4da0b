//! Who lives here: accounts, aliases, groups and domains, in one redb file.
//!
//! Every change is one durable commit; look-ups read a page or two from memory.

use crate::database::{Commit, Database};
use crate::disk::Disk;
use crate::error::StoreError;
use redb::{ReadableTable, TableDefinition};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use types::{Address, DirectoryEntry, Domain, LocalDomain, Quota, SendingRules, UnixSeconds};

/// Folded address -> postcard of [`DirectoryEntry`].
const ENTRIES: TableDefinition<&str, &[u8]> = TableDefinition::new("entries");
/// Domain -> postcard of [`LocalDomain`].
const DOMAINS: TableDefinition<&str, &[u8]> = TableDefinition::new("domains");

/// Folded address -> postcard of [`Quota`], for accounts with limits of their own.
const QUOTAS: TableDefinition<&str, &[u8]> = TableDefinition::new("quotas");

/// Folded address -> postcard of [`SendingRules`], for accounts with rules of their own.
const SENDING: TableDefinition<&str, &[u8]> = TableDefinition::new("sending");

/// Name of a list, slash, entry -> postcard of the moment it was added.
const ACCESS: TableDefinition<&str, &[u8]> = TableDefinition::new("access");

/// A directory made before one of these was thought of gets it when it is opened.
const TABLES: [Table; 5] = [ENTRIES, DOMAINS, QUOTAS, SENDING, ACCESS];

/// A household's directory is a few kilobytes; this holds all of it.
const CACHE_BYTES: usize = 256 * 1024;

/// The directory. Clones share it.
#[derive(Clone)]
pub struct Directory {
    database: Arc<Database>,
    access_changes: Arc<AtomicU64>,
}

impl Directory {
    /// Opens the directory, making an empty one when there is none.
    pub fn open(disk: Arc<dyn Disk>, path: &Path) -> Result<Directory, StoreError> {
        let database = Arc::new(Database::open(disk, path, CACHE_BYTES)?);
        let directory = Directory { database, access_changes: Arc::default() };
        if !directory.has_tables()? {
            directory.make_tables()?;
        }
        Ok(directory)
    }

    /// What a folded address leads to.
    pub fn lookup(&self, address: &Address) -> Result<Option<DirectoryEntry>, StoreError> {
        self.get(ENTRIES, &address.to_string())
    }

    /// Adds or replaces an entry; durable when this returns.
    pub fn put(&self, address: &Address, entry: &DirectoryEntry) -> Result<(), StoreError> {
        self.insert(ENTRIES, &address.to_string(), entry)
    }

    /// Removes an entry; `false` when there was none.
    pub fn remove(&self, address: &Address) -> Result<bool, StoreError> {
        self.delete(ENTRIES, &address.to_string())
    }

    /// The limits of an account that has its own.
    pub fn quota(&self, account: &Address) -> Result<Option<Quota>, StoreError> {
        self.get(QUOTAS, &account.to_string())
    }

    /// Every account with limits of its own.
    pub fn quotas(&self) -> Result<BTreeMap<Address, Quota>, StoreError> {
        let all: Vec<(Address, Quota)> = self.all(QUOTAS, |key| Address::parse(key).ok())?;
        Ok(all.into_iter().collect())
    }

    /// Gives an account limits of its own, or takes them away; durable when this returns.
    pub fn put_quota(&self, account: &Address, quota: Option<Quota>) -> Result<(), StoreError> {
        match quota {
            Some(quota) => self.insert(QUOTAS, &account.to_string(), &quota),
            None => self.delete(QUOTAS, &account.to_string()).map(|_| ()),
        }
    }

    /// What an account may send other than all may.
    pub fn sending_rules(&self, account: &Address) -> Result<SendingRules, StoreError> {
        Ok(self.get(SENDING, &account.to_string())?.unwrap_or_default())
    }

    /// Says what an account may send; durable when this returns.
    pub fn put_sending_rules(&self, account: &Address, rules: &SendingRules) -> Result<(), StoreError> {
        match *rules == SendingRules::default() {
            true => self.delete(SENDING, &account.to_string()).map(|_| ()),
            false => self.insert(SENDING, &account.to_string(), rules),
        }
    }

    /// Every entry, by address.
    pub fn entries(&self) -> Result<Vec<(Address, DirectoryEntry)>, StoreError> {
        self.all(ENTRIES, |key| Address::parse(key).ok())
    }

    /// Whether mail for this domain is received here, and where its strays go.
    pub fn domain(&self, domain: &Domain) -> Result<Option<LocalDomain>, StoreError> {
        self.get(DOMAINS, domain.as_str())
    }

    /// Adds or replaces a domain; durable when this returns.
    pub fn put_domain(&self, domain: &LocalDomain) -> Result<(), StoreError> {
        self.insert(DOMAINS, domain.domain.as_str(), domain)
    }

    /// Removes a domain; `false` when there was none. Its addresses stay in the directory, unreachable.
    pub fn remove_domain(&self, domain: &Domain) -> Result<bool, StoreError> {
        self.delete(DOMAINS, domain.as_str())
    }

    /// Every domain, by name.
    pub fn domains(&self) -> Result<Vec<LocalDomain>, StoreError> {
        let all: Vec<(Domain, LocalDomain)> = self.all(DOMAINS, |key| Domain::parse(key).ok())?;
        Ok(all.into_iter().map(|(_, domain)| domain).collect())
    }

    /// Every entry of the lists of who is wanted and who is not: the list's name, the entry, since when.
    pub fn access(&self) -> Result<Vec<(String, String, UnixSeconds)>, StoreError> {
        let name = |key: &str| key.split_once('/').map(|(list, entry)| (list.to_owned(), entry.to_owned()));
        let all = self.all(ACCESS, name)?;
        Ok(all.into_iter().map(|((list, entry), since)| (list, entry, since)).collect())
    }

    /// Puts an entry on a list; durable when this returns. `false` when it is there already.
    pub fn put_access(&self, list: &str, entry: &str, now: UnixSeconds) -> Result<bool, StoreError> {
        let key = format!("{list}/{entry}");
        let is_known = self.get::<UnixSeconds>(ACCESS, &key)?.is_some();
        if !is_known {
            self.insert(ACCESS, &key, &now)?;
            self.access_changes.fetch_add(1, Ordering::Release);
        }
        Ok(!is_known)
    }

    /// Takes an entry off a list; `false` when it is not there.
    pub fn remove_access(&self, list: &str, entry: &str) -> Result<bool, StoreError> {
        let was_known = self.delete(ACCESS, &format!("{list}/{entry}"))?;
        self.access_changes.fetch_add(1, Ordering::Release);
        Ok(was_known)
    }

    /// How often the lists were changed since the directory was opened.
    pub fn access_changes(&self) -> u64 {
        self.access_changes.load(Ordering::Acquire)
    }

    fn has_tables(&self) -> Result<bool, StoreError> {
        self.database.read(|read| Ok(read.list_tables()?.count() >= TABLES.len()))
    }

    fn make_tables(&self) -> Result<(), StoreError> {
        self.database.write(Commit::Durable, |write| {
            for table in TABLES {
                write.open_table(table)?;
            }
            Ok(())
        })
    }

    fn get<V: DeserializeOwned>(&self, table: Table, key: &str) -> Result<Option<V>, StoreError> {
        self.database.read(|read| match read.open_table(table)?.get(key)? {
            Some(bytes) => decode(key, bytes.value()).map(Some),
            None => Ok(None),
        })
    }

    fn insert<V: Serialize>(&self, table: Table, key: &str, value: &V) -> Result<(), StoreError> {
        let bytes = postcard::to_stdvec(value).map_err(|error| std::io::Error::other(error.to_string()))?;
        self.database.write(Commit::Durable, |write| {
            write.open_table(table)?.insert(key, bytes.as_slice())?;
            Ok(())
        })
    }

    fn delete(&self, table: Table, key: &str) -> Result<bool, StoreError> {
        self.database.write(Commit::Durable, |write| Ok(write.open_table(table)?.remove(key)?.is_some()))
    }

    fn all<K, V: DeserializeOwned>(
        &self,
        table: Table,
        parse: impl Fn(&str) -> Option<K>,
    ) -> Result<Vec<(K, V)>, StoreError> {
        self.database.read(|read| {
            let mut all = Vec::new();
            for row in read.open_table(table)?.iter()? {
                let (key, value) = row?;
                let name = parse(key.value()).ok_or_else(|| unreadable(key.value()))?;
                all.push((name, decode(key.value(), value.value())?));
            }
            Ok(all)
        })
    }
}

type Table = TableDefinition<'static, &'static str, &'static [u8]>;

fn decode<V: DeserializeOwned>(key: &str, bytes: &[u8]) -> Result<V, redb::Error> {
    postcard::from_bytes(bytes).map_err(|_| unreadable(key))
}

fn unreadable(key: &str) -> redb::Error {
    redb::Error::Corrupted(format!("the entry of {key} cannot be read"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::crash::{CrashDisk, Survival};
    use types::Group;

    fn path() -> &'static Path {
        Path::new("/box/directory.redb")
    }

    fn disk() -> CrashDisk {
        let disk = CrashDisk::new();
        disk.shared().create_dir_all(Path::new("/box")).unwrap();
        disk.shared().sync_dir(Path::new("/")).unwrap();
        disk
    }

    fn address(text: &str) -> Address {
        Address::parse(text).unwrap()
    }

    fn local_domain(name: &str) -> LocalDomain {
        LocalDomain { domain: Domain::parse(name).unwrap(), catch_all: Some(address("ana@home.test")) }
    }

    #[test]
    fn entries_and_domains_come_and_go() {
        let disk = disk();
        let directory = Directory::open(disk.shared(), path()).unwrap();
        let (ana, alias) = (address("ana@home.test"), DirectoryEntry::Alias(address("ben@home.test")));
        assert_eq!(directory.lookup(&ana).unwrap(), None);
        directory.put(&ana, &alias).unwrap();
        directory.put_domain(&local_domain("home.test")).unwrap();
        let reopened = {
            drop(directory);
            Directory::open(disk.shared(), path()).unwrap()
        };
        assert_eq!(reopened.lookup(&ana).unwrap(), Some(alias.clone()));
        assert_eq!(reopened.entries().unwrap(), [(ana.clone(), alias)]);
        assert_eq!(reopened.domains().unwrap(), [local_domain("home.test")]);
        assert!(reopened.remove(&ana).unwrap() && !reopened.remove(&ana).unwrap());
        let domain = Domain::parse("home.test").unwrap();
        assert!(reopened.remove_domain(&domain).unwrap());
        assert_eq!(reopened.domain(&domain).unwrap(), None);
    }

    #[test]
    fn a_directory_of_before_there_were_sending_rules_gets_them() {
        let disk = disk();
        let (ana, alias) = (address("ana@home.test"), DirectoryEntry::Alias(address("ben@home.test")));
        let old = Database::open(disk.shared(), path(), CACHE_BYTES).unwrap();
        let put = |write: &redb::WriteTransaction| {
            for table in [ENTRIES, DOMAINS, QUOTAS] {
                write.open_table(table)?;
            }
            let bytes = postcard::to_stdvec(&alias).unwrap();
            write.open_table(ENTRIES)?.insert("ana@home.test", bytes.as_slice())?;
            Ok(())
        };
        old.write(Commit::Durable, put).unwrap();
        drop(old);
        let directory = Directory::open(disk.shared(), path()).unwrap();
        assert_eq!(directory.lookup(&ana).unwrap(), Some(alias));
        assert_eq!(directory.sending_rules(&ana).unwrap(), SendingRules::default());
        let rules = SendingRules { messages_per_day: Some(7), ..SendingRules::default() };
        directory.put_sending_rules(&ana, &rules).unwrap();
        assert_eq!(directory.sending_rules(&ana).unwrap(), rules);
        directory.put_sending_rules(&ana, &SendingRules::default()).unwrap();
        assert_eq!(directory.sending_rules(&ana).unwrap(), SendingRules::default());
    }

    #[test]
    fn lists_outlive_a_restart() {
        let disk = disk();
        let directory = Directory::open(disk.shared(), path()).unwrap();
        assert!(directory.put_access("block", "192.0.2.0/24", 7).unwrap());
        assert!(!directory.put_access("block", "192.0.2.0/24", 8).unwrap());
        assert!(directory.put_access("allow", "a/b@example.org", 9).unwrap());
        assert!(!directory.remove_access("allow", "192.0.2.0/24").unwrap());
        assert_eq!(directory.access_changes(), 3);
        let after = Directory::open(disk.survive(Survival::Strict).shared(), path()).unwrap();
        let row = |list: &str, entry: &str, since| (list.to_owned(), entry.to_owned(), since);
        let both = [row("allow", "a/b@example.org", 9), row("block", "192.0.2.0/24", 7)];
        assert_eq!(after.access().unwrap(), both);
        assert!(after.remove_access("block", "192.0.2.0/24").unwrap());
        assert_eq!(after.access().unwrap(), both[..1]);
    }

    /// Puts three entries; counts those that were acknowledged.
    fn live(disk: &CrashDisk) -> usize {
        let Ok(directory) = Directory::open(disk.shared(), path()) else { return 0 };
        let put = |number: &usize| {
            let group = Group { members: vec![address("x@y.test"); *number * 20] };
            directory.put(&address(&format!("g{number}@home.test")), &DirectoryEntry::Group(group)).is_ok()
        };
        (0..3).take_while(put).count()
    }

    #[test]
    fn a_power_cut_takes_back_nothing_that_was_acknowledged() {
        let whole = disk();
        assert_eq!(live(&whole), 3);
        for number in 1..=whole.operations() {
            let cut = disk();
            cut.cut_at(number);
            let acknowledged = live(&cut);
            let chances = (0..4).map(|seed| Survival::Chance(number * 4 + seed));
            for survival in chances.chain([Survival::Strict, Survival::Everything]) {
                let directory = Directory::open(cut.survive(survival).shared(), path());
                let found = directory.and_then(|directory| directory.entries());
                let found = found.unwrap_or_else(|error| panic!("cut at {number}, {survival:?}: {error}"));
                assert!(found.len() >= acknowledged, "cut at {number}, {survival:?}");
            }
        }
    }

    #[test]
    fn a_full_disk_refuses_a_change_and_the_next_one_works_again() {
        let disk = disk();
        let directory = Directory::open(disk.shared(), path()).unwrap();
        let (ana, entry) = (address("ana@home.test"), DirectoryEntry::Group(Group { members: Vec::new() }));
        disk.fail_from(disk.operations() + 1, libc::ENOSPC);
        assert!(directory.put(&ana, &entry).is_err());
        disk.heal();
        directory.put(&ana, &entry).unwrap();
        assert_eq!(directory.lookup(&ana).unwrap(), Some(entry));
    }

    #[test]
    fn a_damaged_directory_is_named_and_kept() {
        let disk = disk();
        disk.put_file(path(), &[7; 5000]).unwrap();
        let opened = Directory::open(disk.shared(), path());
        assert!(matches!(opened, Err(StoreError::Damaged { path: named }) if named == path()));
        assert_eq!(disk.contents(path()).unwrap(), [7; 5000]);
    }
}
