use super::data::{flag_list, mailbox_name, number, quoted, sequence_set};
use crate::imap::command::StatusItem;
use crate::imap::object_id::ObjectId;
use types::{Flags, Keyword, MailboxName, SeqNo, SequenceSet, SpecialUse};

/// One line of LIST or LSUB (RFC 9051 section 7.3.1).
#[derive(Clone, Debug)]
pub struct ListLine<'a> {
    /// The mailbox.
    pub name: &'a MailboxName,
    /// Whether it exists; else it is only a level above others, or subscribed and gone.
    pub exists: bool,
    /// Whether it has mailboxes below it; `None` is not told.
    pub has_children: Option<bool>,
    /// Whether `\Subscribed` is told.
    pub subscribed: bool,
    /// What it is for.
    pub special_use: Option<SpecialUse>,
    /// Whether a subscribed mailbox below it made it match (RFC 5258 section 3.5).
    pub child_subscribed: bool,
    /// Whether a plain LIST of IMAP4rev1 asked, whose clients know `\Noselect` and not `\NonExistent`.
    pub basic: bool,
}

/// Appends a LIST line.
pub fn list(out: &mut Vec<u8>, line: &ListLine<'_>, utf8: bool) {
    list_as(out, b"* LIST (", line, utf8);
}

/// Appends the LIST line of a mailbox that was called otherwise before (RFC 5465 section 5.4, RFC 9051 section 6.3.9.7).
pub fn list_renamed(out: &mut Vec<u8>, line: &ListLine<'_>, old_name: &MailboxName, utf8: bool) {
    list(out, line, utf8);
    out.truncate(out.len() - b"\r\n".len());
    out.extend_from_slice(b" (\"OLDNAME\" (");
    mailbox_name(out, old_name, utf8);
    out.extend_from_slice(b"))\r\n");
}

/// Appends the LIST line of a mailbox that may be seen but not read (RFC 5465 section 3.1).
pub fn list_no_access(out: &mut Vec<u8>, line: &ListLine<'_>, utf8: bool) {
    list_as(out, b"* LIST (\\NoAccess ", line, utf8);
}

fn list_as(out: &mut Vec<u8>, begin: &[u8], line: &ListLine<'_>, utf8: bool) {
    out.extend_from_slice(begin);
    let attributes_begin = out.len();
    let mut attribute = |present: bool, name: &str| {
        if present {
            out.extend_from_slice(name.as_bytes());
            out.push(b' ');
        }
    };
    attribute(line.subscribed, "\\Subscribed");
    attribute(!line.exists, if line.basic { "\\Noselect" } else { "\\NonExistent" });
    attribute(line.has_children == Some(true), "\\HasChildren");
    attribute(line.has_children == Some(false), "\\HasNoChildren");
    attribute(line.special_use.is_some(), line.special_use.map_or("", SpecialUse::attribute));
    if out.len() > attributes_begin {
        out.pop();
    }
    out.extend_from_slice(b") \"/\" ");
    mailbox_name(out, line.name, utf8);
    if line.child_subscribed {
        out.extend_from_slice(b" (\"CHILDINFO\" (\"SUBSCRIBED\"))");
    }
    out.extend_from_slice(b"\r\n");
}

/// Appends the answer to `LIST "" ""` (or LSUB): the separator.
pub fn list_separator(out: &mut Vec<u8>, command: &str) {
    out.extend_from_slice(b"* ");
    out.extend_from_slice(command.as_bytes());
    out.extend_from_slice(b" (\\Noselect) \"/\" \"\"\r\n");
}

/// Appends an LSUB line; `parent_only` marks a level whose mailboxes below are subscribed (RFC 3501 section 6.3.9).
pub fn lsub(out: &mut Vec<u8>, name: &MailboxName, parent_only: bool, utf8: bool) {
    out.extend_from_slice(if parent_only { b"* LSUB (\\Noselect) \"/\" " } else { b"* LSUB () \"/\" " });
    mailbox_name(out, name, utf8);
    out.extend_from_slice(b"\r\n");
}

