//! What is searched with the index is what is found without it.

use super::*;
use proto::mime::text::TextSearch;
use store::{AccountMail, Arrival, Store, StoreOptions, TextPlace};
use types::{Address, SequenceSet, SpecialUse};

const WORDS: [&str; 24] = [
    "Zeppelin",
    "GRÜSSE",
    "straße",
    "caf\u{e9}",
    "cafe\u{301}",
    "漢字テスト",
    "Привет",
    "a",
    "ab",
    "the",
    "\"quoted\"",
    "AND",
    "OR*",
    "NEAR(",
    "100%",
    "x_y",
    "ﬁle",
    "ΟΔΟΣ",
    "tab\tbed",
    "quixotic",
    "-",
    "=?utf-8?q?Gr=C3=BC=C3=9Fe?=",
    "mid\u{200d}dle",
    "end.",
];

/// A generator of mail that is the same in every run.
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % end
    }

    fn words(&mut self, count: usize) -> String {
        (0..count)
            .map(|_| WORDS[self.below(WORDS.len())])
            .collect::<Vec<_>>()
            .join([" ", "", "\r\n"][self.below(3)])
    }

    fn message(&mut self) -> String {
        let subject = self.words(3).replace("\r\n", " ");
        let (first, second) = (self.words(6), self.words(9));
        match self.below(4) {
            0 => format!("Subject: {subject}\r\n\r\n{first}\r\n"),
            1 => format!(
                "Subject: {subject}\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n\
                 --b\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n{first}\r\n\
                 --b\r\nContent-Type: text/html; charset=utf-8\r\nContent-Description: inner\r\n\r\n<p>{second}</p>\r\n--b--\r\n"
            ),
            2 => format!(
                "Subject: {subject}\r\nMIME-Version: 1.0\r\nContent-Type: message/rfc822\r\n\r\n\
                 Subject: inside {second}\r\n\r\n{first}\r\n"
            ),
            _ => format!(
                "Subject: {subject}\r\nMIME-Version: 1.0\r\nContent-Type: application/octet-stream\r\n\r\n{first}\r\n"
            ),
        }
    }
}

fn open(dir: &std::path::Path) -> (Store, Arc<AccountMail>) {
    let options = StoreOptions { mailboxes_max: 100 };
    let store = Store::open(store::disk::real(), dir, "box", options).unwrap();
    let account = store.account(&Address::parse("ana@home.test").unwrap()).unwrap();
    (store, account)
}

fn deliver(inbox: &Arc<Mailbox>, text: &str) {
    let mut message = inbox.account().new_message().unwrap();
    message.write(text.as_bytes()).unwrap();
    inbox.add(message, Arrival::default()).unwrap().ticket.wait().unwrap();
}

fn linear(inbox: &Arc<Mailbox>, needle: &str, place: TextPlace) -> SequenceSet {
    let mut rows = Vec::new();
    inbox.rows(Uid::FIRST, Uid::LAST, usize::MAX, &mut rows);
    let mut search = TextSearch::new(needle);
    let mut found = SequenceSet::new();
    for row in rows {
        let digest = digest::of_message(inbox, row.uid, &Limits::default()).unwrap();
        let root = DigestView::parse(&digest).unwrap().structure().unwrap();
        let file = inbox.open_message(row.uid).unwrap();
        let read = |to: &mut [u8], at| file.read_at(to, at);
        let is_in = match place {
            TextPlace::Body => search.in_body(&root, read),
            TextPlace::Anywhere => search.in_message(&root, read),
        };
        if is_in.unwrap() {
            found.push(row.uid.get());
        }
    }
    found
}

fn indexed(inbox: &Arc<Mailbox>, needle: &str, place: TextPlace) -> Option<SequenceSet> {
    let folded = TextSearch::new(needle).folded_key().to_owned();
    let find = |index: &mut dyn store::FullText| index.find(inbox.uid_validity(), &folded, place);
    inbox.account().with_full_text(false, find).unwrap()
}

