use super::{choices, pieces};
use proto::managesieve::{Bounds, Input, Next, parse, write};

const BOUNDS: Bounds = Bounds { line_bytes_max: 300, literals_bytes_max: 200, dropped_bytes_max: 2000 };

/// A command that was understood is written and understood again as the same.
pub fn command(data: &[u8]) {
    let Ok(command) = parse::command(data) else { return };
    let mut written = Vec::new();
    write::command(&mut written, &command);
    assert_eq!(parse::command(&written).as_ref(), Ok(&command), "{}", written.escape_ascii());
}

/// Commands and answers to challenges in one stream: the same whether the bytes come at once or in drops.
pub fn session(data: &[u8]) {
    let Some((choice, input)) = choices(data) else { return };
    let whole = read(choice, std::iter::once(input));
    let dropwise = read(choice, pieces(input, choice));
    // How much is dropped before the connection is given up depends on what has come.
    let limited = |heard: &[String]| heard.iter().any(|event| event.contains("TooLarge"));
    if !limited(&whole) && !limited(&dropwise) {
        assert_eq!(whole, dropwise);
    }
}

fn read<'a>(choice: u8, stream: impl Iterator<Item = &'a [u8]>) -> Vec<String> {
    let mut input = Input::new();
    let mut heard = Vec::new();
    for piece in stream {
        input.feed(piece);
        let turns_max = piece.len() + BOUNDS.line_bytes_max + BOUNDS.literals_bytes_max + 10;
        for turn in 0.. {
            assert!(turn < turns_max, "it turns in a circle");
            let is_response = choice & 1 != 0 && heard.len() % 3 == 2;
            let event = match is_response {
                true => tell(input.response(&BOUNDS)),
                false => tell(input.command(&BOUNDS)),
            };
            let Some((event, is_over)) = event else { break };
            heard.push(event);
            if is_over {
                return heard;
            }
        }
    }
    heard
}

fn tell<T: std::fmt::Debug>(next: Next<T>) -> Option<(String, bool)> {
    match next {
        Next::Incomplete => None,
        Next::Hopeless(fault) => Some((format!("{fault:?}"), true)),
        next => Some((format!("{next:?}"), false)),
    }
}
