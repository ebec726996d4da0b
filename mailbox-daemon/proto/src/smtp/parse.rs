//! Command lines to words (RFC 5321 section 4.1, RFC 3030, 3207, 3461, 4954, 6531). `write` is the inverse.

mod parameters;

pub use parameters::{decode_utf8_address, decode_xtext};

use parameters::{mail_parameters, pairs, parse_notify, parse_original};
use thiserror::Error;
use types::{Address, AddressError, DsnNotify, MailParameters, Recipient, ReversePath};

/// One command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// `AUTH` with the mechanism's name and the initial response still in base64.
    Auth {
        /// As the client spelled it.
        mechanism: String,
        /// `None` where nothing followed, empty for `=`.
        initial: Option<String>,
    },
    /// `BDAT`: this many octets follow (RFC 3030).
    Bdat {
        /// Octets of the chunk.
        bytes: u64,
        /// Whether it is the last.
        last: bool,
    },
    /// `DATA`.
    Data,
    /// `EHLO` and who the client says it is.
    Ehlo(String),
    /// `EXPN`.
    Expn,
    /// `HELO` and who the client says it is.
    Helo(String),
    /// `HELP`.
    Help,
    /// `MAIL FROM`.
    Mail(Mail),
    /// `NOOP`.
    Noop,
    /// `QUIT`.
    Quit,
    /// `RCPT TO`.
    Rcpt(Rcpt),
    /// `RSET`.
    Rset,
    /// `STARTTLS`.
    StartTls,
    /// `VRFY`.
    Vrfy,
}

/// `MAIL FROM`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mail {
    /// The sender; `None` for `<>`.
    pub from: ReversePath,
    /// The parameters.
    pub parameters: MailParameters,
}

/// `RCPT TO`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rcpt {
    /// To whom.
    pub to: ForwardPath,
    /// `NOTIFY=`.
    pub notify: Option<DsnNotify>,
    /// `ORCPT=` as `type;address`, decoded.
    pub original: Option<String>,
    /// Whether the path has characters beyond ASCII as it was spelled.
    pub is_international: bool,
}

/// What `RCPT TO` may name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ForwardPath {
    /// An address; a source route before it was dropped.
    Address(Address),
    /// `<Postmaster>`, the only name without a domain (RFC 5321 section 4.5.1).
    Postmaster,
}

/// Why a line is no command.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum CommandError {
    /// No such verb.
    #[error("unknown command")]
    Unknown,
    /// The verb is known and what follows it is wrong.
    #[error("syntax error in parameters")]
    Syntax,
    /// The sender's address is wrong.
    #[error("bad sender address: {0}")]
    Sender(AddressError),
    /// The recipient's address is wrong.
    #[error("bad recipient address: {0}")]
    Recipient(AddressError),
    /// A parameter of MAIL or RCPT nobody announced.
    #[error("unknown parameter")]
    UnknownParameter,
    /// An address beyond ASCII in a MAIL command without SMTPUTF8.
    #[error("an international address without SMTPUTF8")]
    NeedsSmtpUtf8,
}

/// Parses one line without its CRLF.
pub fn parse(line: &[u8]) -> Result<Command, CommandError> {
    let line = line.trim_ascii_end();
    let verb_end = line.iter().position(|byte| *byte == b' ').unwrap_or(line.len());
    let (verb, rest) = line.split_at(verb_end);
    let text = std::str::from_utf8(rest).map(str::trim_ascii);
    let verb_is = |name: &str| verb.eq_ignore_ascii_case(name.as_bytes());
    let known = VERBS.iter().find(|(name, _)| verb_is(name));
    let (_, parse_rest) = known.ok_or(CommandError::Unknown)?;
    parse_rest(text.map_err(|_| CommandError::Syntax)?)
}

type ParseRest = fn(&str) -> Result<Command, CommandError>;

/// The frequent ones first.
const VERBS: [(&str, ParseRest); 14] = [
    ("RCPT", parse_rcpt),
    ("MAIL", parse_mail),
    ("DATA", |rest| alone(rest, Command::Data)),
    ("BDAT", parse_bdat),
    ("EHLO", |rest| client_name(rest).map(Command::Ehlo)),
    ("RSET", |rest| alone(rest, Command::Rset)),
    ("QUIT", |rest| alone(rest, Command::Quit)),
    ("NOOP", |_| Ok(Command::Noop)),
    ("STARTTLS", |rest| alone(rest, Command::StartTls)),
    ("AUTH", parse_auth),
    ("HELO", |rest| client_name(rest).map(Command::Helo)),
    ("VRFY", |rest| if rest.is_empty() { Err(CommandError::Syntax) } else { Ok(Command::Vrfy) }),
    ("HELP", |_| Ok(Command::Help)),
    ("EXPN", |_| Ok(Command::Expn)),
];

