//! What vouches for mail that leaves: DKIM signatures with keys the box makes itself, ARC seals and return addresses for
//! what it forwards.

mod keeper;
mod key_file;
mod keyring;
mod message;
mod returns;
mod whole;

pub(crate) use keeper::run;
pub(crate) use key_file::SigningKey;
pub use keyring::{Keyring, KeyringError};
pub(crate) use message::{seal, signatures};
pub use returns::Returns;
pub(crate) use returns::{ReturnError, origin, rewrite};
pub(crate) use whole::{author_signatures, whole_signatures};
