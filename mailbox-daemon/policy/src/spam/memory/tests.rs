use super::*;
use crate::spam::Seen;

const ANA: Learner = Learner(1 << 60);
const BEN: Learner = Learner(2 << 60);
const SPAM: Lesson = Lesson::Said(Class::Spam);
const HAM: Lesson = Lesson::Said(Class::Ham);

fn message(learner: Learner, lesson: Lesson, number: u64) -> Taught {
    let features = Features::from_hashes(
        (1..40).map(|n: u64| (n * number).wrapping_mul(0x1d6e_8feb_8665_9fd9) & !(0xe0 << 56)).collect(),
    );
    Taught::Message { learner, lesson, identity: Identity(number << 20), features }
}

fn memory() -> Memory {
    Memory::new(1024 * 1024, 0)
}

fn seen(memory: &Memory, learner: Learner) -> (u32, u32) {
    let Seen { spam, ham } = memory.knowledge().seen(learner);
    (spam, ham)
}

/// What is known once something was taught.
fn once(taught: &Taught) -> Vec<u8> {
    let mut memory = memory();
    memory.take_in(&message(ANA, HAM, 7));
    memory.take_in(taught);
    memory.knowledge().encode()
}

#[test]
fn every_message_counts_once() {
    let mut memory = memory();
    assert!(memory.take_in(&message(ANA, SPAM, 1)));
    assert!(!memory.take_in(&message(ANA, SPAM, 1)));
    assert!(!memory.take_in(&message(ANA, Lesson::Treated, 1)), "she said what it is");
    assert_eq!((seen(&memory, ANA), seen(&memory, Learner::HOUSEHOLD)), ((1, 0), (1, 0)));
    assert!(memory.take_in(&message(ANA, HAM, 1)));
    assert_eq!((seen(&memory, ANA), seen(&memory, Learner::HOUSEHOLD)), ((0, 1), (0, 1)));
    assert!(memory.take_in(&message(ANA, Lesson::Treated, 2)));
    assert!(!memory.take_in(&message(ANA, HAM, 2)));
    assert!(memory.take_in(&message(ANA, SPAM, 2)), "what she says counts more than what she did");
    assert_eq!(seen(&memory, ANA), (1, 1));
}

#[test]
fn a_message_two_people_get_counts_once_for_the_household() {
    let mut memory = memory();
    assert!(memory.take_in(&message(ANA, SPAM, 1)));
    assert!(memory.take_in(&message(BEN, SPAM, 1)));
    assert_eq!((seen(&memory, BEN), seen(&memory, Learner::HOUSEHOLD)), ((1, 0), (1, 0)));
    assert!(memory.take_in(&message(ANA, SPAM, 2)));
    assert!(memory.take_in(&message(BEN, Lesson::Treated, 2)));
    assert_eq!(seen(&memory, Learner::HOUSEHOLD), (2, 0), "treating it as wanted does not speak for all");
    assert_eq!(seen(&memory, BEN), (1, 1));
}

#[test]
fn forgetting_lets_everything_be_taught_again() {
    let mut memory = memory();
    memory.take_in(&message(ANA, SPAM, 1));
    memory.take_in(&Taught::Forgotten(ANA));
    assert_eq!(seen(&memory, ANA), (0, 0));
    assert!(memory.take_in(&message(ANA, SPAM, 1)));
    assert_eq!((seen(&memory, ANA), seen(&memory, Learner::HOUSEHOLD)), ((1, 0), (1, 0)));
}

#[test]
fn what_was_taught_comes_back() {
    for taught in [
        message(ANA, SPAM, 3),
        message(BEN, HAM, 4),
        message(ANA, Lesson::Treated, 5),
        Taught::Forgotten(BEN),
    ] {
        let bytes = taught.encode();
        let decoded = Taught::decode(&bytes).unwrap();
        assert_eq!(decoded.encode(), bytes);
        assert_eq!(once(&decoded), once(&taught), "it is learnt as the first time");
        assert_eq!(Taught::decode(&bytes[..bytes.len() - 1]), None);
    }
    for bytes in [&b""[..], b"s", b"x00000000", b"s00000000", b"f0000000000000000", b"s0000000000000000000"] {
        assert_eq!(Taught::decode(bytes), None, "{bytes:?}");
    }
    let mut memory = memory();
    memory.take_in(&message(ANA, SPAM, 1));
    let again = Memory::decode(&memory.encode(), 1024 * 1024).unwrap();
    assert_eq!(seen(&again, ANA), (1, 0));
    assert_eq!(again.class(ANA, Identity(1 << 20)), Some(Class::Spam));
    for bytes in [&b""[..], b"12345678", &[255; 8], &[0; 7]] {
        // What is no memory is at most one in which nothing was learnt.
        assert!(Memory::decode(bytes, 1024).is_none_or(|memory| seen(&memory, ANA) == (0, 0)));
    }
}
