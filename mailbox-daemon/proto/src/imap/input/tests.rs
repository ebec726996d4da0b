use super::*;

fn limits() -> Limits {
    Limits {
        imap_line_bytes_max: 200,
        imap_literals_bytes_max: 100,
        message_bytes_max: 1000,
        ..Limits::default()
    }
}

/// Everything the input says to a client that sends `bytes` in pieces of `step` and never waits.
fn told(bytes: &[u8], step: usize) -> Vec<String> {
    let limits = limits();
    let dialect = Dialect { limits: &limits, utf8_names: false, utf8_only: false };
    let mut input = Input::new();
    let mut told = Vec::new();
    for piece in bytes.chunks(step) {
        input.feed(piece);
        loop {
            match input.next(&dialect) {
                Next::Incomplete => break,
                Next::Continue => told.push("+".to_owned()),
                Next::Command(command) => {
                    told.push(format!("{} {:?}", command.tag, command.body));
                    if steps_of(&command.body).is_some() {
                        input.refuse_message();
                    }
                }
                Next::Refused(tag, fault) => {
                    told.push(format!("{} refused: {fault}", tag.as_ref().map_or("*", Tag::as_str)));
                }
                Next::Hopeless => {
                    told.push("hopeless".to_owned());
                    return told;
                }
            }
        }
    }
    told
}

fn check(bytes: &[u8], expected: &[&str]) {
    for step in [1, 2, 7, bytes.len()] {
        assert_eq!(told(bytes, step), expected, "in pieces of {step}");
    }
}

#[test]
fn commands_come_one_by_one_however_they_are_cut() {
    check(b"a NOOP\r\nb CHECK\r\nc CLOSE\n", &["a Noop", "b Check", "c Close"]);
}

#[test]
fn literals_belong_to_their_command() {
    let subscribe = "Subscribe(Ok(MailboxName(\"a b\")))";
    check(b"a SUBSCRIBE {3}\r\na b\r\n", &["+", &format!("a {subscribe}")]);
    check(b"a SUBSCRIBE {3+}\r\na b\r\nb NOOP\r\n", &[&format!("a {subscribe}"), "b Noop"]);
    check(
        b"a RENAME {1}\r\nx {1+}\r\ny\r\n",
        &["+", "a Rename { from: Ok(MailboxName(\"x\")), to: Ok(MailboxName(\"y\")) }"],
    );
}

#[test]
fn a_command_already_wrong_gets_no_continuation() {
    check(b"a NOOP {3}\r\nb NOOP\r\n", &["a refused: the line should end here", "b Noop"]);
    check(b"a WHAT {3+}\r\nabc {2+}\r\nde\r\nb NOOP\r\n", &["a refused: there is no such command", "b Noop"]);
    check(b"( NOOP {3}\r\nb NOOP\r\n", &["* refused: the line should end here", "b Noop"]);
}

#[test]
fn too_much_is_dropped_and_answered() {
    let long = [b"a ".as_slice(), &[b'x'; 300], b"\r\nb NOOP\r\n"].concat();
    check(&long, &["a refused: the command line is too long", "b Noop"]);
    check(
        b"a SUBSCRIBE {101}\r\nb NOOP\r\n",
        &["a refused: the literals of a command are too large together", "b Noop"],
    );
    let big = [b"a SUBSCRIBE {150+}\r\n".as_slice(), &[b'\n'; 150], b"\r\nb NOOP\r\n"].concat();
    check(&big, &["a refused: the literals of a command are too large together", "b Noop"]);
    check(b"a SUBSCRIBE {99999999999999999999+}\r\nb NOOP\r\n", &["hopeless"]);
    let endless = [b"a ".as_slice(), &[b'x'; 5000]].concat();
    check(&endless, &["hopeless"]);
}

fn urls(steps: &[AppendStep]) -> Vec<String> {
    let url = |step: &AppendStep| match step {
        AppendStep::Url(url) => Some(url.clone()),
        _ => None,
    };
    steps.iter().filter_map(url).collect()
}

