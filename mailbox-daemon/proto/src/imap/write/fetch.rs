use super::data::{astring, message_flags, number};
use crate::imap::command::{Partial, Section, SectionText};
use crate::imap::date;
use crate::imap::object_id::ObjectId;
use crate::imap::session::Enabled;
use types::{Flags, Keyword, ModSeq, SeqNo, Uid, UnixSeconds};

/// What an answer calls the message it is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MessageName {
    /// `* n FETCH`.
    Number(SeqNo),
    /// `* uid UIDFETCH` (RFC 9586).
    Uid(Uid),
}

impl MessageName {
    /// What a session that enabled this calls the message.
    pub fn new(enabled: Enabled, seq: SeqNo, uid: Uid) -> MessageName {
        match enabled.uid_only {
            true => MessageName::Uid(uid),
            false => MessageName::Number(seq),
        }
    }
}

/// Writes one `* n FETCH (...)` item by item.
#[derive(Debug)]
pub struct FetchWriter<'a> {
    /// Where it is written; items that stream write their octets here themselves.
    pub out: &'a mut Vec<u8>,
    first: bool,
}

impl<'a> FetchWriter<'a> {
    /// Begins the answer.
    pub fn begin(out: &'a mut Vec<u8>, message: MessageName) -> FetchWriter<'a> {
        out.extend_from_slice(b"* ");
        match message {
            MessageName::Number(seq) => {
                number(out, u64::from(seq));
                out.extend_from_slice(b" FETCH (");
            }
            MessageName::Uid(uid) => {
                number(out, u64::from(uid.get()));
                out.extend_from_slice(b" UIDFETCH (");
            }
        }
        FetchWriter { out, first: true }
    }

    /// Goes on with an answer that was begun before, after its output was sent.
    pub fn resume(out: &'a mut Vec<u8>, first: bool) -> FetchWriter<'a> {
        FetchWriter { out, first }
    }

    /// Whether no item was written yet.
    pub fn is_first(&self) -> bool {
        self.first
    }

    /// Ends the answer.
    pub fn end(self) {
        self.out.extend_from_slice(b")\r\n");
    }

    /// The item's name and the space before its value.
    pub fn name(&mut self, name: &str) {
        match self.first {
            true => self.first = false,
            false => self.out.push(b' '),
        }
        self.out.extend_from_slice(name.as_bytes());
        self.out.push(b' ');
    }

    /// UID.
    pub fn uid(&mut self, uid: Uid) {
        self.name("UID");
        number(self.out, u64::from(uid.get()));
    }

    /// FLAGS.
    pub fn flags(&mut self, flags: Flags, recent: bool, keywords: &[(usize, Keyword)]) {
        self.name("FLAGS");
        self.out.push(b'(');
        message_flags(self.out, flags, recent, keywords);
        self.out.push(b')');
    }

    /// INTERNALDATE.
    pub fn internal_date(&mut self, at: UnixSeconds) {
        self.name("INTERNALDATE");
        date::write_date_time(self.out, at);
    }

    /// SAVEDATE (RFC 8514 section 4.2).
    pub fn save_date(&mut self, at: UnixSeconds) {
        self.name("SAVEDATE");
        date::write_date_time(self.out, at);
    }

    /// EMAILID (RFC 8474 section 5.3).
    pub fn email_id(&mut self, content: u64) {
        self.name("EMAILID");
        self.out.extend_from_slice(format!("({})", ObjectId::Email(content)).as_bytes());
    }

    /// THREADID (RFC 8474 section 5.3): NIL for a message nothing is known of.
    pub fn thread_id(&mut self, thread: Option<u64>) {
        self.name("THREADID");
        match thread {
            Some(thread) => self.out.extend_from_slice(format!("({})", ObjectId::Thread(thread)).as_bytes()),
            None => self.out.extend_from_slice(b"NIL"),
        }
    }

    /// MODSEQ (RFC 7162 section 3.1.4.2).
    pub fn modseq(&mut self, modseq: ModSeq) {
        self.name("MODSEQ");
        self.out.push(b'(');
        number(self.out, modseq.0);
        self.out.push(b')');
    }

    /// RFC822.SIZE.
    pub fn rfc822_size(&mut self, bytes: u64) {
        self.name("RFC822.SIZE");
        number(self.out, bytes);
    }

    /// A value that is ready to be sent: ENVELOPE, BODY, BODYSTRUCTURE.
    pub fn prepared(&mut self, name: &str, value: &[u8]) {
        self.name(name);
        self.out.extend_from_slice(value);
    }

    /// `BODY[...]<first>` or its RFC822 name, and the space before the literal.
    pub fn body_name(&mut self, section: &Section, partial: Option<Partial>, rfc822_name: bool) {
        if rfc822_name {
            return self.name(match section.text {
                SectionText::Header => "RFC822.HEADER",
                SectionText::Text => "RFC822.TEXT",
                _ => "RFC822",
            });
        }
        self.name("BODY");
        self.out.pop();
        self.out.push(b'[');
        write_section(self.out, section);
        self.out.push(b']');
        self.origin(partial);
    }

    /// `BINARY[...]<first>` or `BINARY.SIZE[...]`, and the space before the value.
    pub fn binary_name(&mut self, name: &str, section: &Section, partial: Option<Partial>) {
        self.name(name);
        self.out.pop();
        self.out.push(b'[');
        write_section(self.out, section);
        self.out.push(b']');
        self.origin(partial);
    }

    fn origin(&mut self, partial: Option<Partial>) {
        if let Some(partial) = partial {
            self.out.push(b'<');
            number(self.out, u64::from(partial.first));
            self.out.push(b'>');
        }
        self.out.push(b' ');
    }

    /// `{n}` and its line end; the octets follow. `binary` makes it a `literal8`.
    pub fn literal(&mut self, bytes: u64, binary: bool) {
        self.out.extend_from_slice(if binary { b"~{" } else { b"{" });
        number(self.out, bytes);
        self.out.extend_from_slice(b"}\r\n");
    }

    /// NIL.
    pub fn nil(&mut self) {
        self.out.extend_from_slice(b"NIL");
    }
}

fn write_part(out: &mut Vec<u8>, part: &[u32]) {
    for (index, piece) in part.iter().enumerate() {
        if index > 0 {
            out.push(b'.');
        }
        number(out, u64::from(*piece));
    }
}

/// Appends what stands between the brackets of `BODY[...]`.
pub(super) fn write_section(out: &mut Vec<u8>, section: &Section) {
    write_part(out, &section.part);
    if !section.part.is_empty() && section.text != SectionText::Whole {
        out.push(b'.');
    }
    match &section.text {
        SectionText::Whole => {}
        SectionText::Header => out.extend_from_slice(b"HEADER"),
        SectionText::Mime => out.extend_from_slice(b"MIME"),
        SectionText::Text => out.extend_from_slice(b"TEXT"),
        SectionText::HeaderFields { names, not } => {
            out.extend_from_slice(if *not { b"HEADER.FIELDS.NOT (" } else { b"HEADER.FIELDS (" });
            for (index, name) in names.iter().enumerate() {
                if index > 0 {
                    out.push(b' ');
                }
                astring(out, name.as_bytes());
            }
            out.push(b')');
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_are_written_with_single_spaces() {
        let mut out = Vec::new();
        let mut fetch = FetchWriter::begin(&mut out, MessageName::Number(12));
        fetch.uid(Uid::FIRST);
        fetch.flags(Flags::NONE, false, &[]);
        fetch.modseq(ModSeq(7));
        fetch.rfc822_size(44);
        let section = Section { part: vec![1, 2], text: SectionText::Mime };
        fetch.body_name(&section, Some(Partial { first: 3, count: 9 }), false);
        fetch.literal(2, false);
        fetch.out.extend_from_slice(b"ab");
        let part = Section { part: vec![1], text: SectionText::Whole };
        fetch.binary_name("BINARY.SIZE", &part, None);
        fetch.nil();
        fetch.end();
        let expected = "* 12 FETCH (UID 1 FLAGS () MODSEQ (7) RFC822.SIZE 44 BODY[1.2.MIME]<3> {2}\r\nab BINARY.SIZE[1] NIL)\r\n";
        assert_eq!(String::from_utf8(out).expect("ascii"), expected);
    }
}