fn alone(rest: &str, command: Command) -> Result<Command, CommandError> {
    if rest.is_empty() { Ok(command) } else { Err(CommandError::Syntax) }
}

/// Clients call themselves all sorts of things; any one word will do (RFC 5321 section 4.1.4).
fn client_name(rest: &str) -> Result<String, CommandError> {
    match (1..=255).contains(&rest.len()) && rest.bytes().all(|b| b.is_ascii_graphic()) {
        true => Ok(rest.to_owned()),
        false => Err(CommandError::Syntax),
    }
}

fn parse_bdat(rest: &str) -> Result<Command, CommandError> {
    let mut words = rest.split_ascii_whitespace();
    let digits = words.next().filter(|word| word.bytes().all(|b| b.is_ascii_digit()));
    let bytes = digits.and_then(|word| word.parse().ok()).ok_or(CommandError::Syntax)?;
    match (words.next(), words.next()) {
        (None, _) => Ok(Command::Bdat { bytes, last: false }),
        (Some(word), None) if word.eq_ignore_ascii_case("LAST") => Ok(Command::Bdat { bytes, last: true }),
        _ => Err(CommandError::Syntax),
    }
}

fn parse_auth(rest: &str) -> Result<Command, CommandError> {
    let mut words = rest.split_ascii_whitespace();
    let mechanism = words.next().ok_or(CommandError::Syntax)?.to_owned();
    let initial = words.next().map(|word| if word == "=" { String::new() } else { word.to_owned() });
    match words.next() {
        None => Ok(Command::Auth { mechanism, initial }),
        Some(_) => Err(CommandError::Syntax),
    }
}

fn parse_mail(rest: &str) -> Result<Command, CommandError> {
    let (path, parameters) = split_path(rest, "FROM:")?;
    let from = match path {
        "" => None,
        path => Some(parse_address(path).map_err(CommandError::Sender)?),
    };
    let mail = Mail { from, parameters: mail_parameters(parameters)? };
    match path.is_ascii() || mail.parameters.smtputf8 {
        true => Ok(Command::Mail(mail)),
        false => Err(CommandError::NeedsSmtpUtf8),
    }
}

fn parse_rcpt(rest: &str) -> Result<Command, CommandError> {
    let (path, parameters) = split_path(rest, "TO:")?;
    let to = match path.eq_ignore_ascii_case("postmaster") {
        true => ForwardPath::Postmaster,
        false => ForwardPath::Address(parse_address(path).map_err(CommandError::Recipient)?),
    };
    let mut rcpt = Rcpt { to, notify: None, original: None, is_international: !path.is_ascii() };
    for (name, value) in pairs(parameters)? {
        let value = value.ok_or(CommandError::Syntax);
        let is_new = match name.to_ascii_uppercase().as_str() {
            "NOTIFY" => rcpt.notify.replace(parse_notify(value?)?).is_none(),
            "ORCPT" => rcpt.original.replace(parse_original(value?)?).is_none(),
            _ => return Err(CommandError::UnknownParameter),
        };
        if !is_new {
            return Err(CommandError::Syntax);
        }
    }
    Ok(Command::Rcpt(rcpt))
}

/// Divides `FROM:<path> parameters`, giving what is inside the brackets. A `>` in a quoted local part does not close them.
fn split_path<'a>(rest: &'a str, keyword: &str) -> Result<(&'a str, &'a str), CommandError> {
    let head = rest.get(..keyword.len()).ok_or(CommandError::Syntax)?;
    let bracket = rest[head.len()..].trim_ascii_start();
    let inside = bracket.strip_prefix('<').ok_or(CommandError::Syntax)?;
    let (mut quoted, mut escaped) = (false, false);
    for (position, byte) in inside.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b'>' if !quoted => {
                let parameters = &inside[position + 1..];
                let fits = head.eq_ignore_ascii_case(keyword)
                    && (parameters.is_empty() || parameters.starts_with(' '));
                return if fits { Ok((&inside[..position], parameters)) } else { Err(CommandError::Syntax) };
            }
            _ => {}
        }
    }
    Err(CommandError::Syntax)
}

/// An address, after a source route that is accepted and ignored (RFC 5321 appendix C).
fn parse_address(path: &str) -> Result<Address, AddressError> {
    match path.strip_prefix('@') {
        None => Address::parse(path),
        Some(route) => {
            let (hops, address) = route.split_once(':').ok_or(AddressError::NoAt)?;
            for hop in hops.split(",@") {
                types::Domain::parse(hop)?;
            }
            Address::parse(address)
        }
    }
}

