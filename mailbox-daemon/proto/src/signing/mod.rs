//! DKIM signatures (RFC 6376, RFC 8463) and ARC seals (RFC 8617) on mail that leaves: what is hashed and the fields that carry
//! it. Their twins that verify are [`crate::dkim`] and [`crate::arc`].
//!
//! Signed are `relaxed` fields, because servers on the way fold and capitalise them anew, and a `simple` body. A body is
//! hashed while it goes by, so that no message is held for its signature.

mod arc;
mod body;
mod key;
mod record;
mod signature;
mod signed_fields;

pub use arc::{ChainStatus, INSTANCES_MAX, Seal, next_instance, says_failed};
pub use body::{BodyHash, BodyHasher};
pub use key::{Algorithm, KeyError, PrivateKey};
pub use record::{KeyRecord, publishes};
pub use signature::{Signer, sign};
