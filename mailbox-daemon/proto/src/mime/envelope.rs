use super::address;
use super::fields::{Field, MessageFields};
use super::imap_string::{write_nstring, write_readable, write_unfolded};

/// Appends the ENVELOPE of a message with its parentheses (RFC 9051 section 7.5.2).
pub(super) fn write(fields: &MessageFields, out: &mut Vec<u8>) {
    out.push(b'(');
    write_plain(fields.value(Field::Date), out);
    out.push(b' ');
    match fields.value(Field::Subject) {
        Some(subject) => write_readable(subject, out),
        None => write_nstring(None, out),
    }
    out.push(b' ');
    let from_start = out.len();
    write_addresses(fields.value(Field::From), out);
    let from_end = out.len();
    for field in [Field::Sender, Field::ReplyTo] {
        out.push(b' ');
        let start = out.len();
        write_addresses(fields.value(field), out);
        // Missing or empty, both default to From.
        if &out[start..] == b"NIL" {
            out.truncate(start);
            out.extend_from_within(from_start..from_end);
        }
    }
    for field in [Field::To, Field::Cc, Field::Bcc] {
        out.push(b' ');
        write_addresses(fields.value(field), out);
    }
    for field in [Field::InReplyTo, Field::MessageId] {
        out.push(b' ');
        write_plain(fields.value(field), out);
    }
    out.push(b')');
}

fn write_addresses(value: Option<&[u8]>, out: &mut Vec<u8>) {
    address::write_imap(&value.map(address::parse).unwrap_or_default(), out);
}

fn write_plain(value: Option<&[u8]>, out: &mut Vec<u8>) {
    match value {
        Some(value) => write_unfolded(value, out),
        None => write_nstring(None, out),
    }
}
