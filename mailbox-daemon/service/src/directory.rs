//! From an address to where its mail goes: `policy::recipients` asks, the directory answers.

use crate::host::Host;
use crate::signing::{self, ReturnError};
use policy::config::{Reports, Settings};
use policy::recipients::{Destinations, Expansion, Fact, Next, RecipientError};
use policy::srs::is_rewritten;
use store::StoreError;
use store::directory::Directory;
use types::{Address, DirectoryEntry, Limits};

/// Follows an address through the directory. Its look-ups find a page or two in memory, so nobody else is made to wait.
pub(crate) fn expand(
    host: &Host,
    settings: &Settings,
    address: Address,
    may_relay: bool,
) -> Result<Result<Destinations, RecipientError>, StoreError> {
    let expansion = Expansion::start(address, may_relay, &settings.hostname, &settings.limits);
    let look_up = |address: &Address| match is_rewritten(&address.local) {
        true => look_up_return(host, address),
        false => look_up(&host.directory, &settings.reports, address),
    };
    follow(&host.directory, look_up, expansion)
}

/// Whether mail for an address reaches this account and nobody else: then the account may send as it.
pub(crate) fn belongs_to(
    directory: &Directory,
    account: &Address,
    address: &Address,
) -> Result<bool, StoreError> {
    // Neither the name of the host, a limit of its own nor a name for reports leads anywhere that is somebody's alone.
    let expansion = Expansion::start(address.clone(), true, &address.domain, &Limits::default());
    let look_up = |address: &Address| look_up(directory, &Reports::default(), address);
    Ok(follow(directory, look_up, expansion)?.is_ok_and(|destinations| destinations.belong_to(account)))
}

fn follow(
    directory: &Directory,
    look_up: impl Fn(&Address) -> Result<Fact, StoreError>,
    mut expansion: Expansion,
) -> Result<Result<Destinations, RecipientError>, StoreError> {
    loop {
        match expansion.next() {
            Next::LookUp(address) => expansion.learn(look_up(&address)?),
            Next::FirstAccount => expansion.learn_first_account(oldest_account(directory)?),
            Next::Done => return Ok(expansion.finish()),
        }
    }
}

fn look_up(directory: &Directory, reports: &Reports, address: &Address) -> Result<Fact, StoreError> {
    let domain = directory.domain(&address.domain)?;
    let entry = match &domain {
        Some(_) => directory.lookup(&address.folded_without_tag())?,
        None => None,
    };
    Ok(Fact::new(address, domain, entry, reports))
}

/// Where a bounce of forwarded mail goes back to.
fn look_up_return(host: &Host, address: &Address) -> Result<Fact, StoreError> {
    if host.directory.domain(&address.domain)?.is_none() {
        return Ok(Fact::Elsewhere);
    }
    match signing::origin(host, address, host.now()) {
        Ok(sender) => Ok(Fact::Alias(sender)),
        Err(ReturnError::Refused(error)) => Ok(Fact::NoReturn(error)),
        Err(ReturnError::Store(error)) => Err(error),
    }
}

/// Every account.
pub(crate) fn accounts(host: &Host) -> Result<Vec<Address>, StoreError> {
    let accounts = host.directory.entries()?.into_iter().filter_map(|(address, entry)| match entry {
        DirectoryEntry::Account(_) => Some(address),
        DirectoryEntry::Alias(_) | DirectoryEntry::Group(_) => None,
    });
    Ok(accounts.collect())
}

/// The account that was made first: the owner's.
pub(crate) fn first_account(host: &Host) -> Result<Option<Address>, StoreError> {
    oldest_account(&host.directory)
}

fn oldest_account(directory: &Directory) -> Result<Option<Address>, StoreError> {
    let accounts = directory.entries()?.into_iter().filter_map(|(_, entry)| match entry {
        DirectoryEntry::Account(account) => Some((account.created_at, account.address)),
        DirectoryEntry::Alias(_) | DirectoryEntry::Group(_) => None,
    });
    Ok(accounts.min().map(|(_, address)| address))
}
