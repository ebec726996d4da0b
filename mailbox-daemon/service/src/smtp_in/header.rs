use policy::rewrite_from::Author;
use policy::submission::HeaderFacts;
use proto::mime::address::{AUTHORS_BYTES_MAX, Mailbox, mailboxes};
use proto::mime::encoded_word::decoded;
use proto::smtp::header::{Field, fields};
use types::Address;

/// What a header says, as far as `policy::submission` wants to know.
pub(super) fn facts(header: &[u8]) -> HeaderFacts {
    let mut facts = HeaderFacts::default();
    for field in every_field(header) {
        let is = |name: &str| field.name.eq_ignore_ascii_case(name.as_bytes());
        if is("From") {
            facts.from_fields += 1;
            facts.from.extend(addresses(field.value));
        } else if is("Sender") {
            facts.sender_fields += 1;
            facts.sender.extend(addresses(field.value));
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

/// The fields of a header. A line that is none does not hide those behind it: others may read them.
fn every_field(header: &[u8]) -> impl Iterator<Item = Field<'_>> {
    let mut rest = header;
    std::iter::from_fn(move || {
        while !rest.is_empty() {
            let mut fields = fields(rest);
            let field = fields.next();
            rest = if field.is_some() { fields.rest() } else { behind_line(rest) };
            if field.is_some() {
                return field;
            }
        }
        None
    })
}

/// The first author a `From:` names.
pub(crate) fn author(from: &[u8]) -> Option<Author> {
    let mailbox = mailboxes(from).into_iter().next()?;
    Some(Author { address: address(&mailbox)?, name: mailbox.name.map(|name| decoded(&name)) })
}

fn addresses(value: &[u8]) -> Vec<Option<Address>> {
    match value.len() <= AUTHORS_BYTES_MAX {
        true => mailboxes(value).iter().map(address).collect(),
        false => vec![None],
    }
}

fn address(mailbox: &Mailbox) -> Option<Address> {
    let local = std::str::from_utf8(&mailbox.local).ok()?;
    let domain = std::str::from_utf8(&mailbox.domain).ok()?;
    let quoted = || format!("\"{}\"@{domain}", local.replace('\\', "\\\\").replace('"', "\\\""));
    Address::parse(&format!("{local}@{domain}")).or_else(|_| Address::parse(&quoted())).ok()
}

/// The parts of a header that are kept, as few and as long as can be. A line that is no field is kept and does not hide the
/// fields behind it: others may read them.
pub(super) fn kept<'a>(
    header: &'a [u8],
    is_left_out: &dyn Fn(&Field<'_>) -> bool,
) -> impl Iterator<Item = &'a [u8]> {
    let mut rest = header;
    std::iter::from_fn(move || {
        let part = rest;
        let mut kept_bytes = 0;
        while !rest.is_empty() {
            let mut fields = fields(rest);
            let (is_left_out, after) = match fields.next() {
                Some(field) => (is_left_out(&field), fields.rest()),
                None => (false, behind_line(rest)),
            };
            rest = after;
            if is_left_out {
                break;
            }
            kept_bytes = part.len() - rest.len();
        }
        (!part.is_empty()).then(|| &part[..kept_bytes])
    })
}

fn behind_line(text: &[u8]) -> &[u8] {
    let end = text.iter().position(|byte| *byte == b'\n').map_or(text.len(), |newline| newline + 1);
    &text[end..]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn facts_are_found() {
        let header =
            b"Received: a\r\nreceived: b\r\nFrom: Ana <ana@home.test>,\r\n \"a b\"@home.test\r\nsender: ana@home.test\r\nDATE: x\r\n";
        let facts = facts(header);
        assert_eq!((facts.received_fields, facts.from_fields), (2, 1));
        assert_eq!((facts.sender_fields, facts.sender.len()), (1, 1));
        assert_eq!((facts.has_date, facts.has_message_id), (true, false));
        let names: Vec<_> = facts.from.iter().flatten().map(ToString::to_string).collect();
        assert_eq!(names, ["ana@home.test", "\"a b\"@home.test"]);
        assert_eq!(super::facts(b"From: nobody\r\n").from, [None]);
        let endless =
            super::facts(format!("From: {}\r\n", "a@b.test,".repeat(AUTHORS_BYTES_MAX / 9 + 1)).as_bytes());
        assert_eq!(endless.from, [None]);
        let hidden = super::facts(b"From: ana@home.test\r\nno field\r\n x\r\nFrom: ben@home.test\r\n");
        assert_eq!((hidden.from_fields, hidden.from.len()), (2, 2));
    }

    #[test]
    fn fields_left_out_leave_the_rest_in_place() {
        let kept = |header| super::kept(header, &|field| field.name.starts_with(b"X")).collect::<Vec<_>>();
        let header = b"A: 1\r\nX: x@y,\r\n z@y\r\nB: 2\r\nX-y: <>\r\nC: 3\r\n";
        assert_eq!(kept(header), [&b"A: 1\r\n"[..], b"B: 2\r\n", b"C: 3\r\n"]);
        assert_eq!(kept(b"A: 1\r\nB: 2\r\n"), [b"A: 1\r\nB: 2\r\n"]);
        assert_eq!(kept(b"X: 1\r\nX: 2\r\nA: 1\r\n").concat(), b"A: 1\r\n");
        assert_eq!(kept(b"A: 1\r\nno field\r\nX: 2\r\nB: 1").concat(), b"A: 1\r\nno field\r\nB: 1");
        assert_eq!(kept(b""), [b""; 0]);
    }
}
