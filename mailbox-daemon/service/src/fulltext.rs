//! Keeps the full-text indexes up to date while nothing else is to be done. Mailboxes somebody delivers to or looks at are taken
//! in; those nobody opens are not searched either.

use crate::host::Host;
use crate::imap::digest;
use proto::mime::DigestView;
use proto::mime::text::MessageText;
use std::collections::HashMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};
use store::{FullTextError, Mailbox, Places, Row, StoreError, Text};
use tracing::{debug, warn};
use types::{Limits, Uid};

/// How often open mailboxes are looked at.
const LOOK: Duration = Duration::from_secs(5);
/// The box has nothing to do when nobody asked for anything for so long.
const QUIET: Duration = Duration::from_secs(2);
/// Messages waiting before they are taken in; fewer are searched quickly without an index.
const MESSAGES_MIN: usize = 64;
/// Messages taken in at once, and their text.
const BATCH_MESSAGES_MAX: usize = 512;
const BATCH_BYTES_MAX: usize = 2 << 20;
/// Messages with more text are not taken in.
const TEXT_BYTES_MAX: usize = 1 << 20;
/// Mailboxes whose state is remembered between looks.
const REMEMBERED_MAX: usize = 1024;

/// Takes in what comes until the daemon stops.
pub async fn run(host: Arc<Host>) {
    // Up to which UID a mailbox needs no look, by the mailbox's place in memory and its generation.
    let mut done = HashMap::new();
    let mut quiet = Quiet { requests: 0, since: Instant::now() };
    while sleep(&host, LOOK).await {
        if !host.settings.load().search.fulltext {
            continue;
        }
        if done.len() > REMEMBERED_MAX {
            done.clear();
        }
        for mailbox in host.store.open_mailboxes() {
            let key = (Weak::as_ptr(&mailbox) as usize, mailbox.upgrade().map(|open| open.uid_validity()));
            let last = done.entry(key).or_insert(0);
            while let Some(more) = next_batch(&host, &mut quiet, &mailbox, last).await {
                if !more {
                    break;
                }
            }
        }
        if host.stop.is_stopping() {
            return;
        }
    }
}

/// Takes in a batch once the box is quiet; whether there may be more, `None` when there is nothing to do.
async fn next_batch(
    host: &Arc<Host>,
    quiet: &mut Quiet,
    mailbox: &Weak<Mailbox>,
    last: &mut u32,
) -> Option<bool> {
    let waits = |mailbox: &Mailbox| {
        !mailbox.is_deleted() && mailbox.status().uid_next.saturating_sub(*last) as usize > MESSAGES_MIN
    };
    mailbox.upgrade().filter(|open| waits(open))?;
    if !quiet.wait(host).await {
        return None;
    }
    let open = mailbox.upgrade()?;
    let settings = host.settings.load_full();
    let started = Instant::now();
    let taken = crate::disk(|| take_in(&open, &settings.limits));
    drop(open);
    match taken {
        Ok((known, more)) => {
            *last = known;
            // Half of the time belongs to others, whatever they do.
            sleep(host, started.elapsed()).await.then_some(more)
        }
        Err(error) => {
            warn!(%error, "messages wait for the full-text index");
            None
        }
    }
}

/// Sleeps; `false` when the daemon stops.
async fn sleep(host: &Host, time: Duration) -> bool {
    tokio::select! {
        () = tokio::time::sleep(time) => true,
        () = host.stop.stopping() => false,
    }
}

/// Since when nobody has asked for anything.
struct Quiet {
    requests: u64,
    since: Instant,
}

impl Quiet {
    /// Waits until nobody asked for anything for a while; `false` when the daemon stops.
    async fn wait(&mut self, host: &Host) -> bool {
        loop {
            let requests = host.requests.load(Ordering::Relaxed);
            if requests != self.requests {
                *self = Quiet { requests, since: Instant::now() };
            }
            let left = QUIET.saturating_sub(self.since.elapsed());
            if left.is_zero() {
                return true;
            }
            if !sleep(host, left).await {
                return false;
            }
        }
    }
}

/// Takes in the next messages of a mailbox. Says up to which UID it is known now, and whether there may be more.
fn take_in(mailbox: &Arc<Mailbox>, limits: &Limits) -> Result<(u32, bool), FullTextError> {
    let uid_validity = mailbox.uid_validity();
    let known = match mailbox.account().with_full_text(false, |index| index.extent(uid_validity)) {
        Err(FullTextError::Absent) => 0,
        extent => extent?.last,
    };
    let Some(first) = known.checked_add(1).and_then(Uid::new) else { return Ok((known, false)) };
    let mut rows = Vec::new();
    mailbox.rows(first, Uid::LAST, BATCH_MESSAGES_MAX, &mut rows);
    if rows.len() < MESSAGES_MIN {
        // Nothing to do until more have come, however many UIDs are in between.
        let last = mailbox.status().uid_next.saturating_sub(1 + rows.len() as u32);
        return Ok((last.max(known), false));
    }
    let texts = texts(mailbox, &rows, limits);
    let Some(last) = texts.last().map(|text| text.uid) else { return Ok((known, false)) };
    debug!(messages = texts.len(), "taken into the full-text index");
    let more = rows.len() - texts.len() >= MESSAGES_MIN || rows.len() == BATCH_MESSAGES_MAX;
    let generations = if more { None } else { mailbox.account().generations_in_use().ok() };
    mailbox.account().with_full_text(true, |index| {
        index.add(uid_validity, &texts, last)?;
        let Some(generations) = generations else { return Ok(()) };
        index.retain(uid_validity, &mut |uid| Uid::new(uid).is_some_and(|uid| mailbox.row(uid).is_some()))?;
        index.retain_mailboxes(&generations)
    })?;
    Ok((last.get(), more))
}

/// The texts of these messages, as many as fit a batch.
fn texts(mailbox: &Arc<Mailbox>, rows: &[Row], limits: &Limits) -> Vec<Text> {
    let (mut texts, mut bytes) = (Vec::with_capacity(rows.len()), 0);
    for row in rows {
        let places = match places(mailbox, row.uid, limits) {
            Ok(places) => places,
            Err(error) => {
                debug!(%error, "a message is left out of the full-text index");
                None
            }
        };
        bytes += places.as_ref().map_or(0, |places| places.header.len() + places.body.len());
        texts.push(Text { uid: row.uid, places });
        if bytes >= BATCH_BYTES_MAX {
            break;
        }
    }
    texts
}

fn places(mailbox: &Arc<Mailbox>, uid: Uid, limits: &Limits) -> Result<Option<Places>, StoreError> {
    let digest = digest::of_message(mailbox, uid, limits)?;
    let Ok(root) = DigestView::parse(&digest).and_then(|view| view.structure()) else { return Ok(None) };
    let file = mailbox.open_message(uid)?;
    let text = MessageText::read(&root, TEXT_BYTES_MAX, |to, at| file.read_at(to, at))?;
    Ok(text.map(|MessageText { header, body }| Places { header, body }))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
