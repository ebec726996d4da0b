use super::{choices, pieces};
use proto::sasl::{ChannelBinding, Exchange, Step};
use proto::smtp::client::{Action as ClientAction, Client, Login, Options, StartTls, Transaction};
use proto::smtp::data::{BareLineEnds, MessageReader, Piece};
use proto::smtp::reply::say;
use proto::smtp::server::{Action, Config, Role, Session};
use proto::smtp::{parse, write};
use std::sync::Arc;
use types::{Address, Domain, Envelope, Limits, MailParameters, Recipient};

const MESSAGE_BYTES_MAX: u64 = 2000;

fn limits() -> Limits {
    Limits {
        message_bytes_max: MESSAGE_BYTES_MAX,
        message_line_bytes_max: 200,
        smtp_line_bytes_max: 300,
        recipients_max: 5,
        ..Limits::default()
    }
}

/// A command that was understood is written, understood again, and written the same.
pub fn command(data: &[u8]) {
    let Ok(command) = parse::parse(data) else { return };
    let mut written = Vec::new();
    write::command(&command, &mut written);
    let line = written.strip_suffix(b"\r\n").expect("a written command ends with CRLF");
    assert!(!line.contains(&b'\r') && !line.contains(&b'\n'), "{:?}", line.escape_ascii().to_string());
    let again = parse::parse(line).unwrap_or_else(|error| panic!("{}: {error}", line.escape_ascii()));
    let mut rewritten = Vec::new();
    write::command(&again, &mut rewritten);
    assert_eq!(written.escape_ascii().to_string(), rewritten.escape_ascii().to_string());
    // A domain is written as it is looked up, which hides that the client spelt it otherwise.
    if data.is_ascii() {
        assert_eq!(again, command);
    }
}

/// A whole session: the same conversation whether the bytes come at once or in drops, and no bare line end in what is accepted.
pub fn session(data: &[u8]) {
    let Some((choice, input)) = choices(data) else { return };
    let whole = converse(choice, std::iter::once(input));
    let dropwise = converse(choice, pieces(input, choice));
    // STARTTLS forgets what came with it, and what that is depends on the pieces.
    if whole.starts_tls || dropwise.starts_tls {
        return;
    }
    assert_eq!(without_line_faults(&whole.said), without_line_faults(&dropwise.said));
    assert_eq!(whole.accepted, dropwise.accepted);
    for message in &whole.accepted {
        assert!(message.len() as u64 <= MESSAGE_BYTES_MAX + 2);
        assert!(has_only_crlf(message), "{}", message.escape_ascii());
        assert!(message.is_empty() || message.ends_with(b"\r\n"));
    }
    for line in whole.said.split_inclusive(|byte| *byte == b'\n') {
        assert!(line.ends_with(b"\r\n"), "{}", line.escape_ascii());
        assert!(line.len() >= 6 && line[..3].iter().all(u8::is_ascii_digit), "{}", line.escape_ascii());
    }
}

/// A line may be wrong in two ways at once; which one is told may depend on how it came.
fn without_line_faults(said: &[u8]) -> Vec<String> {
    let lines = said.split_inclusive(|byte| *byte == b'\n');
    let told = |line: &[u8]| {
        if line.starts_with(b"500 5.5.") { "500".to_owned() } else { line.escape_ascii().to_string() }
    };
    lines.map(told).collect()
}

#[derive(Default)]
struct Conversation {
    said: Vec<u8>,
    accepted: Vec<Vec<u8>>,
    starts_tls: bool,
}

