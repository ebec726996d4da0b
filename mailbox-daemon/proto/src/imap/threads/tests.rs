use super::*;
use crate::imap::write::ThreadWriter;
use proptest::prelude::*;

/// A message by its id, its references and its subject; the date is its place.
struct Mail(&'static str, &'static str, &'static str);

fn told(forest: Forest) -> String {
    let mut out = Vec::new();
    let mut writer = ThreadWriter::begin(&mut out);
    for step in forest {
        match step {
            Step::Headless => writer.headless(&mut out),
            Step::Message { depth, branches, number } => {
                writer.message(&mut out, depth, branches, number);
            }
        }
    }
    writer.end(&mut out);
    String::from_utf8(out).unwrap().trim_end().trim_start_matches("* THREAD").trim_start().to_owned()
}

fn threads(algorithm: ThreadAlgorithm, mails: &[Mail]) -> String {
    let mut threads = Threads::new(algorithm);
    for (index, Mail(id, references, subject)) in mails.iter().enumerate() {
        threads.add(&ThreadFacts {
            number: index as u32 + 1,
            sent: index as i64,
            message_id: id.as_bytes(),
            references: references.as_bytes(),
            in_reply_to: b"",
            subject: subject.as_bytes(),
        });
    }
    told(threads.finish())
}

fn references(mails: &[Mail]) -> String {
    threads(ThreadAlgorithm::References, mails)
}

#[test]
fn references_make_trees() {
    let mails = [
        Mail("<a@x>", "", "one"),
        Mail("<b@x>", "<a@x>", "re: one"),
        Mail("<c@x>", "<a@x> <b@x>", "re: one"),
        Mail("<d@x>", "<a@x>", "re: one"),
        Mail("<e@x>", "", "two"),
    ];
    assert_eq!(references(&mails), "(1 (2 3)(4))(5)");
    assert_eq!(references(&[]), "");
}

#[test]
fn replies_may_come_before_what_they_answer() {
    let mails = [Mail("<c@x>", "<a@x> <b@x>", ""), Mail("<b@x>", "<a@x>", ""), Mail("<a@x>", "", "")];
    assert_eq!(references(&mails), "(3 2 1)");
}

#[test]
fn missing_messages_at_the_top_stay_above_several() {
    assert_eq!(references(&[Mail("<b@x>", "<a@x>", ""), Mail("<c@x>", "<a@x>", "")]), "((1)(2))");
    assert_eq!(references(&[Mail("<b@x>", "<z@x> <a@x>", ""), Mail("<c@x>", "<y@x>", "")]), "(1)(2)");
    let mails = [Mail("<b@x>", "<t@x> <u@x> <a@x>", ""), Mail("<c@x>", "<t@x> <v@x>", "")];
    assert_eq!(references(&mails), "((1)(2))");
}

#[test]
fn missing_messages_in_the_middle_go() {
    let mails = [Mail("<a@x>", "", ""), Mail("<d@x>", "<a@x> <b@x> <c@x>", ""), Mail("<e@x>", "<b@x>", "")];
    assert_eq!(references(&mails), "(1 (2)(3))");
}

#[test]
fn the_first_of_several_messages_has_the_id() {
    let mails = [Mail("<a@x>", "", ""), Mail("<a@x>", "", ""), Mail("<b@x>", "<a@x>", "")];
    assert_eq!(references(&mails), "(1 3)(2)");
}

#[test]
fn loops_are_not_made() {
    assert_eq!(references(&[Mail("<a@x>", "<a@x>", "")]), "(1)");
    assert_eq!(references(&[Mail("<a@x>", "<b@x>", ""), Mail("<b@x>", "<a@x>", "")]), "(2 1)");
    let mails = [Mail("<a@x>", "<c@x>", ""), Mail("<b@x>", "<a@x>", ""), Mail("<c@x>", "<b@x>", "")];
    assert_eq!(references(&mails), "(3 1 2)");
}

#[test]
fn what_a_message_says_itself_counts_most() {
    // The second says that <c> is below <a>; <c> itself knows better.
    let mails = [
        Mail("<a@x>", "", ""),
        Mail("<d@x>", "<a@x> <c@x>", ""),
        Mail("<b@x>", "", ""),
        Mail("<c@x>", "<b@x>", ""),
    ];
    assert_eq!(references(&mails), "(1)(3 4 2)");
}

#[test]
fn threads_of_one_subject_become_one() {
    // A reply goes below what it answers.
    assert_eq!(references(&[Mail("<a@x>", "", "hi"), Mail("<b@x>", "", "re: hi")]), "(1 2)");
    assert_eq!(references(&[Mail("<a@x>", "", "re: hi"), Mail("<b@x>", "", "hi")]), "(2 1)");
    // Equals become siblings.
    assert_eq!(references(&[Mail("<a@x>", "", "hi"), Mail("<b@x>", "", "hi")]), "((1)(2))");
    assert_eq!(references(&[Mail("<a@x>", "", "re: hi"), Mail("<b@x>", "", "[fwd: hi]")]), "((1)(2))");
    let three = [Mail("<a@x>", "", "hi"), Mail("<b@x>", "", "hi"), Mail("<c@x>", "", "re: hi")];
    assert_eq!(references(&three), "((1)(2)(3))");
    // A thread without its top takes the others in.
    let dummy = [Mail("<b@x>", "<a@x>", "hi"), Mail("<c@x>", "<a@x>", "hi"), Mail("<d@x>", "", "hi")];
    assert_eq!(references(&dummy), "((1)(2)(3))");
    let two_dummies = [
        Mail("<b@x>", "<a@x>", "hi"),
        Mail("<c@x>", "<a@x>", "hi"),
        Mail("<e@x>", "<d@x>", "hi"),
        Mail("<f@x>", "<d@x>", "hi"),
    ];
    assert_eq!(references(&two_dummies), "((1)(2)(3)(4))");
    // Empty subjects stay apart.
    assert_eq!(references(&[Mail("<a@x>", "", "re:"), Mail("<b@x>", "", "re:")]), "(1)(2)");
}

#[test]
fn ordered_subject_is_flat() {
    let mails = [
        Mail("", "", "b"),
        Mail("", "", "a"),
        Mail("", "", "re: b"),
        Mail("", "", "b"),
        Mail("", "", "re: a"),
        Mail("", "", ""),
    ];
    assert_eq!(threads(ThreadAlgorithm::OrderedSubject, &mails), "(1 (3)(4))(2 5)(6)");
}

#[test]
fn refs_orders_threads_by_their_newest_message() {
    let mails = [
        Mail("<a@x>", "", "hi"),
        Mail("<b@x>", "", "hi"),
        Mail("<c@x>", "<a@x>", "x"),
        Mail("<d@x>", "<z@x>", ""),
    ];
    assert_eq!(threads(ThreadAlgorithm::Refs, &mails), "(2)(1 3)(4)");
}

#[test]
fn in_reply_to_stands_in_for_references() {
    let mut threads = Threads::new(ThreadAlgorithm::References);
    let facts = |number, message_id, in_reply_to| ThreadFacts {
        number,
        message_id,
        in_reply_to,
        ..Default::default()
    };
    threads.add(&facts(1, b"<a@x>", b""));
    threads.add(&facts(2, b"<b@x>", b"Message from Ben of Monday <a@x> <ben@x>"));
    threads.add(&ThreadFacts { references: b"nonsense", ..facts(3, b"<c@x>", b"<b@x>") });
    assert_eq!(told(threads.finish()), "(1 2 3)");
}

/// Deep chains, both ways and with every shortcut for loops switched off by a common ancestor.
#[test]
fn hostile_mailboxes_take_no_longer() {
    const MESSAGES: u32 = 50_000;
    let chain = |back_to_front: bool| {
        let mut threads = Threads::new(ThreadAlgorithm::References);
        for step in 0..MESSAGES {
            let at = if back_to_front { MESSAGES - step } else { step + 1 };
            let (id, above) = (format!("<{at}@x>"), format!("<{}@x> <{}@x>", at.saturating_sub(2), at - 1));
            threads.add(&ThreadFacts {
                number: step + 1,
                message_id: id.as_bytes(),
                references: above.as_bytes(),
                ..Default::default()
            });
        }
        let deepest = threads.finish().map(|step| match step {
            Step::Headless => 0,
            Step::Message { depth, .. } => depth,
        });
        assert_eq!(deepest.max(), Some(MESSAGES as usize - 1));
    };
    chain(false);
    chain(true);
    let mut threads = Threads::new(ThreadAlgorithm::Refs);
    for at in 1..=MESSAGES {
        let id = format!("<{at}@x>");
        let references = format!("<{}@x> <{}@x>", at / 2 + 1, (at * 7) % MESSAGES);
        threads.add(&ThreadFacts {
            number: at,
            message_id: id.as_bytes(),
            references: references.as_bytes(),
            ..Default::default()
        });
    }
    assert_eq!(threads.finish().filter(|step| *step != Step::Headless).count(), MESSAGES as usize);
}

proptest! {
    /// Whatever the headers say, every message is told once.
    #[test]
    fn every_message_is_told_once(
        mails in prop::collection::vec((0_u32..12, prop::collection::vec(0_u32..12, 0..5), 0_usize..5, 0_i64..5), 0..25),
        algorithm in prop::sample::select(&ThreadAlgorithm::ALL[..]),
    ) {
        let subjects = ["", "a", "re: a", "b", "re: b"];
        let mut threads = Threads::new(algorithm);
        for (index, (id, references, subject, sent)) in mails.iter().enumerate() {
            let id = format!("<{id}@x>");
            let references = references.iter().map(|id| format!("<{id}@x>")).collect::<Vec<_>>().concat();
            threads.add(&ThreadFacts {
                number: index as u32 + 1,
                sent: *sent,
                message_id: id.as_bytes(),
                references: references.as_bytes(),
                in_reply_to: b"",
                subject: subjects[*subject].as_bytes(),
            });
        }
        let mut numbers: Vec<u32> = threads.finish().filter_map(|step| match step {
            Step::Headless => None,
            Step::Message { number, .. } => Some(number),
        }).collect();
        numbers.sort_unstable();
        prop_assert_eq!(numbers, (1..=mails.len() as u32).collect::<Vec<_>>());
    }
}
