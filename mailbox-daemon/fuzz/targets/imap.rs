use super::{choices, pieces};
use proto::imap::command::{AppendStep, Replace};
use proto::imap::list::Pattern;
use proto::imap::{AppendNext, Command, CommandBody, Dialect, Input, Next, parse, utf7, write};
use types::{Limits, MailboxName};

fn limits() -> Limits {
    Limits {
        message_bytes_max: 2000,
        imap_line_bytes_max: 500,
        imap_literals_bytes_max: 300,
        sequence_ranges_max: 20,
        search_depth_max: 5,
        search_keys_max: 20,
        ..Limits::default()
    }
}

/// A command that was understood is written and understood again as the same.
pub fn command(data: &[u8]) {
    let Some((choice, input)) = choices(data) else { return };
    let limits = Limits::default();
    let dialect = Dialect { limits: &limits, utf8_names: choice & 1 != 0, utf8_only: false };
    let Ok(command) = parse::frame(input, &dialect) else { return };
    if octets_follow(&command.body) {
        // They are no part of the frame.
        return;
    }
    if format!("{command:?}").contains("Err(") {
        // A name that cannot be is told by its fault, not kept.
        return;
    }
    let mut written = Vec::new();
    write::command(&mut written, &command, dialect.utf8_names);
    assert_eq!(parse::frame(&written, &dialect).as_ref(), Ok(&command), "{}", written.escape_ascii());
}

fn octets_follow(body: &CommandBody) -> bool {
    match body {
        CommandBody::Append(append) | CommandBody::Replace(Replace { append, .. }) => {
            matches!(append.steps.last(), Some(AppendStep::Octets(..)))
        }
        _ => false,
    }
}

/// Commands, literals and appended messages in one stream: the same whether the bytes come at once or in drops.
pub fn session(data: &[u8]) {
    let Some((choice, input)) = choices(data) else { return };
    let whole = read(choice, std::iter::once(input));
    let dropwise = read(choice, pieces(input, choice));
    // A limit may be met before or after another fault in the same line.
    let limited =
        |heard: &[String]| heard.iter().any(|event| event == "hopeless" || event.contains("kind: Limit"));
    if !limited(&whole) && !limited(&dropwise) {
        assert_eq!(whole, dropwise);
    }
}

fn read<'a>(choice: u8, stream: impl Iterator<Item = &'a [u8]>) -> Vec<String> {
    let limits = limits();
    let dialect = Dialect { limits: &limits, utf8_names: choice & 1 != 0, utf8_only: choice & 4 != 0 };
    let mut input = Input::new();
    let mut heard = Vec::new();
    let mut message = None;
    for piece in stream {
        input.feed(piece);
        let turns_max = 10 * piece.len() + 2 * limits.imap_line_bytes_max + 100;
        for turn in 0.. {
            assert!(turn < turns_max, "it turns in a circle");
            if message.is_some() && !read_message(&mut input, &dialect, &mut message, &mut heard) {
                break;
            }
            match input.next(&dialect) {
                Next::Incomplete => break,
                Next::Continue => heard.push("continue".to_owned()),
                Next::Command(command) => hear(&mut input, command, choice, &mut message, &mut heard),
                Next::Refused(tag, fault) => heard.push(format!("{tag:?} {fault:?}")),
                Next::Hopeless => {
                    heard.push("hopeless".to_owned());
                    return heard;
                }
            }
        }
    }
    heard
}

fn hear(
    input: &mut Input,
    command: Command,
    choice: u8,
    message: &mut Option<Vec<u8>>,
    heard: &mut Vec<String>,
) {
    let is_append = matches!(command.body, CommandBody::Append(_) | CommandBody::Replace(_));
    heard.push(format!("{command:?}"));
    if !is_append {
        return;
    }
    if choice & 2 != 0 {
        input.refuse_message();
        return;
    }
    input.accept_message();
    *message = Some(Vec::new());
}

/// Takes what there is of a message; true when it is complete and commands go on.
fn read_message(
    input: &mut Input,
    dialect: &Dialect<'_>,
    message: &mut Option<Vec<u8>>,
    heard: &mut Vec<String>,
) -> bool {
    let here = input.message().to_vec();
    input.take_message(here.len());
    message.get_or_insert_default().extend(here);
    if input.message_left() > 0 {
        return false;
    }
    match input.append_next(dialect) {
        AppendNext::Incomplete => return false,
        AppendNext::Continue => {
            heard.push("continue".to_owned());
            return read_message(input, dialect, message, heard);
        }
        AppendNext::Steps(next) => {
            heard.push(format!("{:?} then {next:?}", message.take()));
            input.accept_message();
            *message = Some(Vec::new());
            return read_message(input, dialect, message, heard);
        }
        AppendNext::End => heard.push(format!("{:?}", message.take())),
        AppendNext::Refused(fault) => heard.push(format!("{:?} {fault:?}", message.take())),
    }
    true
}

/// Mailbox names in modified UTF-7, and patterns over them.
pub fn names(data: &[u8]) {
    if let Ok(name) = utf7::decode(data) {
        let mut encoded = Vec::new();
        utf7::encode(&name, &mut encoded);
        assert!(encoded.is_ascii());
        assert_eq!(utf7::decode(&encoded).as_deref(), Ok(name.as_str()), "{}", encoded.escape_ascii());
    }
    let text = String::from_utf8_lossy(data);
    let mut encoded = Vec::new();
    utf7::encode(&text, &mut encoded);
    // A name with control characters may be refused, but never read as another.
    if let Ok(decoded) = utf7::decode(&encoded) {
        assert_eq!(decoded, text);
    }
    let (pattern, name) =
        text.split_at(text.char_indices().nth(text.chars().count() / 2).map_or(0, |(at, _)| at));
    let name = MailboxName::parse(name).unwrap_or_else(|_| MailboxName::inbox());
    Pattern::new("", pattern).matches(&name);
    assert!(Pattern::new("", "*").matches(&name));
}
