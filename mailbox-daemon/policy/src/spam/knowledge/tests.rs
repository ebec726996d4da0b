use super::*;
use proptest::prelude::*;

const BYTES_MAX: usize = 512 * 1024;
const ANA: Learner = Learner(1 << 60);
const BEN: Learner = Learner(2 << 60);

const OFFERS: [&str; 4] = [
    "pills without prescription",
    "a loan with no credit check",
    "your prize money",
    "a watch like a real one",
];
const LETTERS: [&str; 4] =
    ["the train on friday", "minutes of the meeting", "photos of the garden", "the patch for the build"];

fn spam(number: usize) -> Vec<u8> {
    let offer = OFFERS[number % 4];
    format!(
        "From: \"Best Offers\" <win{number}@deal{number}.example>\r\nTo: undisclosed-recipients:;\r\nSubject: {} NOW!!! {number}\r\n\
         Message-ID: <{number}@x>\r\nContent-Type: text/html\r\n\r\n<html><body>ACT NOW! {offer} for $99! \
         <a href=\"http://10.0.0.{}/buy?id={number}\">click here</a> code q{number}z</body></html>\r\n",
        offer.to_uppercase(),
        number % 250
    )
    .into_bytes()
}

fn ham(number: usize) -> Vec<u8> {
    let what = LETTERS[number / 4 % 4];
    format!(
        "From: Carla Neighbour <carla@friends.example>\r\nTo: Ana <ana@home.example>\r\nSubject: Re: {what}\r\n\
         Message-ID: <2026.{number}@friends.example>\r\nIn-Reply-To: <a@home.example>\r\nContent-Type: text/plain\r\n\r\n\
         Hello Ana,\r\n> did you see it?\r\nyes, I have {what} with me, see you at {number} o'clock.\r\n-- \r\nCarla\r\n"
    )
    .into_bytes()
}

fn teach(knowledge: &mut Knowledge, learner: Learner, numbers: std::ops::Range<usize>) {
    for number in numbers {
        knowledge.learn(learner, Class::Spam, &Features::of(&spam(number)));
        knowledge.learn(learner, Class::Ham, &Features::of(&ham(number)));
    }
}

fn taught() -> Knowledge {
    let mut knowledge = Knowledge::keyed(BYTES_MAX, 7);
    teach(&mut knowledge, Learner::HOUSEHOLD, 0..50);
    knowledge
}

fn probability(knowledge: &Knowledge, learner: Learner, message: &[u8]) -> f64 {
    knowledge.opinion(learner, &Features::of(message)).probability
}

#[test]
fn what_was_taught_tells_new_messages_apart() {
    let knowledge = taught();
    for number in 100..140 {
        assert!(probability(&knowledge, ANA, &spam(number)) >= Opinion::SPAM_FROM, "spam {number}");
        assert!(probability(&knowledge, ANA, &ham(number)) < 0.1, "ham {number}");
    }
    let (_, clues) = knowledge.explained(ANA, &NamedFeatures::of(&spam(200)), 8);
    assert_eq!(clues.len(), 8);
    assert!(clues.iter().any(|clue| clue.weight > 0.0));
}

#[test]
fn an_account_may_think_otherwise_than_the_house() {
    let mut knowledge = taught();
    for number in 0..50 {
        knowledge.learn(BEN, Class::Ham, &Features::of(&spam(number)));
        knowledge.learn(BEN, Class::Spam, &Features::of(&ham(number)));
    }
    assert!(probability(&knowledge, BEN, &spam(200)) < 0.5);
    assert!(probability(&knowledge, ANA, &spam(200)) >= Opinion::SPAM_FROM);
    knowledge.forget(BEN);
    assert!(probability(&knowledge, BEN, &spam(200)) >= Opinion::SPAM_FROM);
    assert_eq!(knowledge.seen(BEN), Seen::default());
}

