//! What is written is read as the same, however it is cut into pieces.

use super::{Bounds, Command, Input, Next, parse, write};
use proptest::prelude::*;

const BOUNDS: Bounds = Bounds { line_bytes_max: 8000, literals_bytes_max: 8000, dropped_bytes_max: 100_000 };

fn name() -> impl Strategy<Value = String> {
    prop_oneof!["[ -~äß😀]{1,20}", "(\\PC|[\r\n\"\\\\{}+]){0,20}", "x{1000,1100}"]
}

fn octets() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        proptest::collection::vec(any::<u8>(), 0..50),
        "[ -~\r\n\"\\\\{}+0-9]{0,50}".prop_map(String::into_bytes)
    ]
}

fn command() -> impl Strategy<Value = Command> {
    prop_oneof![
        ("[A-Z0-9-]{1,20}", proptest::option::of(octets()))
            .prop_map(|(mechanism, initial)| Command::Authenticate { mechanism, initial }),
        Just(Command::Capability),
        octets().prop_map(Command::CheckScript),
        name().prop_map(Command::DeleteScript),
        name().prop_map(Command::GetScript),
        (name(), any::<u32>()).prop_map(|(name, bytes)| Command::HaveSpace { name, bytes }),
        Just(Command::ListScripts),
        Just(Command::Logout),
        proptest::option::of(octets()).prop_map(Command::Noop),
        (name(), octets()).prop_map(|(name, script)| Command::PutScript { name, script }),
        (name(), name()).prop_map(|(from, to)| Command::RenameScript { from, to }),
        name().prop_map(|name| Command::SetActive(Some(name).filter(|name| !name.is_empty()))),
        Just(Command::StartTls),
        Just(Command::Unauthenticate),
    ]
}

fn read<'a>(pieces: impl Iterator<Item = &'a [u8]>) -> Vec<Command> {
    let mut input = Input::new();
    let mut commands = Vec::new();
    for piece in pieces {
        input.feed(piece);
        loop {
            match input.command(&BOUNDS) {
                Next::Incomplete => break,
                Next::Complete(command) => commands.push(command),
                refused => panic!("{refused:?}"),
            }
        }
    }
    assert!(!input.is_mid_command());
    commands
}

proptest! {
    #[test]
    fn what_is_written_is_read(command in command()) {
        let mut frame = Vec::new();
        write::command(&mut frame, &command);
        prop_assert_eq!(parse::command(&frame), Ok(command));
    }

    #[test]
    fn pieces_make_no_difference(commands in proptest::collection::vec(command(), 1..5), size in 1usize..40) {
        let mut stream = Vec::new();
        for command in &commands {
            write::command(&mut stream, command);
        }
        prop_assert_eq!(&read(std::iter::once(stream.as_slice())), &commands);
        prop_assert_eq!(&read(stream.chunks(size)), &commands);
    }
}
