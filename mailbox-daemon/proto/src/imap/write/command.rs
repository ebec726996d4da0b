//! Commands as a client writes them: the parser's inverse, for tests, tools and fuzzing.

use super::data::{astring, mailbox_name, quoted, sequence_set, string};
use super::fetch::write_section;
use crate::imap::acl::{AclSubject, RightsChange};
use crate::imap::command::{
    Append, AppendMessage, AppendPlace, AppendStep, BodyItem, Command, CommandBody, FetchItem, List, Literal,
    MailboxArgument, MessageSet, Partial, Section, SelectParameters, StatusItem, Store, StoreMode, Target,
};
use crate::imap::date;
use crate::imap::utf7;
use data_encoding::BASE64;
use types::{Flags, Keyword, SystemFlag};

/// Appends a command with its line end; APPEND ends with the announcement of its octets. Literals are of the non-synchronising
/// kind. A mailbox argument that names nothing is written as an empty string.
pub fn command(out: &mut Vec<u8>, command: &Command, utf8_names: bool) {
    out.extend_from_slice(command.tag.as_str().as_bytes());
    out.push(b' ');
    let begin = out.len();
    Writer { out, utf8_names }.body(&command.body);
    make_literals_plain_sailing(out, begin);
    out.extend_from_slice(b"\r\n");
}

/// `{n}` becomes `{n+}`: whoever writes a command in one piece cannot wait for `+`.
fn make_literals_plain_sailing(out: &mut Vec<u8>, begin: usize) {
    let mut rest = out.split_off(begin);
    let mut at = 0;
    while let Some(found) = memchr::memmem::find(&rest[at..], b"}\r\n") {
        let close = at + found;
        let open = memchr::memrchr(b'{', &rest[..close]);
        let digits =
            open.map(|open| &rest[open + 1..close]).and_then(|digits| std::str::from_utf8(digits).ok());
        match digits.and_then(|digits| digits.parse::<usize>().ok()) {
            Some(bytes) => {
                rest.insert(close, b'+');
                at = close + 4 + bytes;
            }
            None => at = close + 3,
        }
    }
    out.append(&mut rest);
}

pub(super) struct Writer<'a> {
    pub(super) out: &'a mut Vec<u8>,
    utf8_names: bool,
}