#[test]
fn a_checkpoint_is_whole_or_refused() {
    let mut knowledge = taught();
    teach(&mut knowledge, ANA, 0..5);
    let bytes = knowledge.encode();
    let again = Knowledge::decode(&bytes, BYTES_MAX).unwrap();
    for message in [spam(77), ham(77)] {
        assert_eq!(
            again.opinion(ANA, &Features::of(&message)),
            knowledge.opinion(ANA, &Features::of(&message))
        );
    }
    assert_eq!(
        (again.seen(ANA), again.seen(Learner::HOUSEHOLD)),
        (knowledge.seen(ANA), knowledge.seen(Learner::HOUSEHOLD))
    );
    for at in (0..bytes.len()).step_by(bytes.len() / 200) {
        let mut damaged = bytes.clone();
        damaged[at] ^= 4;
        assert!(Knowledge::decode(&damaged, BYTES_MAX).is_none(), "octet {at}");
        assert!(Knowledge::decode(&bytes[..at], BYTES_MAX).is_none(), "{at} octets");
    }
}

#[test]
fn what_one_learnt_can_be_taken_along() {
    let mut knowledge = taught();
    teach(&mut knowledge, ANA, 0..50);
    let export = knowledge.export(ANA);
    let mut elsewhere = Knowledge::keyed(BYTES_MAX, 99);
    assert!(elsewhere.import(Learner::HOUSEHOLD, &export));
    assert_eq!(elsewhere.seen(Learner::HOUSEHOLD), Seen { spam: 50, ham: 50 });
    assert!(probability(&elsewhere, BEN, &spam(300)) >= Opinion::SPAM_FROM);
    assert!(!elsewhere.import(BEN, &export[..export.len() - 1]));
}

#[test]
fn floods_of_new_words_neither_grow_it_nor_wash_out_what_is_known() {
    let mut knowledge = Knowledge::keyed(64 * 1024, 7);
    teach(&mut knowledge, Learner::HOUSEHOLD, 0..50);
    for flood in 0..200 {
        let words: Vec<String> = (0..3000).map(|word| format!("w{flood}x{word}")).collect();
        let features = Features::of(format!("Subject: {flood}\r\n\r\n{}", words.join(" ")).as_bytes());
        assert!(features.hashes().len() <= Features::COUNT_MAX);
        knowledge.learn(Learner::HOUSEHOLD, Class::Ham, &features);
    }
    assert!(knowledge.encode().len() <= 64 * 1024 + 256);
    assert!(probability(&knowledge, ANA, &spam(400)) > probability(&knowledge, ANA, &ham(400)));
}

#[test]
fn delivery_changes_no_feature() {
    let came = spam(1);
    let stored = [
        b"Return-Path: <a@b.example>\r\nDelivered-To: ana@home.example\r\nAuthentication-Results: home.example; spf=pass\r\n".as_slice(),
        b"X-Mailbox-Verdict: junk\r\nReceived: from a (b [10.0.0.1]) by home.example with ESMTP; Sat, 21 Nov 2026 10:00:00 +0000\r\n",
        &came,
    ]
    .concat();
    assert_eq!(Features::of(&stored), Features::of(&came));
    let unix: Vec<u8> = came.iter().copied().filter(|byte| *byte != b'\r').collect();
    assert_eq!(Features::of(&unix), Features::of(&came));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]
    #[test]
    fn unlearning_undoes(order in proptest::collection::vec((0usize..30, any::<bool>()), 1..12)) {
        let mut knowledge = taught();
        let looks = |knowledge: &Knowledge| [spam(500), ham(500)].map(|message| knowledge.opinion(ANA, &Features::of(&message)));
        let before = looks(&knowledge);
        let lessons: Vec<_> = order.iter().map(|(number, is_spam)| match is_spam {
            true => (Class::Spam, Features::of(&ham(*number))),
            false => (Class::Ham, Features::of(&spam(*number))),
        }).collect();
        for (class, features) in &lessons {
            knowledge.learn(Learner::HOUSEHOLD, *class, features);
        }
        for (class, features) in &lessons {
            knowledge.unlearn(Learner::HOUSEHOLD, *class, features);
        }
        prop_assert_eq!(looks(&knowledge), before);
    }

    #[test]
    fn any_octets_have_few_features(octets in proptest::collection::vec(any::<u8>(), 0..400)) {
        let features = Features::of(&octets);
        prop_assert!(features.hashes().len() <= Features::COUNT_MAX);
        prop_assert_eq!(Features::from_hashes(features.hashes().to_vec()), features);
    }
}
