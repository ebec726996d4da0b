//! Which command is allowed when (RFC 9051 section 3), and what was enabled.

use super::command::{CommandBody, FetchItem, StatusItem};

/// The state of a session.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum State {
    /// Nobody is logged in.
    #[default]
    NotAuthenticated,
    /// Somebody is, no mailbox is open.
    Authenticated,
    /// A mailbox is open.
    Selected {
        /// By EXAMINE.
        read_only: bool,
    },
    /// It ends.
    Logout,
}

/// What ENABLE turned on (RFC 5161).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Enabled {
    /// IMAP4rev2: mailbox names in UTF-8, ESEARCH answers, no RECENT.
    pub revision2: bool,
    /// CONDSTORE: changes are told with their modification sequences and UIDs (RFC 7162 section 3.1).
    pub condstore: bool,
    /// UIDONLY: messages are named by UID alone (RFC 9586).
    pub uid_only: bool,
    /// QRESYNC: VANISHED instead of EXPUNGE (RFC 7162 section 3.2.3). It comes with `condstore`.
    pub qresync: bool,
    /// UTF8=ACCEPT (RFC 6855): mailbox names in UTF-8.
    pub utf8_accept: bool,
}

impl Enabled {
    /// Turns a capability on; its name when that changed something.
    pub fn enable(&mut self, capability: &str) -> Option<&'static str> {
        match capability {
            "IMAP4REV2" if !self.revision2 => {
                self.revision2 = true;
                Some("IMAP4rev2")
            }
            "CONDSTORE" if !self.condstore => {
                self.condstore = true;
                Some("CONDSTORE")
            }
            "QRESYNC" if !self.qresync => {
                (self.condstore, self.qresync) = (true, true);
                Some("QRESYNC")
            }
            "UIDONLY" if !self.uid_only => {
                self.uid_only = true;
                Some("UIDONLY")
            }
            "UTF8=ACCEPT" if !self.utf8_accept => {
                self.utf8_accept = true;
                Some("UTF8=ACCEPT")
            }
            _ => None,
        }
    }

    /// Whether mailbox names are UTF-8 and not modified UTF-7.
    pub fn utf8_names(self) -> bool {
        self.revision2 || self.utf8_accept
    }

    /// Whether messages that went are told by UID.
    pub fn tells_vanished(self) -> bool {
        self.qresync || self.uid_only
    }
}

/// Whether the command names messages by sequence number, or would be answered with such (RFC 9586 section 3).
pub fn uses_sequence_numbers(body: &CommandBody) -> bool {
    match body {
        CommandBody::Copy(transfer) | CommandBody::Move(transfer) => !transfer.target.uid,
        CommandBody::Fetch(fetch) => !fetch.target.uid,
        CommandBody::Replace(replace) => !replace.target.uid,
        CommandBody::Search(search) => !search.uid || search.key.names_sequence_numbers(),
        CommandBody::Select { parameters, .. } => {
            parameters.resync.as_ref().is_some_and(|resync| resync.matched.is_some())
        }
        CommandBody::MultiSearch(search) => search.key.names_sequence_numbers(),
        CommandBody::Sort(sort) => !sort.uid || sort.key.names_sequence_numbers(),
        CommandBody::Store(store) => !store.target.uid,
        CommandBody::Thread(thread) => !thread.uid || thread.key.names_sequence_numbers(),
        _ => false,
    }
}

/// Whether EXPUNGE may be told while a command runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExpungeNews {
    /// Yes.
    Told,
    /// No: the client counts by sequence numbers just now (RFC 9051 section 7.5.1).
    Held,
}

impl State {
    /// Why the command is not allowed now; `Ok` when it is.
    pub fn allows(self, body: &CommandBody) -> Result<(), &'static str> {
        match (self, Phase::of(body)) {
            (State::Logout, _) => Err("the session is over"),
            (_, Phase::Any) => Ok(()),
            (State::NotAuthenticated, Phase::Before) => Ok(()),
            (State::NotAuthenticated, _) => Err("log in first"),
            (_, Phase::Before) => Err("you are logged in already"),
            (State::Selected { .. }, _) | (State::Authenticated, Phase::After) => Ok(()),
            (State::Authenticated, Phase::Selected) => Err("open a mailbox first (SELECT or EXAMINE)"),
        }
    }

    /// Whether a mailbox is open for reading only.
    pub fn is_read_only(self) -> bool {
        self == State::Selected { read_only: true }
    }
}

/// When in a session a command has its place.
enum Phase {
    Any,
    Before,
    After,
    Selected,
}

