use crate::signing::KeyringError;
use policy::rules::Unfit;
use policy::sieve::Fault;
use store::{ScriptError, StoreError};
use thiserror::Error;
use types::{Address, AddressError, Domain};

/// Why it was not done.
#[derive(Debug, Error)]
pub enum AdminError {
    /// An address is not one.
    #[error("{text}: {source}")]
    Address {
        /// What was given.
        text: String,
        /// What is wrong with it.
        source: AddressError,
    },
    /// There is no such thing.
    #[error("there is no {kind} {name}")]
    Unknown {
        /// Account, alias, ...
        kind: &'static str,
        /// What was asked for.
        name: String,
    },
    /// The name is taken.
    #[error("{0} exists already")]
    Exists(String),
    /// The domain is not one of ours.
    #[error("{0} is not a domain of this box; `domain add {0}` makes it one")]
    ForeignDomain(Domain),
    /// The domain is still used.
    #[error("{0} still has accounts, aliases or groups; remove them first")]
    DomainInUse(Domain),
    /// The password is too short, too long or not text.
    #[error("a password has 8 to 256 characters, none of them a control character")]
    Password,
    /// The name of a device is empty or too long.
    #[error("the name of a device has 1 to 64 characters")]
    DeviceName,
    /// A quota is no size or number.
    #[error("{0} is no quota: it is a size such as 5G, a number of messages, none or default")]
    Quota(String),
    /// A limit on sending is no number.
    #[error("{0} is no limit: it is a number, or default")]
    SendingLimit(String),
    /// An app password is to send as an address that is not the account's.
    #[error("{account} may not send as {address}: it is none of its addresses")]
    NotAnAddressOf {
        /// The address.
        address: Address,
        /// The account.
        account: Address,
    },
    /// An entry of a list is none.
    #[error("{0} is neither a domain, nor an address, nor an IP address or range such as 192.0.2.0/24")]
    AccessEntry(String),
    /// The lists are as long as they may be.
    #[error("the lists have {0} entries already; remove some first")]
    ListFull(usize),
    /// A month is not one.
    #[error("{0} is no month: it looks like 2026-11")]
    Month(String),
    /// A group needs somebody in it.
    #[error("a group needs at least one member")]
    EmptyGroup,
    /// The rules do not make sense.
    #[error(transparent)]
    Rules(#[from] Unfit),
    /// The script that is run was not made by the form.
    #[error("the script {0} was written by hand: change it with `sieve get` and `sieve put`")]
    ByHand(String),
    /// There is nothing to switch on or off.
    #[error("{0} has no vacation; say what it answers")]
    NoVacation(Address),
    /// A script is wrong.
    #[error("{}", .0.iter().map(Fault::to_string).collect::<Vec<_>>().join("\n"))]
    Script(Vec<Fault>),
    /// A script cannot be kept.
    #[error(transparent)]
    Keeping(#[from] ScriptError),
    /// An export, or a message that was sent along, is not whole.
    #[error("this is damaged, or not what `spam export` wrote")]
    Damaged,
    /// Only a running daemon knows.
    #[error("no daemon runs on this state directory")]
    NotRunning,
    /// A key cannot be made.
    #[error("a key cannot be made: {0}")]
    Keyring(#[from] KeyringError),
    /// The state directory does not answer.
    #[error("the state directory cannot be used: {0}")]
    Store(#[from] StoreError),
}
