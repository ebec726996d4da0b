//! IMAP URLs of messages and their parts, as CATENATE takes them (RFC 5092, RFC 4469 section 3).

use super::command::{Partial, Section, SectionText};
use super::parse::{self, Dialect};
use types::{MailboxName, Uid};

/// A URL that names octets of one message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MessageUrl {
    /// `imap://user@host`; without it the session's own.
    pub server: Option<UrlServer>,
    /// The mailbox.
    pub mailbox: UrlMailbox,
    /// The generation the UID is of; any when missing.
    pub uid_validity: Option<u32>,
    /// The message.
    pub uid: Uid,
    /// Which of its octets; all of them when the URL does not say.
    pub section: Section,
    /// A slice of those.
    pub partial: Option<Partial>,
}

/// `iserver` of RFC 5092, without its port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UrlServer {
    /// Whose mail.
    pub user: Option<String>,
    /// Whose server.
    pub host: String,
}

/// A mailbox as a URL names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UrlMailbox {
    /// The open one: the URL begins behind it.
    Open,
    /// By its whole name.
    Named(String),
    /// Beside the open one; by its whole name where none is open (RFC 3986 section 5.2.3).
    Beside(String),
}

impl UrlMailbox {
    /// The mailbox's name, given the open one's; `None` when there is none such.
    pub fn resolve(&self, open: Option<&MailboxName>) -> Option<MailboxName> {
        match self {
            UrlMailbox::Open => open.cloned(),
            UrlMailbox::Named(name) => MailboxName::parse(name).ok(),
            UrlMailbox::Beside(name) => match open.and_then(MailboxName::parent) {
                Some(parent) => MailboxName::parse(&format!("{parent}/{name}")).ok(),
                None => MailboxName::parse(name).ok(),
            },
        }
    }
}

impl MessageUrl {
    /// Reads a URL, relative or absolute; `None` for one that names no message. URLAUTH is not known, so such a URL is none either.
    pub fn parse(url: &str, dialect: &Dialect<'_>) -> Option<MessageUrl> {
        let (server, path) = match url.get(..7).filter(|scheme| scheme.eq_ignore_ascii_case("imap://")) {
            Some(_) => absolute(&url[7..])?,
            None => (None, url),
        };
        let at = find(path, ";UID=")?;
        let (mailbox, uid_validity) = mailbox(&path[..at])?;
        let mut message = MessageUrl {
            server,
            mailbox,
            uid_validity,
            uid: Uid::FIRST,
            section: Section { part: Vec::new(), text: SectionText::Whole },
            partial: None,
        };
        let mut pieces = path[at + 5..].split("/;");
        message.uid = Uid::new(number(pieces.next()?.trim_end_matches('/'))?)?;
        for piece in pieces {
            let (name, value) = piece.split_once('=')?;
            if name.eq_ignore_ascii_case("SECTION") && message.partial.is_none() {
                let section = decoded(value.trim_end_matches('/'))?;
                message.section = parse::section_alone(section.as_bytes(), dialect).ok()?;
            } else if name.eq_ignore_ascii_case("PARTIAL") {
                message.partial = Some(partial(value)?);
            } else {
                return None;
            }
        }
        Some(message)
    }
}

/// `[user[;AUTH=...]@]host[:port]` and the path behind.
fn absolute(url: &str) -> Option<(Option<UrlServer>, &str)> {
    let (server, path) = url.split_at(url.find('/')?);
    let (user, host) = match server.rsplit_once('@') {
        Some((user, host)) => (Some(user.split(';').next().unwrap_or_default()), host),
        None => (None, server),
    };
    let host = host.rsplit_once(':').map_or(host, |(host, _)| host);
    let user = user.filter(|user| !user.is_empty()).map(decoded);
    let user = match user {
        Some(user) => Some(user?),
        None => None,
    };
    Some((Some(UrlServer { user, host: decoded(host)? }), path))
}

/// What stands before `;UID=`: a name, with `;UIDVALIDITY=` or without.
fn mailbox(path: &str) -> Option<(UrlMailbox, Option<u32>)> {
    if path.is_empty() {
        return Some((UrlMailbox::Open, None));
    }
    let path = path.strip_suffix('/')?;
    let (name, uid_validity) = match find(path, ";UIDVALIDITY=") {
        Some(at) => (&path[..at], Some(number(&path[at + 13..])?)),
        None => (path, None),
    };
    let name = decoded(name)?;
    let mailbox = match name.strip_prefix('/') {
        Some(name) => UrlMailbox::Named(name.to_owned()),
        None => UrlMailbox::Beside(name),
    };
    Some((mailbox, uid_validity))
}

fn partial(value: &str) -> Option<Partial> {
    match value.split_once('.') {
        Some((first, count)) => Some(Partial { first: first.parse().ok()?, count: number(count)? }),
        None => Some(Partial { first: value.parse().ok()?, count: u32::MAX }),
    }
}