impl Phase {
    fn of(body: &CommandBody) -> Phase {
        match body {
            CommandBody::Capability | CommandBody::Id(_) | CommandBody::Logout | CommandBody::Noop => {
                Phase::Any
            }
            CommandBody::Authenticate { .. } | CommandBody::Login { .. } | CommandBody::StartTls => {
                Phase::Before
            }
            CommandBody::Append(_)
            | CommandBody::Compress
            | CommandBody::Create { .. }
            | CommandBody::Delete(_)
            | CommandBody::DeleteAcl(_)
            | CommandBody::Enable(_)
            | CommandBody::GetAcl(_)
            | CommandBody::GetMetadata(_)
            | CommandBody::GetQuota(_)
            | CommandBody::GetQuotaRoot(_)
            | CommandBody::Idle
            | CommandBody::List(_)
            | CommandBody::ListRights(_)
            | CommandBody::Lsub { .. }
            | CommandBody::MyRights(_)
            | CommandBody::MultiSearch(_)
            | CommandBody::Namespace
            | CommandBody::Notify(_)
            | CommandBody::Rename { .. }
            | CommandBody::Select { .. }
            | CommandBody::SetAcl(..)
            | CommandBody::SetMetadata(_)
            | CommandBody::Status { .. }
            | CommandBody::Subscribe(_)
            | CommandBody::Unauthenticate
            | CommandBody::Unsubscribe(_) => Phase::After,
            CommandBody::CancelUpdate(_)
            | CommandBody::Check
            | CommandBody::Close
            | CommandBody::Copy(_)
            | CommandBody::Expunge(_)
            | CommandBody::Fetch(_)
            | CommandBody::Move(_)
            | CommandBody::Replace(_)
            | CommandBody::Search(_)
            | CommandBody::Sort(_)
            | CommandBody::Store(_)
            | CommandBody::Thread(_)
            | CommandBody::Unselect => Phase::Selected,
        }
    }
}

/// Whether EXPUNGE may be told before this command's tagged answer.
pub fn expunge_news(body: &CommandBody) -> ExpungeNews {
    match body {
        // They are answered without numbers, and what they expunge themselves is told before they end.
        CommandBody::Copy(_)
        | CommandBody::Move(_)
        | CommandBody::Replace(_)
        | CommandBody::Select { .. } => ExpungeNews::Told,
        body if uses_sequence_numbers(body) => ExpungeNews::Held,
        _ => ExpungeNews::Told,
    }
}

/// Whether the command asks for modification sequences, which turns CONDSTORE on (RFC 7162 section 3.1). SELECT does so itself.
pub fn asks_for_modseqs(body: &CommandBody) -> bool {
    let asks = |items: &[StatusItem]| items.contains(&StatusItem::HighestModSeq);
    match body {
        CommandBody::Fetch(fetch) => {
            fetch.changed_since.is_some() || fetch.items.contains(&FetchItem::ModSeq)
        }
        CommandBody::List(list) => list.returns.status.as_deref().is_some_and(asks),
        CommandBody::Search(search) => search.key.names_modseq(),
        CommandBody::MultiSearch(search) => search.key.names_modseq(),
        CommandBody::Sort(sort) => sort.key.names_modseq(),
        CommandBody::Status { items, .. } => asks(items),
        CommandBody::Store(store) => store.unchanged_since.is_some(),
        CommandBody::Thread(thread) => thread.key.names_modseq(),
        _ => false,
    }
}

/// What decides which capabilities are told.
#[derive(Clone, Copy, Debug)]
pub struct Offer<'a> {
    /// Where the session is.
    pub state: State,
    /// Whether STARTTLS can be done now.
    pub starttls: bool,
    /// Whether passwords may be sent now.
    pub login: bool,
    /// Whether COMPRESS can be begun now.
    pub compress: bool,
    /// The SASL mechanisms offered now.
    pub mechanisms: &'a [&'a str],
    /// Octets of the largest message APPEND takes.
    pub append_bytes_max: u64,
    /// Where scripts are managed that IMAP events set off (RFC 6785 section 2.1).
    pub sieve_url: Option<&'a str>,
}