fn converse<'a>(choice: u8, input: impl Iterator<Item = &'a [u8]>) -> Conversation {
    let mut session = Session::new(Config {
        host: "mail.home.test".to_owned(),
        postmaster_domain: Domain::parse("home.test").expect("a domain"),
        role: if choice & 1 == 0 { Role::Inbound } else { Role::Submission },
        limits: limits(),
        is_tls: choice & 2 != 0,
        has_starttls: choice & 4 != 0,
        has_cleartext_auth: choice & 8 != 0,
        has_channel_binding: false,
    });
    let mut talk = Conversation::default();
    let mut message = Vec::new();
    let mut login = None;
    session.greet(&mut talk.said);
    for piece in input {
        let mut at = 0;
        // Every action either consumes input or answers a question; both are bounded by the input.
        for turn in 0.. {
            assert!(turn < 10 * piece.len() + 100, "the session turns in a circle");
            let (used, action) = session.advance(&piece[at..], &mut talk.said);
            let start = at;
            at += used;
            assert!(at <= piece.len());
            match action {
                Action::Read => {
                    assert_eq!(at, piece.len(), "it asks for more with bytes left");
                    break;
                }
                Action::Mail(_) => session.answer(say::SENDER_OK, &mut talk.said),
                Action::Rcpt(recipient) => {
                    let known = !recipient.address.to_string().contains('x');
                    let reply = if known { say::RECIPIENT_OK } else { say::NO_SUCH_USER };
                    session.answer(reply, &mut talk.said);
                }
                Action::Begin => {
                    message.clear();
                    session.answer(say::SEND_MESSAGE, &mut talk.said);
                }
                Action::Content(range) => message.extend_from_slice(&piece[start..][range]),
                Action::LineEnd => message.extend_from_slice(b"\r\n"),
                Action::End { lacks_newline } => {
                    if lacks_newline {
                        message.extend_from_slice(b"\r\n");
                    }
                    talk.accepted.push(std::mem::take(&mut message));
                    session.answer(say::MESSAGE_ACCEPTED, &mut talk.said);
                }
                Action::Reset => message.clear(),
                Action::Auth { mechanism, initial } => {
                    let initial = initial.as_ref().map(|bytes| bytes.as_slice());
                    let (exchange, step) =
                        Exchange::start(mechanism, initial, ChannelBinding::default(), [7; 18]);
                    login = Some(exchange);
                    take_step(&mut session, &mut login, step, &mut talk.said);
                }
                Action::AuthResponse(response) => {
                    let step = login.as_mut().expect("a login is under way").step(&response);
                    take_step(&mut session, &mut login, step, &mut talk.said);
                }
                Action::AuthCancelled => login = None,
                Action::StartTls => {
                    talk.starts_tls = true;
                    return talk;
                }
                Action::Close => return talk,
            }
        }
    }
    talk
}

fn take_step(session: &mut Session, login: &mut Option<Exchange>, step: Step, said: &mut Vec<u8>) {
    match step {
        Step::Challenge(message) => session.challenge(&message, said),
        Step::Password { password, .. } if password.as_str() == "a" => {
            session.answer(say::LOGGED_IN, said);
        }
        _ => {
            *login = None;
            session.answer(say::LOGIN_FAILED, said);
        }
    }
}

/// The bytes after DATA: only CRLF.CRLF ends them, and an accepted message is exactly what was sent.
pub fn message(data: &[u8]) {
    let whole = read_message(BareLineEnds::Refused, std::iter::once(data));
    let dropwise = read_message(BareLineEnds::Refused, pieces(data, data.len() as u8));
    assert_eq!((whole.end, whole.clean), (dropwise.end, dropwise.clean));
    let mended = read_message(BareLineEnds::Mended, pieces(data, data.len() as u8));
    assert_eq!(mended.end, whole.end, "mending moves no end");
    let Some(end) = whole.end else { return };
    if mended.clean {
        assert!(has_only_crlf(&mended.content), "{}", mended.content.escape_ascii());
    }
    let sent = &data[..end];
    assert!(sent == b".\r\n" || sent.ends_with(b"\r\n.\r\n"), "{}", sent.escape_ascii());
    if whole.clean {
        assert_eq!(whole.content, dropwise.content);
        assert!(has_only_crlf(&whole.content));
        assert_eq!(whole.content, unstuffed(&sent[..end - 3]), "{}", sent.escape_ascii());
    }
    // Whatever another server might take for the end lies in no clean message.
    let smuggled: [&[u8]; 5] = [b"\n.\n", b"\n.\r\n", b"\r.\r", b"\r\n.\r", b"\r\n.\n"];
    if smuggled.iter().any(|end| contains(&sent[..sent.len() - 3.min(sent.len())], end)) {
        assert!(!whole.clean, "{}", sent.escape_ascii());
    }
}

#[derive(Default)]
struct Received {
    content: Vec<u8>,
    /// Where the message ended in the input.
    end: Option<usize>,
    clean: bool,
}

fn read_message<'a>(bare_line_ends: BareLineEnds, input: impl Iterator<Item = &'a [u8]>) -> Received {
    let mut reader = MessageReader::new(MESSAGE_BYTES_MAX, 200, bare_line_ends);
    let mut received = Received::default();
    let (mut before, mut stood) = (0, false);
    for piece in input {
        let mut at = 0;
        while at < piece.len() {
            let (used, part) = reader.read_dotted(&piece[at..]);
            assert!(used > 0 || !stood || part == Piece::End, "it does not go on");
            stood = used == 0;
            match part {
                Piece::Content(range) => received.content.extend_from_slice(&piece[at..][range]),
                Piece::LineEnd => received.content.extend_from_slice(b"\r\n"),
                Piece::End => {
                    received.end = Some(before + at + used);
                    received.clean = reader.fault().is_none();
                    return received;
                }
            }
            at += used;
        }
        before += piece.len();
    }
    received
}

