//! The way back for bounces of forwarded mail: `policy::srs` with this box's secret.

use crate::host::Host;
use aws_lc_rs::hmac;
use policy::srs::{Origin, Srs, SrsError};
use std::path::Path;
use std::sync::{Arc, OnceLock};
use store::disk::Disk;
use store::{Secrets, StoreError, Subject};
use types::{Address, Domain, UnixSeconds};
use zeroize::Zeroizing;

const SECRET_NAME: &str = "secret";
const SECRET_BYTES: usize = 32;
const DAY_S: UnixSeconds = 86_400;
/// Senders that do not fit into a rewritten one, by their tokens. The oldest go first; after three weeks nobody asks for them.
const KEPT: Subject = Subject { name: "srs", rows_max: 20_000 };

/// What makes and recognises this box's return addresses.
pub struct Returns {
    files: Secrets,
    secret: OnceLock<hmac::Key>,
}

/// Why a bounce cannot be sent on.
#[derive(Debug)]
pub(crate) enum ReturnError {
    /// The address is not one of ours, or too old.
    Refused(SrsError),
    /// It cannot be looked up now.
    Store(StoreError),
}

impl Returns {
    /// Reads nothing before the first mail is forwarded or comes back.
    pub(crate) fn new(disk: Arc<dyn Disk>, dir: &Path) -> Returns {
        Returns { files: Secrets::new(disk, dir.to_owned()), secret: OnceLock::new() }
    }

    fn key(&self) -> Result<&hmac::Key, StoreError> {
        if let Some(key) = self.secret.get() {
            return Ok(key);
        }
        let secret = match self.files.read(SECRET_NAME)?.map(Zeroizing::new) {
            Some(secret) if secret.len() == SECRET_BYTES => secret,
            other => {
                if other.is_some() {
                    tracing::warn!(
                        "the secret of return addresses is damaged; bounces of mail forwarded so far are lost"
                    );
                }
                let mut secret = Zeroizing::new(vec![0; SECRET_BYTES]);
                getrandom::fill(&mut secret).map_err(|error| std::io::Error::other(error.to_string()))?;
                self.files.write(SECRET_NAME, &secret)?;
                secret
            }
        };
        Ok(self.secret.get_or_init(|| hmac::Key::new(hmac::HMAC_SHA256, &secret)))
    }
}

/// The sender with which mail from `sender` leaves when it is forwarded for `domain`; durable where something is kept for it.
pub(crate) fn rewrite(
    host: &Host,
    sender: &Address,
    domain: &Domain,
    now: UnixSeconds,
) -> Result<Address, StoreError> {
    let key = host.returns.key()?;
    let mac = |input: &[u8]| mac(key, input);
    let srs = Srs { domain, today: day(now), mac: &mac };
    if let Some(rewritten) = srs.rewrite(sender) {
        return Ok(rewritten);
    }
    let (rewritten, token) = srs.kept(sender);
    let known: Option<(Address, u32)> = host.notes.get(KEPT, &token)?;
    // Written again once a day, so that what is in use is not the oldest.
    if known != Some((sender.clone(), day(now))) {
        host.notes.put(KEPT, &token, &(sender, day(now)), now)?;
        host.notes.flush()?;
    }
    Ok(rewritten)
}

/// Whom a bounce to one of this box's return addresses goes back to.
pub(crate) fn origin(host: &Host, bounced: &Address, now: UnixSeconds) -> Result<Address, ReturnError> {
    let key = host.returns.key().map_err(ReturnError::Store)?;
    let mac = |input: &[u8]| mac(key, input);
    let srs = Srs { domain: &bounced.domain, today: day(now), mac: &mac };
    match srs.origin(&bounced.local).map_err(ReturnError::Refused)? {
        Origin::Address(address) => Ok(address),
        Origin::Kept(token) => {
            let kept: Option<(Address, u32)> = host.notes.get(KEPT, &token).map_err(ReturnError::Store)?;
            kept.map(|(sender, _)| sender).ok_or(ReturnError::Refused(SrsError::Expired))
        }
    }
}

fn day(now: UnixSeconds) -> u32 {
    u32::try_from(now / DAY_S).unwrap_or_default()
}

fn mac(key: &hmac::Key, input: &[u8]) -> [u8; 32] {
    hmac::sign(key, input).as_ref().try_into().expect("HMAC-SHA-256 has 32 octets")
}
