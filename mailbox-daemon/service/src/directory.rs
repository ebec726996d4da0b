//! From an address to where its mail goes: `policy::recipients` asks, the directory answers.

use crate::host::Host;
use policy::config::Settings;
use policy::recipients::{Destinations, Expansion, Fact, Next, RecipientError};
use store::StoreError;
use types::{Address, DirectoryEntry};

/// Follows an address through the directory. Its look-ups find a page or two in memory, so nobody else is made to wait.
pub(crate) fn expand(
    host: &Host,
    settings: &Settings,
    address: Address,
    may_relay: bool,
) -> Result<Result<Destinations, RecipientError>, StoreError> {
    let mut expansion = Expansion::start(address, may_relay, &settings.hostname, &settings.limits);
    loop {
        match expansion.next() {
            Next::LookUp(address) => expansion.learn(look_up(host, &address)?),
            Next::FirstAccount => expansion.learn_first_account(first_account(host)?),
            Next::Done => return Ok(expansion.finish()),
        }
    }
}

fn look_up(host: &Host, address: &Address) -> Result<Fact, StoreError> {
    let domain = host.directory.domain(&address.domain)?;
    let entry = match &domain {
        Some(_) => host.directory.lookup(&address.folded_without_tag())?,
        None => None,
    };
    Ok(Fact::new(address, domain, entry))
}

/// The account that was made first: the owner's.
pub(crate) fn first_account(host: &Host) -> Result<Option<Address>, StoreError> {
    let accounts = host.directory.entries()?.into_iter().filter_map(|(_, entry)| match entry {
        DirectoryEntry::Account(account) => Some((account.created_at, account.address)),
        DirectoryEntry::Alias(_) | DirectoryEntry::Group(_) => None,
    });
    Ok(accounts.min().map(|(_, address)| address))
}