/// Everything spoken by a session that is logged in. The login-time ones are in [`capabilities`].
///
/// LITERAL+ and not LITERAL-: only one of them may be announced (RFC 7888 section 5), and a client that knows LITERAL- alone is served
/// by either, as it takes both words as leave to send what LITERAL- allows (section 3). Larger literals are thrown away as they come.
///
/// UTF8=ACCEPT: APPEND takes headers beyond ASCII from everybody, though RFC 6855 section 4 would have them refused to who did not enable
/// it: people bring old mail along, and refused it would be lost.
const EXTENSIONS: &str = "LITERAL+ SASL-IR ENABLE ID IDLE NAMESPACE UIDPLUS MOVE MULTIAPPEND UNSELECT SPECIAL-USE \
    CREATE-SPECIAL-USE LIST-EXTENDED LIST-STATUS ESEARCH SEARCHRES STATUS=SIZE CHILDREN WITHIN \
    SORT SORT=DISPLAY ESORT THREAD=ORDEREDSUBJECT THREAD=REFERENCES THREAD=REFS SEARCH=FUZZY I18NLEVEL=1 PARTIAL CONTEXT=SEARCH MULTISEARCH \
    UNAUTHENTICATE NOTIFY INPROGRESS \
    CONDSTORE QRESYNC UIDONLY SAVEDATE OBJECTID \
    ACL RIGHTS=texk LIST-MYRIGHTS METADATA LIST-METADATA QUOTA QUOTA=RES-STORAGE QUOTA=RES-MESSAGE \
    BINARY CATENATE REPLACE UTF8=ACCEPT PREVIEW";

/// The capability list (RFC 9051 section 7.2.2).
pub fn capabilities(offer: &Offer<'_>) -> String {
    let mut names = String::from("IMAP4rev1 IMAP4rev2 ");
    match offer.state {
        State::NotAuthenticated => {
            names.push_str("LITERAL+ SASL-IR ENABLE ID");
            for (present, name) in [(offer.starttls, " STARTTLS"), (!offer.login, " LOGINDISABLED")] {
                names.push_str(if present { name } else { "" });
            }
            for mechanism in offer.mechanisms {
                names.push_str(" AUTH=");
                names.push_str(mechanism);
            }
        }
        _ => {
            names.push_str(EXTENSIONS);
            names.push_str(if offer.compress { " COMPRESS=DEFLATE" } else { "" });
            names.push_str(" APPENDLIMIT=");
            names.push_str(&offer.append_bytes_max.to_string());
            if let Some(url) = offer.sieve_url {
                names.push_str(" IMAPSIEVE=");
                names.push_str(url);
            }
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_allow_what_the_rfc_says() {
        let selected = State::Selected { read_only: false };
        for (body, allowed) in [
            (CommandBody::Noop, [true, true, true, false]),
            (CommandBody::StartTls, [true, false, false, false]),
            (CommandBody::Namespace, [false, true, true, false]),
            (CommandBody::Close, [false, false, true, false]),
        ] {
            let states = [State::NotAuthenticated, State::Authenticated, selected, State::Logout];
            assert_eq!(states.map(|state| state.allows(&body).is_ok()), allowed, "{body:?}");
        }
    }

    #[test]
    fn numbers_hold_while_a_command_counts_by_them() {
        let limits = types::Limits::default();
        let dialect = crate::imap::Dialect { limits: &limits, utf8_names: false, utf8_only: false };
        for (command, expected) in [
            ("NOOP", ExpungeNews::Told),
            ("FETCH 1 UID", ExpungeNews::Held),
            ("UID FETCH 1 UID", ExpungeNews::Told),
            ("UID SEARCH NOT 1", ExpungeNews::Held),
            ("ESEARCH IN (personal) SEEN", ExpungeNews::Told),
            ("ESEARCH IN (selected) 1:3", ExpungeNews::Held),
            ("MOVE 1 Trash", ExpungeNews::Told),
        ] {
            let body = crate::imap::parse::command(format!("{command}\r\n").as_bytes(), &dialect);
            assert_eq!(body.map(|body| expunge_news(&body)), Ok(expected), "{command}");
        }
    }

    #[test]
    fn capabilities_tell_what_can_be_done_now() {
        let mut offer = Offer {
            state: State::NotAuthenticated,
            starttls: true,
            login: false,
            compress: true,
            mechanisms: &[],
            append_bytes_max: 1000,
            sieve_url: Some("sieve://mail.home.test"),
        };
        let names = capabilities(&offer);
        assert_eq!(names, "IMAP4rev1 IMAP4rev2 LITERAL+ SASL-IR ENABLE ID STARTTLS LOGINDISABLED");
        offer.state = State::Authenticated;
        assert!(capabilities(&offer).contains(" MOVE ") && !capabilities(&offer).contains("STARTTLS"));
        assert!(capabilities(&offer).contains(" COMPRESS=DEFLATE"));
        assert!(capabilities(&offer).ends_with(" IMAPSIEVE=sieve://mail.home.test"));
    }
}
