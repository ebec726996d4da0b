//! Learns from what people do with their mail, while they go on.

use super::Deed;
use crate::backlog::Next;
use crate::host::Host;
use std::sync::Arc;
use store::StoreError;
use tracing::{debug, warn};

/// What is read of a message: what `Features` looks at, and the lines a delivery puts on top.
const READ_BYTES_MAX: u64 = 272 * 1024;

/// Learns until the daemon stops, and then what still waits.
pub(crate) async fn run(host: Arc<Host>) {
    // Read now, not with the first mail.
    crate::disk(|| host.spam.with(|_| ()));
    loop {
        while let Some(next) = host.deeds.next() {
            learn(&host, &next);
            tokio::task::yield_now().await;
        }
        tokio::select! {
            biased;
            () = host.deeds.noted() => {}
            () = host.stop.stopping() => return,
        }
    }
}

fn learn(host: &Host, next: &Next<Deed>) {
    let learnt = crate::disk(|| {
        let message = read(next)?;
        host.spam.message(next.deed.learner, next.deed.lesson, &message)
    });
    let (mailbox, uid) = (next.mailbox.name(), next.uid);
    match learnt {
        Ok(is_news) => debug!(%mailbox, %uid, lesson = ?next.deed.lesson, is_news, "learnt from a message"),
        Err(StoreError::NoSuchMessage) => {
            debug!(%mailbox, %uid, "a message is gone before anything was learnt from it");
        }
        Err(error) => warn!(%mailbox, %uid, %error, "nothing was learnt from a message"),
    }
}

/// The beginning of a message. It is copied, not mapped: other programs may cut files in a mailbox.
fn read(next: &Next<Deed>) -> Result<Vec<u8>, StoreError> {
    let file = next.mailbox.open_message(next.uid)?;
    let mut message = vec![0; file.bytes().min(READ_BYTES_MAX) as usize];
    file.read_at(&mut message, 0)?;
    Ok(message)
}
