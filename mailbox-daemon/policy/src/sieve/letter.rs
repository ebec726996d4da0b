//! Messages a script writes: answers of vacation (RFC 5230 section 5) and notifications (RFC 5436 section 2.7).

use super::message::{Entity, Header};
use proto::mime::address::{self, Mailbox};
use proto::mime::encoded_word::{decoded, phrase};
use proto::mime::field_text::write_field;
use proto::mime::message_ids::MessageIds;
use std::borrow::Cow;
use types::{Address, AddressError, Domain, LocalPart};

/// Characters of a subject; what is longer is cut off, which an ellipsis shows.
pub const SUBJECT_CHARACTERS_MAX: usize = 256;
/// Messages a letter refers to: the first of a thread and the latest.
const REFERENCES_MAX: usize = 20;
/// Octets of one message's id.
const MESSAGE_ID_BYTES_MAX: usize = 500;
/// Authors a letter names.
const AUTHORS_MAX: usize = 8;

/// A message while it is written.
#[derive(Debug, Default)]
pub struct Letter {
    header: Vec<u8>,
}

impl Letter {
    /// Adds a field.
    pub fn field(&mut self, name: &str, text: &str) {
        self.header.extend_from_slice(&write_field(name, text));
    }

    /// Adds a field of free text, no longer than a subject.
    pub fn text_field(&mut self, name: &str, text: &str) {
        self.field(name, &short(text));
    }

    /// Adds what makes it an answer to another message (RFC 5322 section 3.6.4).
    pub fn answers(&mut self, header: &Header<'_>) {
        let Some(id) = ids(header, "Message-ID").into_iter().next() else { return };
        let mut thread = ids(header, "References");
        if thread.is_empty() {
            thread = ids(header, "In-Reply-To");
            thread.truncate(usize::from(thread.len() == 1));
        }
        thread.push(id.clone());
        if thread.len() > REFERENCES_MAX {
            thread.drain(1..=thread.len() - REFERENCES_MAX);
        }
        self.field("In-Reply-To", &id);
        self.field("References", &thread.join(" "));
    }

    /// The whole message.
    pub fn with(mut self, entity: Entity) -> Vec<u8> {
        self.field("MIME-Version", "1.0");
        let mut message = self.header;
        message.extend_from_slice(&entity.into_message());
        if !message.ends_with(b"\r\n") {
            message.extend_from_slice(b"\r\n");
        }
        message
    }
}

/// The authors of a `:from`, as a field has them; `None` if it is no mailbox-list (RFC 5322 section 3.6.2).
pub fn authors(from: &str) -> Option<(String, Vec<Address>)> {
    let mailboxes = address::mailboxes(from.as_bytes());
    let is_list = (1..=AUTHORS_MAX).contains(&mailboxes.len()) && !from.contains(char::is_control);
    if !is_list {
        return None;
    }
    let authors = mailboxes.iter().map(author).collect::<Option<Vec<_>>>()?;
    let (written, addresses): (Vec<_>, Vec<_>) = authors.into_iter().unzip();
    Some((written.join(", "), addresses))
}

fn author(mailbox: &Mailbox) -> Option<(String, Address)> {
    let address = address_of(mailbox).ok()?;
    let written = match mailbox.name.as_deref().map(decoded).filter(|name| !name.is_empty()) {
        Some(name) => format!("{} <{address}>", phrase(&short(&name))),
        None => address.to_string(),
    };
    address.local.is_ascii().then_some((written, address))
}

/// The address of a mailbox. A local part that is no dot-string, as some providers have them, is taken and quoted.
pub fn address_of(mailbox: &Mailbox) -> Result<Address, AddressError> {
    let local = str::from_utf8(&mailbox.local).map_err(|_| AddressError::BadLocal)?;
    let domain = str::from_utf8(&mailbox.domain).map_err(|_| AddressError::BadDomain)?;
    let quoted = format!("\"{}\"", local.replace('\\', "\\\\").replace('"', "\\\""));
    let local = LocalPart::parse(local).or_else(|_| LocalPart::parse(&quoted))?;
    match mailbox.valid {
        true => Ok(Address { local, domain: Domain::parse(domain)? }),
        false => Err(AddressError::NoAt),
    }
}

fn short(text: &str) -> Cow<'_, str> {
    if text.char_indices().nth(SUBJECT_CHARACTERS_MAX).is_none() {
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.chars().take(SUBJECT_CHARACTERS_MAX - 1).chain(['\u{2026}']).collect())
}