fn take_in_all(inbox: &Arc<Mailbox>) -> u32 {
    loop {
        match take_in(inbox, &Limits::default()).unwrap() {
            (_, true) => {}
            (last, false) => return last,
        }
    }
}

#[test]
fn every_message_found_without_the_index_is_named_by_it() {
    let dir = tempfile::tempdir().unwrap();
    let (store, account) = open(dir.path());
    let inbox = account.mailbox(&types::MailboxName::inbox()).unwrap();
    let mut random = Random(7);
    for _ in 0..150 {
        deliver(&inbox, &random.message());
    }
    assert_eq!(take_in_all(&inbox), 150);
    let (mut named, mut there) = (0, 0);
    for _ in 0..120 {
        let words = random.words(2);
        let letters: Vec<char> = words.chars().collect();
        let start = random.below(letters.len());
        let needle: String = letters[start..].iter().take(2 + random.below(9)).collect();
        for place in [TextPlace::Body, TextPlace::Anywhere] {
            let Some(candidates) = indexed(&inbox, &needle, place) else { continue };
            let found = linear(&inbox, &needle, place);
            assert_eq!(found.intersection(&candidates), found, "{needle:?} {place:?}");
            (named, there) = (named + candidates.count(), there + found.count());
        }
    }
    assert!(there > 100 && named < there * 2, "{named} named, {there} there");
    store.close();
}

#[test]
fn the_index_follows_what_comes_and_goes() {
    let dir = tempfile::tempdir().unwrap();
    let (store, account) = open(dir.path());
    let inbox = account.mailbox(&types::MailboxName::inbox()).unwrap();
    for n in 0..70 {
        deliver(&inbox, &format!("Subject: {n}\r\n\r\nzeppelin\r\n"));
    }
    let big = format!("Subject: big\r\n\r\nzeppelin{}\r\n", "x".repeat(TEXT_BYTES_MAX));
    deliver(&inbox, &big);
    assert_eq!(take_in_all(&inbox), 71);
    let extent = |inbox: &Arc<Mailbox>| {
        account.with_full_text(false, |index| index.extent(inbox.uid_validity())).unwrap()
    };
    assert_eq!(extent(&inbox).passed_over, SequenceSet::from_ranges([(71, 71)]));
    assert_eq!(indexed(&inbox, "zeppelin", TextPlace::Body).unwrap().count(), 70);
    // A few more wait until they are many.
    deliver(&inbox, "Subject: later\r\n\r\nzeppelin\r\n");
    take_in_all(&inbox);
    assert_eq!(extent(&inbox).last, 71);
    let archive = account.mailbox(&SpecialUse::Archive.default_name()).unwrap();
    let all = SequenceSet::from_ranges([(1, 72)]);
    inbox.move_to(&all, &archive).unwrap().ticket.wait().unwrap();
    assert_eq!(take_in_all(&archive), 72);
    assert_eq!(indexed(&archive, "zeppelin", TextPlace::Body).unwrap().count(), 71);
    store.close();
}

#[test]
fn a_damaged_index_is_begun_anew() {
    let dir = tempfile::tempdir().unwrap();
    let (store, account) = open(dir.path());
    let inbox = account.mailbox(&types::MailboxName::inbox()).unwrap();
    for n in 0..70 {
        deliver(&inbox, &format!("Subject: {n}\r\n\r\nzeppelin\r\n"));
    }
    take_in_all(&inbox);
    let file = dir.path().join("index/home.test/ana/fulltext.db");
    std::fs::write(&file, "no database at all, but long enough to be looked at\n".repeat(100)).unwrap();
    assert!(matches!(take_in(&inbox, &Limits::default()), Err(FullTextError::Damaged(_))));
    assert!(!file.exists());
    assert_eq!(take_in_all(&inbox), 70);
    assert_eq!(indexed(&inbox, "zeppelin", TextPlace::Body).unwrap().count(), 70);
    store.close();
}
