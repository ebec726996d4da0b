use super::address;
use super::fields::{Field, MessageFields};
use super::imap_string::{write_nstring, write_readable, write_unfolded};

/// Appends the ENVELOPE of a message with its parentheses (RFC 9051 section 7.5.2).
pub(super) fn write(fields: &MessageFields, out: &mut Vec<u8>) {
    out.push(b'(');
    write_plain(fields.text(Field::Date), out);
    out.push(b' ');
    match fields.text(Field::Subject) {
        Some(subject) => write_readable(subject, out),
        None => write_nstring(None, out),
    }
    out.push(b' ');
    let from_start = out.len();
    address::write_imap(fields.addresses(Field::From), out);
    let from_end = out.len();
    for field in [Field::Sender, Field::ReplyTo] {
        out.push(b' ');
        let start = out.len();
        address::write_imap(fields.addresses(field), out);
        // Missing or empty, both default to From.
        if &out[start..] == b"NIL" {
            out.truncate(start);
            out.extend_from_within(from_start..from_end);
        }
    }
    for field in [Field::To, Field::Cc, Field::Bcc] {
        out.push(b' ');
        address::write_imap(fields.addresses(field), out);
    }
    for field in [Field::InReplyTo, Field::MessageId] {
        out.push(b' ');
        write_plain(fields.text(field), out);
    }
    out.push(b')');
}

fn write_plain(value: Option<&[u8]>, out: &mut Vec<u8>) {
    match value {
        Some(value) => write_unfolded(value, out),
        None => write_nstring(None, out),
    }
}