/// Appends a STATUS line.
pub fn status(out: &mut Vec<u8>, name: &MailboxName, utf8: bool, items: &[(StatusItem, u64)]) {
    out.extend_from_slice(b"* STATUS ");
    mailbox_name(out, name, utf8);
    for (index, (item, value)) in items.iter().enumerate() {
        out.extend_from_slice(if index == 0 { b" (" } else { b" " });
        out.extend_from_slice(item.name().as_bytes());
        out.push(b' ');
        match item {
            StatusItem::MailboxId => {
                out.extend_from_slice(format!("({})", ObjectId::Mailbox(*value)).as_bytes());
            }
            _ => number(out, *value),
        }
    }
    out.extend_from_slice(b")\r\n");
}

/// Appends `* FLAGS (...)`.
pub fn flags(out: &mut Vec<u8>, keywords: &[Keyword]) {
    out.extend_from_slice(b"* FLAGS ");
    flag_list(out, Flags::SYSTEM, keywords, false);
    out.extend_from_slice(b"\r\n");
}

/// Appends `* n EXISTS`.
pub fn exists(out: &mut Vec<u8>, messages: u32) {
    counted(out, u64::from(messages), b" EXISTS\r\n");
}

/// Appends `* n RECENT`.
pub fn recent(out: &mut Vec<u8>, messages: u32) {
    counted(out, u64::from(messages), b" RECENT\r\n");
}

/// Appends `* n EXPUNGE`.
pub fn expunge(out: &mut Vec<u8>, seq: SeqNo) {
    counted(out, u64::from(seq), b" EXPUNGE\r\n");
}

/// Appends `* VANISHED ...`, `earlier` for messages that went before the mailbox was opened (RFC 7162 section 3.2.10).
pub fn vanished(out: &mut Vec<u8>, earlier: bool, uids: &SequenceSet) {
    out.extend_from_slice(if earlier { b"* VANISHED (EARLIER) " } else { b"* VANISHED " });
    sequence_set(out, uids);
    out.extend_from_slice(b"\r\n");
}

fn counted(out: &mut Vec<u8>, count: u64, rest: &[u8]) {
    out.extend_from_slice(b"* ");
    number(out, count);
    out.extend_from_slice(rest);
}

/// Appends `* ENABLED ...` (RFC 5161).
pub fn enabled(out: &mut Vec<u8>, names: &[&str]) {
    out.extend_from_slice(b"* ENABLED");
    for name in names {
        out.push(b' ');
        out.extend_from_slice(name.as_bytes());
    }
    out.extend_from_slice(b"\r\n");
}

/// Appends the namespaces: one's own, and the level above those of others (RFC 2342).
pub fn namespace(out: &mut Vec<u8>, other_users: &str) {
    out.extend_from_slice(b"* NAMESPACE ((\"\" \"/\")) ((");
    quoted(out, format!("{other_users}/").as_bytes());
    out.extend_from_slice(b" \"/\")) NIL\r\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_list() {
        let mut out = Vec::new();
        let name = SpecialUse::Sent.default_name();
        let line = ListLine {
            name: &name,
            exists: true,
            has_children: Some(false),
            subscribed: true,
            special_use: Some(SpecialUse::Sent),
            child_subscribed: false,
            basic: false,
        };
        list(&mut out, &line, false);
        list(
            &mut out,
            &ListLine {
                exists: false,
                has_children: None,
                special_use: None,
                subscribed: false,
                child_subscribed: true,
                ..line
            },
            false,
        );
        list(&mut out, &ListLine { exists: false, has_children: None, basic: true, ..line }, false);
        let expected = "* LIST (\\Subscribed \\HasNoChildren \\Sent) \"/\" Sent\r\n\
            * LIST (\\NonExistent) \"/\" Sent (\"CHILDINFO\" (\"SUBSCRIBED\"))\r\n\
            * LIST (\\Subscribed \\Noselect \\Sent) \"/\" Sent\r\n";
        assert_eq!(String::from_utf8(out).expect("ascii"), expected);
    }
}
