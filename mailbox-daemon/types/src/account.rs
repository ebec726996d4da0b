use crate::{Address, Domain, UnixSeconds};
use serde::{Deserialize, Serialize};

/// The SCRAM-SHA-256 side of a password (RFC 5802 section 3): nothing in it logs anybody in elsewhere.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScramKeys {
    /// H(ClientKey).
    pub stored_key: [u8; 32],
    /// HMAC(SaltedPassword, "Server Key").
    pub server_key: [u8; 32],
}

/// What is kept of one password.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PasswordRecord {
    /// The argon2id hash in PHC string form.
    pub argon2id: String,
    /// Its SCRAM keys under the account's salt and iteration count.
    pub scram: ScramKeys,
}

/// A password for one device or program: named, listed, revoked alone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AppPassword {
    /// What the owner called it ("Ana's phone"); unique within the account.
    pub name: String,
    /// What is kept of it.
    pub password: PasswordRecord,
    /// When it was made.
    pub created_at: UnixSeconds,
}

/// A person's account: one address, one Maildir tree, one password and any number of app passwords.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// The folded address that names it.
    pub address: Address,
    /// The account's own password; `None` until one is set.
    pub password: Option<PasswordRecord>,
    /// One salt for all its passwords: SCRAM sends the salt before it knows which of them the client holds.
    pub scram_salt: [u8; 16],
    /// PBKDF2 rounds of the SCRAM keys.
    pub scram_iterations: u32,
    /// Passwords for single devices.
    pub app_passwords: Vec<AppPassword>,
    /// When it was made.
    pub created_at: UnixSeconds,
}

/// A group: mail to it goes to every member, here or elsewhere.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Group {
    /// Members, local or external.
    pub members: Vec<Address>,
}

/// A domain the box receives mail for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LocalDomain {
    /// Its name.
    pub domain: Domain,
    /// Where mail for names nobody has goes; `None` refuses it.
    pub catch_all: Option<Address>,
}

/// What a local address leads to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum DirectoryEntry {
    /// A mailbox here.
    Account(Account),
    /// Another name for one address, local or external.
    Alias(Address),
    /// A list of addresses.
    Group(Group),
}
