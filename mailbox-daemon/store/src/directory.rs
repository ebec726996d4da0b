//! Who lives here: accounts, aliases, groups and domains, in one redb file.
//!
//! Every change is one durable commit; look-ups read a page or two from memory.

use crate::database::{Commit, Database};
use crate::disk::Disk;
use crate::error::StoreError;
use redb::{ReadableTable, TableDefinition};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::path::Path;
use std::sync::Arc;
use types::{Address, DirectoryEntry, Domain, LocalDomain};

/// Folded address -> postcard of [`DirectoryEntry`].
const ENTRIES: TableDefinition<&str, &[u8]> = TableDefinition::new("entries");
/// Domain -> postcard of [`LocalDomain`].
const DOMAINS: TableDefinition<&str, &[u8]> = TableDefinition::new("domains");

/// A household's directory is a few kilobytes; this holds all of it.
const CACHE_BYTES: usize = 256 * 1024;

/// The directory. Clones share it.
#[derive(Clone)]
pub struct Directory {
    database: Arc<Database>,
}

impl Directory {
    /// Opens the directory, making an empty one when there is none.
    pub fn open(disk: Arc<dyn Disk>, path: &Path) -> Result<Directory, StoreError> {
        let database = Arc::new(Database::open(disk, path, CACHE_BYTES)?);
        let directory = Directory { database };
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

    fn has_tables(&self) -> Result<bool, StoreError> {
        self.database.read(|read| Ok(read.list_tables()?.count() >= 2))
    }

    fn make_tables(&self) -> Result<(), StoreError> {
        self.database.write(Commit::Durable, |write| {
            write.open_table(ENTRIES)?;
            write.open_table(DOMAINS)?;
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