impl Writer<'_> {
    pub(super) fn put(&mut self, text: &str) {
        self.out.extend_from_slice(text.as_bytes());
    }

    fn body(&mut self, body: &CommandBody) {
        match body {
            CommandBody::Append(append) => {
                self.put("APPEND ");
                self.append(append);
            }
            CommandBody::Authenticate { mechanism, initial } => {
                self.put("AUTHENTICATE ");
                self.put(mechanism);
                match initial.as_deref() {
                    None => {}
                    Some(b"") => self.put(" ="),
                    Some(initial) => self.put(&format!(" {}", BASE64.encode(initial))),
                }
            }
            CommandBody::CancelUpdate(tags) => {
                self.put("CANCELUPDATE");
                for tag in tags {
                    self.put(" ");
                    quoted(self.out, tag.as_bytes());
                }
            }
            CommandBody::Capability => self.put("CAPABILITY"),
            CommandBody::Check => self.put("CHECK"),
            CommandBody::Close => self.put("CLOSE"),
            CommandBody::Compress => self.put("COMPRESS DEFLATE"),
            CommandBody::Copy(transfer) => {
                self.target("COPY ", &transfer.target);
                self.put(" ");
                self.mailbox(&transfer.mailbox);
            }
            CommandBody::Create { mailbox, special_use } => {
                self.put("CREATE ");
                self.mailbox(mailbox);
                let uses: Vec<&str> = special_use.iter().map(|special_use| special_use.attribute()).collect();
                if !uses.is_empty() {
                    self.put(&format!(" (USE ({}))", uses.join(" ")));
                }
            }
            CommandBody::Delete(mailbox) => self.with_mailbox("DELETE ", mailbox),
            CommandBody::DeleteAcl(subject) => self.acl_subject("DELETEACL ", subject),
            CommandBody::Enable(names) => {
                self.put("ENABLE ");
                self.put(&names.join(" "));
            }
            CommandBody::Expunge(None) => self.put("EXPUNGE"),
            CommandBody::Expunge(Some(set)) => {
                self.put("UID EXPUNGE ");
                self.set(set);
            }
            CommandBody::Fetch(fetch) => {
                self.target("FETCH ", &fetch.target);
                self.list(" (", &fetch.items, Self::fetch_item);
                self.fetch_modifiers(fetch);
            }
            CommandBody::GetAcl(mailbox) => self.with_mailbox("GETACL ", mailbox),
            CommandBody::GetMetadata(get) => self.getmetadata(get),
            CommandBody::GetQuota(root) => {
                self.put("GETQUOTA ");
                astring(self.out, root.as_bytes());
            }
            CommandBody::GetQuotaRoot(mailbox) => self.with_mailbox("GETQUOTAROOT ", mailbox),
            CommandBody::Id(pairs) if pairs.is_empty() => self.put("ID NIL"),
            CommandBody::Id(pairs) => {
                self.put("ID");
                self.list(" (", pairs, |writer, (name, value)| {
                    string(writer.out, name.as_bytes());
                    writer.put(" ");
                    super::nstring(writer.out, value.as_ref().map(String::as_bytes));
                });
            }
            CommandBody::Idle => self.put("IDLE"),
            CommandBody::List(list) => self.list_command(list),
            CommandBody::ListRights(subject) => self.acl_subject("LISTRIGHTS ", subject),
            CommandBody::Login { user, password } => {
                self.put("LOGIN ");
                astring(self.out, user.as_bytes());
                self.put(" ");
                astring(self.out, password.0.as_bytes());
            }
            CommandBody::Logout => self.put("LOGOUT"),
            CommandBody::Lsub { reference, pattern } => {
                self.put("LSUB ");
                self.pattern(reference);
                self.put(" ");
                self.pattern(pattern);
            }
            CommandBody::Move(transfer) => {
                self.target("MOVE ", &transfer.target);
                self.put(" ");
                self.mailbox(&transfer.mailbox);
            }
            CommandBody::MyRights(mailbox) => self.with_mailbox("MYRIGHTS ", mailbox),
            CommandBody::MultiSearch(search) => self.multisearch(search),
            CommandBody::Namespace => self.put("NAMESPACE"),
            CommandBody::Noop => self.put("NOOP"),
            CommandBody::Notify(set) => self.notify(set.as_ref()),
            CommandBody::Rename { from, to } => {
                self.with_mailbox("RENAME ", from);
                self.with_mailbox(" ", to);
            }
            CommandBody::Replace(replace) => {
                self.target("REPLACE ", &replace.target);
                self.put(" ");
                self.append(&replace.append);
            }
            CommandBody::Search(search) => self.search(search),
            CommandBody::Select { mailbox, read_only, parameters } => {
                self.with_mailbox(if *read_only { "EXAMINE " } else { "SELECT " }, mailbox);
                self.select_parameters(parameters);
            }
            CommandBody::SetAcl(subject, change) => {
                self.acl_subject("SETACL ", subject);
                let (sign, rights) = match change {
                    RightsChange::Add(rights) => ("+", rights),
                    RightsChange::Remove(rights) => ("-", rights),
                    RightsChange::Replace(rights) => ("", rights),
                };
                self.put(" ");
                quoted(self.out, format!("{sign}{rights}").as_bytes());
            }
            CommandBody::Sort(sort) => self.sort(sort),
            CommandBody::SetMetadata(set) => self.setmetadata(set),
            CommandBody::StartTls => self.put("STARTTLS"),
            CommandBody::Status { mailbox, items } => {
                self.with_mailbox("STATUS ", mailbox);
                self.status_items(items);
            }
            CommandBody::Store(store) => self.store(store),
            CommandBody::Subscribe(mailbox) => self.with_mailbox("SUBSCRIBE ", mailbox),
            CommandBody::Thread(thread) => self.thread(thread),
            CommandBody::Unauthenticate => self.put("UNAUTHENTICATE"),
            CommandBody::Unselect => self.put("UNSELECT"),
            CommandBody::Unsubscribe(mailbox) => self.with_mailbox("UNSUBSCRIBE ", mailbox),
        }
    }

    pub(super) fn list<T>(&mut self, begin: &str, items: &[T], mut write: impl FnMut(&mut Self, &T)) {
        self.put(begin);
        for (index, item) in items.iter().enumerate() {
            if index > 0 {
                self.put(" ");
            }
            write(self, item);
        }
        self.put(")");
    }

    pub(super) fn mailbox(&mut self, mailbox: &MailboxArgument) {
        match mailbox {
            Ok(name) => mailbox_name(self.out, name, self.utf8_names),
            Err(_) => self.put("\"\""),
        }
    }

    fn with_mailbox(&mut self, before: &str, mailbox: &MailboxArgument) {
        self.put(before);
        self.mailbox(mailbox);
    }

    fn acl_subject(&mut self, before: &str, subject: &AclSubject) {
        self.with_mailbox(before, &subject.mailbox);
        self.put(" ");
        astring(self.out, subject.identifier.as_bytes());
    }

    pub(super) fn set(&mut self, set: &MessageSet) {
        match set {
            MessageSet::Numbers(set) => sequence_set(self.out, set),
            MessageSet::Saved => self.put("$"),
        }
    }

    fn target(&mut self, name: &str, target: &Target) {
        self.put(if target.uid { "UID " } else { "" });
        self.put(name);
        self.set(&target.set);
    }

    fn flags(&mut self, flags: Flags, keywords: &[Keyword]) {
        let system = SystemFlag::ALL.into_iter().filter(|flag| flags.has(*flag)).map(SystemFlag::imap_name);
        let mut all: Vec<&str> = system.collect();
        all.extend(keywords.iter().map(Keyword::as_str));
        self.put(&format!(" ({})", all.join(" ")));
    }

    fn append(&mut self, append: &Append) {
        self.mailbox(&append.mailbox);
        let mut in_list = false;
        for step in &append.steps {
            if let AppendStep::Message(message) = step {
                self.put(if in_list { ")" } else { "" });
                in_list = false;
                self.append_message(message);
                continue;
            }
            let is_part = !matches!(step, AppendStep::Octets(_, AppendPlace { catenate: false, .. }));
            self.put(match (is_part, in_list) {
                (true, false) => " CATENATE (",
                _ => " ",
            });
            in_list |= is_part;
            match step {
                AppendStep::Octets(literal, place) => self.octets(*literal, *place),
                AppendStep::Url(url) => {
                    self.put("URL ");
                    astring(self.out, url.as_bytes());
                }
                AppendStep::Message(_) => {}
            }
        }
        let is_open = matches!(append.steps.last(), Some(AppendStep::Octets(..)));
        self.put(if in_list && !is_open { ")" } else { "" });
    }

    fn append_message(&mut self, message: &AppendMessage) {
        if !message.flags.is_empty() || !message.keywords.is_empty() {
            self.flags(message.flags, &message.keywords);
        }
        if let Some(at) = message.internal_date {
            self.put(" ");
            date::write_date_time(self.out, at);
        }
    }

    fn octets(&mut self, literal: Literal, place: AppendPlace) {
        self.put(match (place.utf8, place.catenate) {
            (true, _) => "UTF8 (",
            (false, true) => "TEXT ",
            (false, false) => "",
        });
        let tilde = if literal.binary { "~" } else { "" };
        let plus = if literal.synchronising { "" } else { "+" };
        self.put(&format!("{tilde}{{{}{plus}}}", literal.bytes));
    }

    fn store(&mut self, store: &Store) {
        self.target("STORE ", &store.target);
        if let Some(modseq) = store.unchanged_since {
            self.put(&format!(" (UNCHANGEDSINCE {})", modseq.0));
        }
        self.put(match store.mode {
            StoreMode::Add => " +FLAGS",
            StoreMode::Remove => " -FLAGS",
            StoreMode::Replace => " FLAGS",
        });
        self.put(if store.silent { ".SILENT" } else { "" });
        self.flags(store.flags, &store.keywords);
    }

    fn select_parameters(&mut self, parameters: &SelectParameters) {
        if *parameters == SelectParameters::default() {
            return;
        }
        self.put(if parameters.condstore { " (CONDSTORE" } else { " (" });
        if let Some(resync) = &parameters.resync {
            self.put(if parameters.condstore { " " } else { "" });
            self.put(&format!("QRESYNC ({} {}", resync.uid_validity, resync.modseq.0));
            if let Some(known) = &resync.known {
                self.put(&format!(" {known}"));
            }
            if let Some((numbers, uids)) = &resync.matched {
                self.put(&format!(" ({numbers} {uids})"));
            }
            self.put(")");
        }
        self.put(")");
    }

    pub(super) fn fetch_item(&mut self, item: &FetchItem) {
        match item {
            FetchItem::Binary { section, partial, peek } => {
                self.section(if *peek { "BINARY.PEEK[" } else { "BINARY[" }, section);
                self.partial(*partial);
            }
            FetchItem::BinarySize(section) => self.section("BINARY.SIZE[", section),
            FetchItem::Body(BodyItem { section, rfc822_name: true, .. }) => self.put(match section.text {
                crate::imap::command::SectionText::Header => "RFC822.HEADER",
                crate::imap::command::SectionText::Text => "RFC822.TEXT",
                _ => "RFC822",
            }),
            FetchItem::Body(item) => {
                self.section(if item.peek { "BODY.PEEK[" } else { "BODY[" }, &item.section);
                self.partial(item.partial);
            }
            FetchItem::BodyStructure(extended) => self.put(if *extended { "BODYSTRUCTURE" } else { "BODY" }),
            FetchItem::EmailId => self.put("EMAILID"),
            FetchItem::Envelope => self.put("ENVELOPE"),
            FetchItem::Flags => self.put("FLAGS"),
            FetchItem::InternalDate => self.put("INTERNALDATE"),
            FetchItem::ModSeq => self.put("MODSEQ"),
            FetchItem::Preview(lazy) => self.put(if *lazy { "PREVIEW (LAZY)" } else { "PREVIEW" }),
            FetchItem::Rfc822Size => self.put("RFC822.SIZE"),
            FetchItem::SaveDate => self.put("SAVEDATE"),
            FetchItem::ThreadId => self.put("THREADID"),
            FetchItem::Uid => self.put("UID"),
        }
    }

    fn section(&mut self, name: &str, section: &Section) {
        self.put(name);
        write_section(self.out, section);
        self.put("]");
    }

    fn partial(&mut self, partial: Option<Partial>) {
        if let Some(Partial { first, count }) = partial {
            self.put(&format!("<{first}.{count}>"));
        }
    }

    fn pattern(&mut self, pattern: &str) {
        let mut bytes = Vec::new();
        match self.utf8_names {
            true => bytes.extend_from_slice(pattern.as_bytes()),
            false => utf7::encode(pattern, &mut bytes),
        }
        match bytes.iter().any(u8::is_ascii_control) {
            true => string(self.out, &bytes),
            false => quoted(self.out, &bytes),
        }
    }

    fn list_command(&mut self, list: &List) {
        self.put("LIST ");
        if list.extended {
            let selection = list.selection;
            self.words(&[
                (selection.recursive_match, "RECURSIVEMATCH"),
                (selection.remote, "REMOTE"),
                (selection.special_use, "SPECIAL-USE"),
                (selection.subscribed, "SUBSCRIBED"),
            ]);
            self.put(") ");
        }
        self.pattern(&list.reference);
        match (list.extended, list.patterns.first()) {
            (false, Some(pattern)) => {
                self.put(" ");
                self.pattern(pattern);
            }
            _ => self.list(" (", &list.patterns, |writer, pattern| writer.pattern(pattern)),
        }
        if list.extended {
            self.put(" RETURN ");
            let returns = &list.returns;
            let mut told = self.words(&[
                (returns.children, "CHILDREN"),
                (returns.my_rights, "MYRIGHTS"),
                (returns.special_use, "SPECIAL-USE"),
                (returns.subscribed, "SUBSCRIBED"),
            ]);
            if let Some(entries) = &returns.metadata {
                self.put(if told { " METADATA" } else { "METADATA" });
                self.entries(entries);
                told = true;
            }
            if let Some(items) = &returns.status {
                self.put(if told { " STATUS" } else { "STATUS" });
                self.status_items(items);
            }
            self.put(")");
        }
    }

    /// An open parenthesis and the words that hold; whether there were any.
    pub(super) fn words(&mut self, words: &[(bool, &str)]) -> bool {
        let present: Vec<&str> =
            words.iter().filter(|(present, _)| *present).map(|(_, word)| *word).collect();
        self.put(&format!("({}", present.join(" ")));
        !present.is_empty()
    }

    fn status_items(&mut self, items: &[StatusItem]) {
        self.list(" (", items, |writer, item| writer.put(item.name()));
    }
}
