//! What is put on mail from outside that leaves the box again, through an alias or a group: a return address of this box, so
//! that SPF passes; a seal on what was found out about it; and for relays that insist an author of this box.

use super::compose::Onward;
use super::header::author;
use super::vouch::Going;
use crate::host::Host;
use crate::signing;
use policy::rewrite_from::in_place_of;
use proto::mime::encoded_word::phrase;
use proto::smtp::header::{Field, fields};
use store::StoreError;
use types::{Address, Outcome, ReversePath, UnixSeconds};

/// What the copy that goes on has of its own. `results` is what the checks found, `chain` what was found of its ARC chain, where
/// somebody looked.
pub(super) fn forward(
    host: &Host,
    forwarded_by: &Address,
    from: &ReversePath,
    results: &[u8],
    going: &Going<'_>,
    chain: Option<Outcome>,
    now: UnixSeconds,
) -> Result<Onward, StoreError> {
    let mut onward = Onward { from: sender(host, from, forwarded_by, now)?, ..Onward::default() };
    let settings = host.settings.load();
    if going.header_bytes > settings.limits.header_bytes_max {
        // It came unread, and a seal on what nobody read would say nothing.
        return Ok(onward);
    }
    if settings.outbound.rewrite_from {
        onward.top = author_instead(&going.header, forwarded_by);
        onward.replaces_author = !onward.top.is_empty();
    }
    if onward.replaces_author {
        let signatures = going.shown(&onward, |header, body| {
            signing::signatures(host, &forwarded_by.domain, header, body, now)
        });
        onward.top.splice(0..0, signatures.into_bytes());
    }
    let is_results = |field: &Field| field.name.eq_ignore_ascii_case(b"Authentication-Results");
    if let (Some(chain), Some(results)) = (chain, fields(results).find(is_results)) {
        let results = String::from_utf8_lossy(results.value);
        // The last thing that is done: it covers all the others (RFC 8617 section 5.1).
        let seal = going.shown(&onward, |header, body| {
            signing::seal(host, &forwarded_by.domain, header, body, chain, &results, now)
        });
        onward.top.splice(0..0, seal.into_bytes());
    }
    Ok(onward)
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
fn author_instead(header: &[Field], forwarded_by: &Address) -> Vec<u8> {
    let named = |name: &'static str| {
        header.iter().filter(move |field| field.name.eq_ignore_ascii_case(name.as_bytes()))
    };
    let (Some(from), 1) = (named("From").next(), named("From").count()) else { return Vec::new() };
    let Some(instead) = author(from.value).and_then(|author| in_place_of(&author, forwarded_by)) else {
        return Vec::new();
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
    top
}