/// The ids in the first field of a name, with their brackets; those that would not read back are left out.
fn ids(header: &Header<'_>, name: &str) -> Vec<String> {
    let Some(field) = header.named(name).next() else { return Vec::new() };
    let value = proto::mime::header::unfold(field.value());
    let (mut rest, mut id, mut found) = (MessageIds::new(&value), Vec::new(), Vec::new());
    while rest.next_into(&mut id) {
        let is_fit = |octet: &u8| octet.is_ascii_graphic() && !b"<>()\"\\,;".contains(octet);
        if id.len() <= MESSAGE_ID_BYTES_MAX && id.iter().all(is_fit) {
            found.push(format!("<{}>", String::from_utf8_lossy(&id)));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(write: impl FnOnce(&mut Letter)) -> String {
        let mut letter = Letter::default();
        write(&mut letter);
        String::from_utf8(letter.header).unwrap()
    }

    #[test]
    fn fields_are_short_and_clean() {
        let letter = written(|letter| {
            letter.text_field("Subject", "Auto: a\r\nBcc: x@y.test\u{0}");
            letter.text_field("Subject", &format!("Grüße {}", "ä".repeat(400)));
        });
        assert!(letter.starts_with("Subject: Auto: a Bcc: x@y.test\r\nSubject: =?"), "{letter}");
        let header = Header::new(letter.as_bytes());
        let subject = header.named("subject").last().unwrap();
        let subject = str::from_utf8(subject.text()).unwrap();
        assert_eq!(subject.chars().count(), SUBJECT_CHARACTERS_MAX);
        assert!(subject.ends_with('\u{2026}'), "{subject}");
    }

    #[test]
    fn an_answer_names_its_thread() {
        let answer = |header: &str| {
            let letter = written(|letter| letter.answers(&Header::new(header.as_bytes())));
            let header = Header::new(letter.as_bytes());
            let value = |name: &str| {
                header.named(name).next().map(|field| String::from_utf8_lossy(field.text()).into_owned())
            };
            (value("In-Reply-To"), value("References"))
        };
        let is = |id: &str, thread: &str| (Some(id.to_owned()), Some(thread.to_owned()));
        assert_eq!(answer("Subject: x\r\n"), (None, None));
        assert_eq!(answer("Message-ID: <1@a>\r\n"), is("<1@a>", "<1@a>"));
        assert_eq!(
            answer("Message-ID: <3@a>\r\nReferences: <1@a>\r\n <2@a>\r\nIn-Reply-To: <x@y>\r\n"),
            is("<3@a>", "<1@a> <2@a> <3@a>")
        );
        assert_eq!(answer("Message-ID: <3@a>\r\nIn-Reply-To: <2@a>\r\n"), is("<3@a>", "<2@a> <3@a>"));
        assert_eq!(answer("Message-ID: <3@a>\r\nIn-Reply-To: <1@a> <2@a>\r\n"), is("<3@a>", "<3@a>"));
        assert_eq!(answer("Message-ID: <a\x01b@c>\r\n"), (None, None));
        let many: Vec<String> = (0..1000).map(|number| format!(" <{number}@a>")).collect();
        let (_, thread) = answer(&format!("Message-ID: <new@a>\r\nReferences:{}\r\n", many.concat()));
        let thread = thread.unwrap();
        assert!(thread.starts_with("<0@a>") && thread.ends_with("<999@a> <new@a>"), "{thread}");
        assert_eq!(thread.matches('<').count(), REFERENCES_MAX);
    }

    #[test]
    fn bodies_fit_through_mail() {
        let with = |entity| String::from_utf8(Letter::default().with(entity)).unwrap();
        assert!(with(Entity::body("one\ntwo\r\nthree")).ends_with("7bit\r\n\r\none\r\ntwo\r\nthree\r\n"));
        assert!(with(Entity::body("Bye\n-- \nBob")).ends_with("7bit\r\n\r\nBye\r\n-- \r\nBob\r\n"));
        assert!(with(Entity::body("Grüße")).ends_with("quoted-printable\r\n\r\nGr=C3=BC=C3=9Fe\r\n"));
        assert!(with(Entity::body(&"x".repeat(2000))).lines().all(|line| line.len() <= 78));
        let entity = "Content-Type: text/html\nSubject: forged\nContent-Language:\n en\n\n<p>x</p>";
        let expected =
            "MIME-Version: 1.0\r\nContent-Type: text/html\r\nContent-Language:\r\n en\r\n\r\n<p>x</p>\r\n";
        assert_eq!(with(Entity::parse(entity)), expected);
    }

    #[test]
    fn entities_have_headers_of_ascii() {
        for (entity, is_right) in [
            ("Content-Type: text/plain\n\nGrüße", true),
            ("\nno header", true),
            ("Content-Type: text/plain;\n charset=utf-8\n\n", true),
            ("I am away", false),
            ("Content-Description: Grüße\n\n", false),
            (" folded: what\n\n", false),
        ] {
            assert_eq!(Entity::parse(entity).fault().is_none(), is_right, "{entity}");
        }
    }

    #[test]
    fn authors_are_written_anew() {
        for (from, written) in [
            ("a@b.test", Some("a@b.test")),
            ("Ann <a@b.test>", Some("\"Ann\" <a@b.test>")),
            ("\"A, B\" <a@b.test>, c@d.test", Some("\"A, B\" <a@b.test>, c@d.test")),
            ("Jörg <j@b.test>", Some("=?utf-8?B?SsO2cmc=?= <j@b.test>")),
            ("nobody", None),
            ("", None),
            ("a@b.test\r\nBcc: c@d.test", None),
        ] {
            assert_eq!(authors(from).map(|(written, _)| written).as_deref(), written, "{from}");
        }
    }
}
