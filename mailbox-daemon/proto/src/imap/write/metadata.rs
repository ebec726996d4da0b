use super::command::Writer;
use super::data::{astring, mailbox_name, number, quoted, string};
use crate::imap::metadata::{Annotated, Depth, EntryName, GetMetadata, SetMetadata};
use types::MailboxName;

/// Appends `* METADATA ...` with values; without a name it is the server's (RFC 5464 section 4.4.1).
pub fn metadata(out: &mut Vec<u8>, name: Option<&MailboxName>, utf8: bool, values: &[(&str, Option<&[u8]>)]) {
    out.extend_from_slice(b"* METADATA ");
    match name {
        Some(name) => mailbox_name(out, name, utf8),
        None => quoted(out, b""),
    }
    for (index, (entry, value)) in values.iter().enumerate() {
        out.extend_from_slice(if index == 0 { b" (" } else { b" " });
        astring(out, entry.as_bytes());
        out.push(b' ');
        binary_nstring(out, *value);
    }
    out.extend_from_slice(b")\r\n");
}

/// Appends `* METADATA ...` with the names of annotations that changed (RFC 5464 section 4.4.2).
pub fn metadata_changed(out: &mut Vec<u8>, name: Option<&MailboxName>, utf8: bool, entries: &[&str]) {
    out.extend_from_slice(b"* METADATA ");
    match name {
        Some(name) => mailbox_name(out, name, utf8),
        None => quoted(out, b""),
    }
    for entry in entries {
        out.push(b' ');
        astring(out, entry.as_bytes());
    }
    out.extend_from_slice(b"\r\n");
}

/// `nstring`, or a `literal8` where there is a NUL.
fn binary_nstring(out: &mut Vec<u8>, value: Option<&[u8]>) {
    match value {
        None => out.extend_from_slice(b"NIL"),
        Some(value) if memchr::memchr(0, value).is_none() => string(out, value),
        Some(value) => {
            out.extend_from_slice(b"~{");
            number(out, value.len() as u64);
            out.extend_from_slice(b"}\r\n");
            out.extend_from_slice(value);
        }
    }
}

impl Writer<'_> {
    fn annotated(&mut self, of: &Annotated) {
        match of {
            Annotated::Mailbox(mailbox) => self.mailbox(mailbox),
            Annotated::Server => self.put("\"\""),
        }
    }

    pub(super) fn getmetadata(&mut self, get: &GetMetadata) {
        self.put("GETMETADATA ");
        let mut options = Vec::new();
        options.extend(get.value_bytes_max.map(|bytes| format!("MAXSIZE {bytes}")));
        match get.depth {
            Depth::Nothing => {}
            Depth::NextLevel => options.push("DEPTH 1".to_owned()),
            Depth::Everything => options.push("DEPTH infinity".to_owned()),
        }
        if !options.is_empty() {
            self.put(&format!("({}) ", options.join(" ")));
        }
        self.annotated(&get.of);
        self.entries(&get.entries);
    }

    pub(super) fn entries(&mut self, entries: &[EntryName]) {
        self.list(" (", entries, |writer, entry| astring(writer.out, entry.as_str().as_bytes()));
    }

    pub(super) fn setmetadata(&mut self, set: &SetMetadata) {
        self.put("SETMETADATA ");
        self.annotated(&set.of);
        self.list(" (", &set.values, |writer, (entry, value)| {
            astring(writer.out, entry.as_str().as_bytes());
            writer.put(" ");
            binary_nstring(writer.out, value.as_deref());
        });
    }
}