fn unstuffed(wire: &[u8]) -> Vec<u8> {
    let lines = wire.split_inclusive(|byte| *byte == b'\n');
    lines.flat_map(|line| line.strip_prefix(b".").unwrap_or(line)).copied().collect()
}

fn has_only_crlf(bytes: &[u8]) -> bool {
    let mut lines = bytes.split(|byte| *byte == b'\n');
    let last = lines.next_back().unwrap_or_default();
    let is_clean = |line: &[u8]| !line.contains(&b'\r') && !line.contains(&0);
    is_clean(last) && lines.all(|line| line.strip_suffix(b"\r").is_some_and(is_clean))
}

fn contains(haystack: &[u8], needle: &[u8]) -> bool {
    haystack.windows(needle.len()).any(|window| window == needle)
}

/// A server may answer anything, in any pieces: the client always ends.
pub fn client(data: &[u8]) {
    let Some((choice, input)) = choices(data) else { return };
    for said in
        [talk_to_server(choice, std::iter::once(input)), talk_to_server(choice, pieces(input, choice))]
    {
        assert!(said.is_empty() || said.ends_with(b"\r\n"), "{}", said.escape_ascii());
    }
}

fn talk_to_server<'a>(choice: u8, input: impl Iterator<Item = &'a [u8]>) -> Vec<u8> {
    let start_tls = match choice & 3 {
        0 => StartTls::Never,
        1 => StartTls::Required,
        _ => StartTls::IfOffered,
    };
    let login = (choice & 4 != 0).then(|| Login { user: "ana".to_owned(), password: "secret".to_owned() });
    let mut client = Client::new(Options { name: "mail.home.test".to_owned(), start_tls, login });
    let mut said = Vec::new();
    let mut messages = 0;
    for piece in input {
        client.feed(piece);
        for turn in 0.. {
            assert!(turn < 200, "the client turns in a circle");
            match client.poll() {
                ClientAction::Write => said.append(client.output()),
                ClientAction::Read => break,
                ClientAction::StartTls => client.tls_started(),
                ClientAction::Ready if messages < 2 => {
                    messages += 1;
                    client.begin(transaction());
                }
                ClientAction::Ready => client.quit(),
                ClientAction::Body => {
                    client.body(b"Subject: x\r\n\r\n.dots\r\n");
                    client.end_body();
                }
                ClientAction::Finished(outcomes) => {
                    assert_eq!(outcomes.len(), 2, "every recipient has an outcome");
                }
                ClientAction::Closed(_) => return said,
            }
        }
    }
    client.lost();
    for _ in 0..200 {
        match client.poll() {
            ClientAction::Write => said.append(client.output()),
            ClientAction::Closed(_) => return said,
            ClientAction::Ready => client.quit(),
            _ => {}
        }
    }
    panic!("a lost connection does not end the session");
}

fn transaction() -> Transaction {
    let to = |text| Recipient { address: address(text), notify: None, original: None };
    let envelope = Envelope {
        from: Some(address("ana@home.test")),
        parameters: MailParameters::default(),
        recipients: vec![to("one@away.test"), to("two@away.test")],
    };
    Transaction {
        envelope: Arc::new(envelope),
        chosen: vec![0, 1],
        message_bytes: 22,
        needs_smtputf8: false,
        needs_eight_bit: false,
    }
}

fn address(text: &str) -> Address {
    Address::parse(text).expect("an address")
}

/// A field that claims to be what we found out: whatever begins with our name is known as forged, in any case and behind any
/// blanks.
pub fn results(data: &[u8]) {
    let name = b"Authentication-Results";
    let is_forged = |value: &[u8]| proto::smtp::results::is_forged(name, value, "home.test");
    is_forged(data);
    assert!(is_forged(&[b" HOME.test ", data].concat()));
    assert!(is_forged(&[b"\t\"home.test\";", data].concat()));
    let words = data.trim_ascii_start();
    let claims = words.get(..9).is_some_and(|start| start.eq_ignore_ascii_case(b"home.test"));
    if claims && words.get(9).is_none_or(|after| b" ;(/\t".contains(after)) {
        assert!(is_forged(data));
    }
}