fn number(digits: &str) -> Option<u32> {
    let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| digits.parse().ok())?.filter(|number| *number > 0)
}

fn find(text: &str, word: &str) -> Option<usize> {
    text.to_ascii_uppercase().find(word)
}

/// Undoes percent encoding (RFC 3986 section 2.1).
fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        let byte = match byte {
            b'%' => {
                let mut digit = || char::from(rest.next()?).to_digit(16);
                (digit()? * 16 + digit()?) as u8
            }
            byte => byte,
        };
        bytes.push(byte);
    }
    String::from_utf8(bytes).ok().filter(|text| !text.contains('\0'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use types::Limits;

    fn parsed(url: &str) -> Option<MessageUrl> {
        let limits = Limits::default();
        MessageUrl::parse(url, &Dialect { limits: &limits, utf8_names: false, utf8_only: false })
    }

    fn whole(mailbox: UrlMailbox, uid_validity: Option<u32>, uid: u32) -> MessageUrl {
        let section = Section { part: Vec::new(), text: SectionText::Whole };
        let uid = Uid::new(uid).expect("not 0");
        MessageUrl { server: None, mailbox, uid_validity, uid, section, partial: None }
    }

    #[test]
    fn messages_are_named_relatively() {
        let drafts = || UrlMailbox::Named("Drafts".to_owned());
        assert_eq!(
            parsed("/Drafts;UIDVALIDITY=385759045/;UID=20"),
            Some(whole(drafts(), Some(385_759_045), 20))
        );
        assert_eq!(parsed("/Drafts/;uid=20/"), Some(whole(drafts(), None, 20)));
        assert_eq!(parsed(";UID=3"), Some(whole(UrlMailbox::Open, None, 3)));
        let beside = UrlMailbox::Beside("Gr\u{fc}n".to_owned());
        assert_eq!(parsed("Gr%C3%BCn/;UID=3"), Some(whole(beside, None, 3)));
    }

    #[test]
    fn sections_and_slices_belong_to_the_message() {
        let url = parsed("/A%2FB/;UID=20/;section=1.2.HEADER.FIELDS%20(to)/;PARTIAL=7.9").expect("a URL");
        assert_eq!(url.mailbox, UrlMailbox::Named("A/B".to_owned()));
        let names = vec!["to".to_owned()];
        assert_eq!(url.section.part, [1, 2]);
        assert_eq!(url.section.text, SectionText::HeaderFields { names, not: false });
        assert_eq!(url.partial, Some(Partial { first: 7, count: 9 }));
        let url = parsed("/A/;UID=20/;partial=100").expect("a URL");
        assert_eq!(url.partial, Some(Partial { first: 100, count: u32::MAX }));
    }

    #[test]
    fn a_server_may_stand_in_front() {
        let url = parsed("imap://ana%40home.test;AUTH=*@mail.home.test:143/INBOX/;UID=1").expect("a URL");
        let user = Some("ana@home.test".to_owned());
        assert_eq!(url.server, Some(UrlServer { user, host: "mail.home.test".to_owned() }));
        let url = parsed("imap://mail.home.test/INBOX/;UID=1").expect("a URL");
        assert_eq!(url.server.and_then(|server| server.user), None);
    }

    #[test]
    fn what_names_no_message_is_refused() {
        for url in [
            "",
            "/INBOX",
            "/INBOX/;UID=0",
            "/INBOX/;UID=x",
            "/INBOX/;UID=4294967296",
            "/INBOX;UIDVALIDITY=/;UID=1",
            "/INBOX;UID=1",
            "/INBOX/;UID=1/;SECTION=WHAT",
            "/INBOX/;UID=1/;PARTIAL=1.0",
            "/INBOX/;UID=1/;PARTIAL=1.1/;SECTION=1",
            "/INBOX/;UID=1;URLAUTH=anonymous:internal:0",
            "/IN%ZZ/;UID=1",
            "/IN%FF/;UID=1",
            "imap://mail.home.test",
            "http://mail.home.test/INBOX/;UID=1",
        ] {
            let other = parsed(url).filter(|url| !matches!(url.mailbox, UrlMailbox::Beside(_)));
            assert_eq!(other, None, "{url}");
        }
    }

    #[test]
    fn names_are_resolved_against_the_open_mailbox() {
        let open = MailboxName::parse("A/B").expect("valid");
        let name = |mailbox: &UrlMailbox, open| mailbox.resolve(open).map(|name| name.to_string());
        assert_eq!(name(&UrlMailbox::Open, Some(&open)).as_deref(), Some("A/B"));
        assert_eq!(name(&UrlMailbox::Open, None), None);
        let beside = UrlMailbox::Beside("C".to_owned());
        assert_eq!(name(&beside, Some(&open)).as_deref(), Some("A/C"));
        assert_eq!(name(&beside, None).as_deref(), Some("C"));
        assert_eq!(name(&UrlMailbox::Named("../x\n".to_owned()), None), None);
    }
}
