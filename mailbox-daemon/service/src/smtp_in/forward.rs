//! What is put on mail from outside that leaves the box again, through an alias or a group: a return address of this box, so
//! that SPF passes; a seal on what was found out about it; and for relays that insist an author of this box.

use super::compose::Composition;
use super::header::author;
use super::spooled::Spooled;
use super::vouch::looked_at;
use crate::host::Host;
use crate::signing;
use policy::rewrite_from::in_place_of;
use proto::mime::encoded_word::phrase;
use proto::smtp::header::{self, Field, fields};
use store::StoreError;
use types::{Address, Outcome, ReversePath, UnixSeconds};

/// Prepares the copy that goes on. `chain` is what was found of its ARC chain, where somebody looked.
pub(super) fn forward(
    host: &Host,
    forwarded_by: &Address,
    composition: &mut Composition,
    spooled: &mut Spooled,
    chain: Option<Outcome>,
    now: UnixSeconds,
) -> Result<(), StoreError> {
    composition.onward_from = sender(host, &composition.onward_from, forwarded_by, now)?;
    let settings = host.settings.load();
    if header_bytes(&spooled.raw()?) > settings.limits.header_bytes_max {
        // It came unread, and a seal on what nobody read would say nothing.
        return Ok(());
    }
    let mut top = Vec::new();
    if settings.outbound.rewrite_from {
        top = author_instead(spooled, forwarded_by)?;
        composition.replaces_author = !top.is_empty();
    }
    if composition.replaces_author {
        let signatures = looked_at(composition, &top, spooled, |header, body| {
            signing::signatures(host, &forwarded_by.domain, header, body, now)
        })?;
        top.splice(0..0, signatures.into_bytes());
    }
    let is_results = |field: &Field| field.name.eq_ignore_ascii_case(b"Authentication-Results");
    if let (Some(chain), Some(results)) = (chain, fields(&composition.results).find(is_results)) {
        let results = String::from_utf8_lossy(results.value);
        // The last thing that is done: it covers all the others (RFC 8617 section 5.1).
        let seal = looked_at(composition, &top, spooled, |header, body| {
            signing::seal(host, &forwarded_by.domain, header, body, chain, &results, now)
        })?;
        top.splice(0..0, seal.into_bytes());
    }
    composition.onward = top;
    Ok(())
}

fn header_bytes(raw: &[u8]) -> usize {
    header::end(raw, 0).unwrap_or(raw.len())
}

/// The sender of the copy that goes on. A stranger's would fail SPF there; nobody and whoever has an address of this box stay
/// who they are.
fn sender(
    host: &Host,
    from: &ReversePath,
    forwarded_by: &Address,
    now: UnixSeconds,
) -> Result<ReversePath, StoreError> {
    match from {
        Some(sender) if host.directory.domain(&sender.domain)?.is_none() => {
            Ok(Some(signing::rewrite(host, sender, &forwarded_by.domain, now)?))
        }
        from => Ok(from.clone()),
    }
}

/// `From:` with an address of this box, and the author in `Reply-To:` and `X-Original-From:`. Nothing where there is no single
/// author to replace.
fn author_instead(spooled: &mut Spooled, forwarded_by: &Address) -> Result<Vec<u8>, StoreError> {
    let raw = spooled.raw()?;
    let header: Vec<Field> = fields(&raw[..header_bytes(&raw)]).collect();
    let named = |name: &'static str| {
        header.iter().filter(move |field| field.name.eq_ignore_ascii_case(name.as_bytes()))
    };
    let (Some(from), 1) = (named("From").next(), named("From").count()) else { return Ok(Vec::new()) };
    let Some(instead) = author(from.value).and_then(|author| in_place_of(&author, forwarded_by)) else {
        return Ok(Vec::new());
    };
    let name = instead.name.as_deref().map(phrase).unwrap_or_default();
    let mut top = format!("From: {name}\r\n <{}>\r\n", instead.address).into_bytes();
    let mut kept_in = vec!["X-Original-From"];
    if named("Reply-To").next().is_none() {
        kept_in.push("Reply-To");
    }
    for name in kept_in {
        top.extend([name.as_bytes(), b":", from.value].concat());
    }
    Ok(top)
}