fn drive_append(bytes: &[u8], step: usize, accept: bool) -> (Vec<u8>, usize, Vec<String>) {
    let limits = limits();
    let dialect = Dialect { limits: &limits, utf8_names: false, utf8_only: false };
    let (mut input, mut message, mut messages, mut told) = (Input::new(), Vec::new(), 0, Vec::new());
    for piece in bytes.chunks(step) {
        input.feed(piece);
        loop {
            let here = input.message().len();
            message.extend_from_slice(input.message());
            input.take_message(here);
            match input.append_next(&dialect) {
                AppendNext::Steps(steps) => {
                    messages += 1;
                    told.extend(urls(&steps));
                    input.accept_message();
                    continue;
                }
                AppendNext::Continue => {
                    told.push("+".to_owned());
                    continue;
                }
                AppendNext::Refused(fault) => told.push(fault.to_string()),
                AppendNext::End => told.push("end".to_owned()),
                AppendNext::Incomplete => {}
            }
            match input.next(&dialect) {
                Next::Command(Command { body: CommandBody::Append(append), .. }) => {
                    messages += 1;
                    told.extend(urls(&append.steps));
                    match accept {
                        true => drop(input.accept_message()),
                        false => input.refuse_message(),
                    }
                }
                Next::Command(command) => told.push(command.tag.to_string()),
                Next::Incomplete if input.message().is_empty() => break,
                Next::Incomplete => {}
                other => told.push(format!("{other:?}")),
            }
        }
    }
    (message, messages, told)
}

#[test]
fn a_refused_append_is_dropped_with_its_message() {
    for step in [1, 3, 100] {
        let (_, messages, told) =
            drive_append(b"a APPEND x {5+}\r\nhel\no (x) {2+}\r\nab\r\nb NOOP\r\n", step, false);
        assert_eq!((messages, told), (1, vec!["b".to_owned()]), "in pieces of {step}");
    }
    let (_, messages, told) = drive_append(b"a APPEND {1}\r\nx {5}\r\nb NOOP\r\n", 100, false);
    assert_eq!((messages, told), (1, vec!["Continue".to_owned(), "b".to_owned()]));
}

#[test]
fn a_tail_longer_than_a_line_may_be_is_refused_however_it_comes() {
    let long = [b"a APPEND x {3+}\r\nabc ".as_slice(), &[b'('; 300], b"\r\nb NOOP\r\n"].concat();
    for step in [1, 7, long.len()] {
        let (_, _, told) = drive_append(&long, step, true);
        assert_eq!(told, ["the command line is too long", "b"], "in pieces of {step}");
    }
}

#[test]
fn literals_of_a_list_are_told_from_its_octets() {
    let bytes: &[u8] =
        b"a APPEND x CATENATE (TEXT {2+}\r\nhe URL {3+}\r\n/a\n URL /b TEXT {1+}\r\ny UTF8 (~{1+}\r\nz)) \
        (\\Seen) CATENATE (URL /c)\r\nb APPEND x CATENATE (URL /d)\r\nc NOOP\r\n";
    for step in [1, 5, bytes.len()] {
        let (message, _, told) = drive_append(bytes, step, true);
        assert_eq!(message, b"heyz", "in pieces of {step}");
        assert_eq!(told, ["/a\n", "/b", "/c", "end", "/d", "end", "c"], "in pieces of {step}");
    }
    let (_, _, told) =
        drive_append(b"a APPEND x CATENATE (TEXT {1}\r\nx URL {2}\r\n/a TEXT {1}\r\ny)\r\n", 99, true);
    assert_eq!(told, ["+", "/a", "end"]);
}

#[test]
fn what_is_wrong_between_literals_is_dropped_with_its_literals() {
    for (tail, fault) in [
        (" URL {2+}\r\n/a WHAT {3+}\r\nabc)", "a part of CATENATE is TEXT, UTF8 or URL"),
        (") CATENATE ()", "a part of CATENATE is TEXT, UTF8 or URL"),
        (") URL /x", "a literal is missing"),
        (
            " URL {101+}\r\n01234567890123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890)",
            "the literals of a command are too large together",
        ),
    ] {
        let bytes = format!("a APPEND x CATENATE (TEXT {{2+}}\r\nhe{tail}\r\nb NOOP\r\n");
        for step in [1, 4, bytes.len()] {
            let (_, _, told) = drive_append(bytes.as_bytes(), step, true);
            assert_eq!(told, [fault, "b"], "in pieces of {step}: {tail}");
        }
    }
}
