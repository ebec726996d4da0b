//! Greylisting's memory.

use crate::host::Host;
use aws_lc_rs::digest::{SHA256, digest};
use policy::config::Settings;
use policy::greylist::{Memory, Times, Verdict, judge};
use std::net::IpAddr;
use store::{StoreError, Subject};
use types::{Address, Network, ReversePath, UnixSeconds};

/// Client, sender and recipient of mail that was put off, as a hash.
const PUT_OFF: Subject = Subject { name: "greylist", rows_max: 20_000 };
/// Clients that came back.
const PASSED: Subject = Subject { name: "greylist clients", rows_max: 10_000 };
/// The first bytes of a hash are enough to tell twenty thousand rows apart.
const KEY_BYTES: usize = 12;

/// Whether mail is put off, as policy says by what is remembered of each recipient; remembers what it says.
pub(crate) fn puts_off<'a>(
    host: &Host,
    settings: &Settings,
    client: IpAddr,
    sender: &ReversePath,
    recipients: impl Iterator<Item = &'a Address>,
) -> Result<bool, StoreError> {
    let (now, times) = (host.now(), times(settings));
    let servers = Network::of_servers(client).to_string();
    let passed_at = host.notes.get::<UnixSeconds>(PASSED, &servers)?;
    let mut is_put_off = false;
    for recipient in recipients {
        let key = key(&servers, sender, recipient);
        let first_seen = host.notes.get(PUT_OFF, &key)?;
        match judge(Memory { first_seen, passed_at }, now, &times) {
            Verdict::Pass => {
                host.notes.put(PASSED, &servers, &now, now)?;
                return Ok(false);
            }
            Verdict::PutOff { first_seen } => host.notes.put(PUT_OFF, &key, &first_seen, now)?,
        }
        is_put_off = true;
    }
    Ok(is_put_off)
}

fn times(settings: &Settings) -> Times {
    let inbound = &settings.inbound;
    Times {
        wait_s: inbound.greylist_wait_s as UnixSeconds,
        retry_s: inbound.greylist_retry_s as UnixSeconds,
        known_s: inbound.greylist_known_s as UnixSeconds,
    }
}

fn key(servers: &str, sender: &ReversePath, recipient: &Address) -> String {
    let sender = sender.as_ref().map(Address::folded_without_tag);
    let sender = sender.map(|address| address.to_string()).unwrap_or_default();
    let text = format!("{servers} {sender} {}", recipient.folded_without_tag());
    data_encoding::BASE64.encode(&digest(&SHA256, text.as_bytes()).as_ref()[..KEY_BYTES])
}
