use super::data::{astring, mailbox_name, number};
use types::{MailboxName, Quota, Usage};

/// `STORAGE` counts in these (RFC 9208 section 5.1).
const UNIT_BYTES: u64 = 1024;

/// Appends `* QUOTA ...`: what is limited, with its use (RFC 9208 section 4.2.1).
pub fn quota(out: &mut Vec<u8>, root: &str, quota: Quota, used: Usage) {
    out.extend_from_slice(b"* QUOTA ");
    astring(out, root.as_bytes());
    let storage =
        quota.storage.map(|limit| ("STORAGE", used.bytes.div_ceil(UNIT_BYTES), limit.0 / UNIT_BYTES));
    let messages = quota.messages.map(|limit| ("MESSAGE", used.messages, limit));
    out.extend_from_slice(b" (");
    for (index, (resource, used, limit)) in storage.into_iter().chain(messages).enumerate() {
        out.extend_from_slice(if index == 0 { b"" } else { b" " });
        out.extend_from_slice(resource.as_bytes());
        out.push(b' ');
        number(out, used);
        out.push(b' ');
        number(out, limit);
    }
    out.extend_from_slice(b")\r\n");
}

/// Appends `* QUOTAROOT ...` (RFC 9208 section 4.2.2).
pub fn quotaroot(out: &mut Vec<u8>, name: &MailboxName, utf8: bool, root: &str) {
    out.extend_from_slice(b"* QUOTAROOT ");
    mailbox_name(out, name, utf8);
    out.push(b' ');
    astring(out, root.as_bytes());
    out.extend_from_slice(b"\r\n");
}
