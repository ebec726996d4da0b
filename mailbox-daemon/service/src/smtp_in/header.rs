use policy::submission::{HeaderFacts, is_dropped_field};
use proto::mime::address::{Mailbox, mailboxes};
use proto::smtp::header::fields;
use types::Address;

/// What a header says, as far as `policy::submission` wants to know.
pub(super) fn facts(header: &[u8]) -> HeaderFacts {
    let mut facts = HeaderFacts::default();
    for field in fields(header) {
        let is = |name: &str| field.name.eq_ignore_ascii_case(name.as_bytes());
        if is("From") {
            facts.from_fields += 1;
            facts.from.extend(mailboxes(field.value).iter().map(address));
        } else if is("Date") {
            facts.has_date = true;
        } else if is("Message-ID") {
            facts.has_message_id = true;
        } else if is("Received") {
            facts.received_fields += 1;
        }
    }
    facts
}

fn address(mailbox: &Mailbox) -> Option<Address> {
    let local = std::str::from_utf8(&mailbox.local).ok()?;
    let domain = std::str::from_utf8(&mailbox.domain).ok()?;
    let quoted = || format!("\"{}\"@{domain}", local.replace('\\', "\\\\").replace('"', "\\\""));
    Address::parse(&format!("{local}@{domain}")).or_else(|_| Address::parse(&quoted())).ok()
}

/// The parts of a header that are kept, as few and as long as can be.
pub(super) fn kept(header: &[u8], is_submission: bool) -> Vec<&[u8]> {
    let mut parts = Vec::new();
    let (mut start, mut position) = (0, 0);
    for field in fields(header) {
        let end = position + field.raw.len();
        if is_dropped_field(field.name, is_submission) {
            parts.push(&header[start..position]);
            start = end;
        }
        position = end;
    }
    parts.push(&header[start..]);
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn facts_are_found() {
        let header =
            b"Received: a\r\nreceived: b\r\nFrom: Ana <ana@home.test>,\r\n \"a b\"@home.test\r\nDATE: x\r\n";
        let facts = facts(header);
        assert_eq!((facts.received_fields, facts.from_fields), (2, 1));
        assert_eq!((facts.has_date, facts.has_message_id), (true, false));
        let names: Vec<_> = facts.from.iter().flatten().map(ToString::to_string).collect();
        assert_eq!(names, ["ana@home.test", "\"a b\"@home.test"]);
        assert_eq!(super::facts(b"From: nobody\r\n").from, [None]);
    }

    #[test]
    fn dropped_fields_leave_the_rest_in_place() {
        let header = b"A: 1\r\nBcc: x@y,\r\n z@y\r\nB: 2\r\nreturn-path: <>\r\nC: 3\r\n";
        assert_eq!(kept(header, true).concat(), b"A: 1\r\nB: 2\r\nC: 3\r\n");
        assert_eq!(kept(header, false), [&b"A: 1\r\nBcc: x@y,\r\n z@y\r\nB: 2\r\n"[..], &b"C: 3\r\n"[..]]);
        assert_eq!(kept(b"A: 1\r\n\r\n", true), [b"A: 1\r\n\r\n"]);
    }
}
