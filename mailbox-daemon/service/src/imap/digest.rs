use proto::mime::{DigestView, ScanLimits, Scanner};
use std::sync::Arc;
use store::{Mailbox, MessageFile, StoreError};
use types::{Limits, Uid};

/// Read at once while a message is scanned.
const READ_BYTES: usize = 64 * 1024;

/// What a message says: remembered, or found out now and remembered.
pub(crate) fn of_message(mailbox: &Arc<Mailbox>, uid: Uid, limits: &Limits) -> Result<Vec<u8>, StoreError> {
    if let Some(digest) = mailbox.digest(uid)?.filter(|digest| DigestView::parse(digest).is_ok()) {
        return Ok(digest);
    }
    let digest = scan(&mailbox.open_message(uid)?, limits)?;
    mailbox.put_digest(uid, &digest)?;
    Ok(digest)
}

fn scan(file: &MessageFile, limits: &Limits) -> Result<Vec<u8>, StoreError> {
    let mut scanner = Scanner::new(ScanLimits::from(limits));
    let mut buffer = vec![0; READ_BYTES.min(file.bytes() as usize + 1)];
    let mut offset = 0;
    loop {
        match file.read_at(&mut buffer, offset)? {
            0 => return Ok(scanner.finish().into_bytes()),
            count => {
                scanner.feed(&buffer[..count]);
                offset += count as u64;
            }
        }
    }
}