impl Rcpt {
    /// The recipient as the envelope keeps it; `<Postmaster>` is the one of `domain`.
    pub fn into_recipient(self, domain: &types::Domain) -> Recipient {
        let address = match self.to {
            ForwardPath::Address(address) => address,
            ForwardPath::Postmaster => Address {
                local: types::LocalPart::parse("postmaster").expect("a valid local part"),
                domain: domain.clone(),
            },
        };
        Recipient { address, notify: self.notify, original: self.original }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use types::{BodyType, DsnReturn};

    fn address(text: &str) -> Address {
        Address::parse(text).unwrap()
    }

    fn mail(line: &str) -> Result<Mail, CommandError> {
        match parse(line.as_bytes()) {
            Ok(Command::Mail(mail)) => Ok(mail),
            Ok(other) => panic!("{other:?}"),
            Err(error) => Err(error),
        }
    }

    fn rcpt(line: &str) -> Result<Rcpt, CommandError> {
        match parse(line.as_bytes()) {
            Ok(Command::Rcpt(rcpt)) => Ok(rcpt),
            Ok(other) => panic!("{other:?}"),
            Err(error) => Err(error),
        }
    }

    #[test]
    fn simple_commands() {
        for (line, command) in [
            ("QUIT", Ok(Command::Quit)),
            ("quit  ", Ok(Command::Quit)),
            ("QUIT now", Err(CommandError::Syntax)),
            ("NOOP anything", Ok(Command::Noop)),
            ("EHLO [127.0.0.1]", Ok(Command::Ehlo("[127.0.0.1]".to_owned()))),
            ("helo me", Ok(Command::Helo("me".to_owned()))),
            ("EHLO", Err(CommandError::Syntax)),
            ("EHLO a b", Err(CommandError::Syntax)),
            ("EHLO b\u{fc}cher", Err(CommandError::Syntax)),
            ("BDAT 86 LAST", Ok(Command::Bdat { bytes: 86, last: true })),
            ("bdat 0", Ok(Command::Bdat { bytes: 0, last: false })),
            ("BDAT +1", Err(CommandError::Syntax)),
            ("BDAT 99999999999999999999999", Err(CommandError::Syntax)),
            ("BDAT 1 FIRST", Err(CommandError::Syntax)),
            (
                "AUTH PLAIN =",
                Ok(Command::Auth { mechanism: "PLAIN".to_owned(), initial: Some(String::new()) }),
            ),
            ("AUTH login", Ok(Command::Auth { mechanism: "login".to_owned(), initial: None })),
            ("VRFY", Err(CommandError::Syntax)),
            ("VRFY ana", Ok(Command::Vrfy)),
            ("XYZZY", Err(CommandError::Unknown)),
            ("", Err(CommandError::Unknown)),
            (" QUIT", Err(CommandError::Unknown)),
        ] {
            assert_eq!(parse(line.as_bytes()), command, "{line}");
        }
        assert_eq!(parse(b"NOOP \xff"), Err(CommandError::Syntax));
        assert_eq!(parse(b"\xff"), Err(CommandError::Unknown));
    }

    #[test]
    fn paths() {
        for (path, expected) in [
            ("<a@b.test>", "a@b.test"),
            (" <a@b.test>", "a@b.test"),
            ("<@x.test,@y.test:a@b.test>", "a@b.test"),
            ("<\"a>b\"@b.test>", "\"a>b\"@b.test"),
            ("<\"a\\\">b\"@b.test>", "\"a\\\">b\"@b.test"),
            ("<a@[192.0.2.1]>", "a@[192.0.2.1]"),
            ("<a@[IPv6:2001:db8::1]>", "a@[ipv6:2001:db8::1]"),
        ] {
            assert_eq!(mail(&format!("MAIL FROM:{path}")).unwrap().from, Some(address(expected)), "{path}");
        }
        assert_eq!(mail("mail from:<>").unwrap().from, None);
        assert_eq!(rcpt("RCPT TO:<postMASTER>").unwrap().to, ForwardPath::Postmaster);
        for bad in ["a@b.test", "<a@b.test", "<a@b.test>x", "", "<\"a@b.test>"] {
            assert_eq!(mail(&format!("MAIL FROM:{bad}")), Err(CommandError::Syntax), "{bad}");
        }
        for bad in ["<a>", "<a b@c.test>", "<a@b..test>", "<@x.test a@b.test>", "<@:a@b.test>", "<a@>"] {
            assert!(matches!(mail(&format!("MAIL FROM:{bad}")), Err(CommandError::Sender(_))), "{bad}");
        }
        assert!(matches!(rcpt("RCPT TO:<>"), Err(CommandError::Recipient(_))));
        assert_eq!(mail("MAIL <a@b.test>"), Err(CommandError::Syntax));
        assert_eq!(mail("MAIL"), Err(CommandError::Syntax));
        assert_eq!(mail("MAIL FR\u{f6}M:<a@b.test>"), Err(CommandError::Syntax));
    }

    #[test]
    fn parameters_of_mail() {
        let line = "MAIL FROM:<a@b.test> size=1000 BODY=8bitmime SMTPUTF8 RET=HDRS ENVID=QQ+2B314 AUTH=<> RequireTLS";
        let parameters = mail(line).unwrap().parameters;
        assert_eq!(
            parameters,
            MailParameters {
                size_bytes: Some(1000),
                body: BodyType::EightBitMime,
                smtputf8: true,
                ret: Some(DsnReturn::Headers),
                envelope_id: Some("QQ+314".to_owned()),
                require_tls: true,
            }
        );
        for (parameter, error) in [
            ("SIZE", CommandError::Syntax),
            ("SIZE=x", CommandError::Syntax),
            ("SIZE=1 SIZE=1", CommandError::Syntax),
            ("BODY=7BIT BODY=7BIT", CommandError::Syntax),
            ("BODY=BINARYMIME", CommandError::UnknownParameter),
            ("SMTPUTF8=yes", CommandError::Syntax),
            ("REQUIRETLS=yes", CommandError::Syntax),
            ("REQUIRETLS REQUIRETLS", CommandError::Syntax),
            ("RET=ALL", CommandError::Syntax),
            ("ENVID=a+0Ab", CommandError::Syntax),
            ("ENVID=a+4", CommandError::Syntax),
            ("NOTIFY=NEVER", CommandError::UnknownParameter),
            ("=x", CommandError::Syntax),
            ("\u{fc}=x", CommandError::Syntax),
        ] {
            assert_eq!(mail(&format!("MAIL FROM:<> {parameter}")), Err(error), "{parameter}");
        }
        assert_eq!(
            mail("MAIL FROM:<> SIZE=99999999999999999999").unwrap().parameters.size_bytes,
            Some(u64::MAX)
        );
    }

    #[test]
    fn parameters_of_rcpt() {
        let line = "RCPT TO:<a@b.test> NOTIFY=success,Delay ORCPT=rfc822;a+2Bc@d";
        let found = rcpt(line).unwrap();
        assert_eq!(found.notify, Some(DsnNotify { success: true, failure: false, delay: true }));
        assert_eq!(found.original.as_deref(), Some("rfc822;a+c@d"));
        for (original, decoded) in
            [("utf-8;j\\x{FC}rgen@d", "utf-8;j\u{fc}rgen@d"), ("UTF-8;j\u{fc}rgen@d", "UTF-8;j\u{fc}rgen@d")]
        {
            let line = format!("RCPT TO:<a@b.test> ORCPT={original}");
            assert_eq!(rcpt(&line).unwrap().original.as_deref(), Some(decoded));
        }
        for bad in [
            "NOTIFY=NEVER,DELAY",
            "NOTIFY=",
            "ORCPT=a@b",
            "ORCPT=rfc822;a+0D+0Ab",
            "ORCPT=;a",
            "ORCPT=utf-8;\\x{D800}",
            "ORCPT=utf-8;\\x{A}",
            "ORCPT=utf-8;\\x{0A}",
            "NOTIFY=DELAY NOTIFY=DELAY",
        ] {
            assert_eq!(rcpt(&format!("RCPT TO:<a@b.test> {bad}")), Err(CommandError::Syntax), "{bad}");
        }
        assert_eq!(rcpt("RCPT TO:<a@b.test> SIZE=1"), Err(CommandError::UnknownParameter));
    }

    #[test]
    fn addresses_beyond_ascii_need_smtputf8() {
        assert_eq!(mail("MAIL FROM:<j\u{fc}@b.test>"), Err(CommandError::NeedsSmtpUtf8));
        assert!(mail("MAIL FROM:<j\u{fc}@b.test> SMTPUTF8").is_ok());
        assert!(rcpt("RCPT TO:<a@b\u{fc}cher.test>").unwrap().is_international);
        assert!(!rcpt("RCPT TO:<a@b.test>").unwrap().is_international);
    }

    proptest! {
        #[test]
        fn no_line_panics(line in prop::collection::vec(any::<u8>(), 0..80)) {
            let _ = parse(&line);
        }

        #[test]
        fn no_text_after_a_verb_panics(verb in 0usize..VERBS.len(), rest in "[ <>@:\"\\\\a-c=+;x{}\u{fc}]{0,40}") {
            let _ = parse(format!("{} {rest}", VERBS[verb].0).as_bytes());
            let _ = parse(format!("MAIL FROM:{rest}").as_bytes());
            let _ = parse(format!("RCPT TO:<a@b.c> ORCPT={rest}").as_bytes());
        }
    }
}
