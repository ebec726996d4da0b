//! The side index in SQLite: a table of trigrams without the texts themselves.
//!
//! A row is a message's header or body; its number says which: `slot of the mailbox << 33 | UID << 1 | is body`. Only the sets
//! of rows are kept for every trigram, not where it stands, which makes the file a fraction of the size and its answers
//! candidates. SQLite's journal and its syncs at each transaction keep the file whole through a power cut.

use super::{Extent, FullText, FullTextError, Text, TextPlace};
use rusqlite::{Connection, ErrorCode, OpenFlags, OptionalExtension, params};
use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::Path;
use types::{SequenceSet, UidValidity};

/// `mbxt`: tells the file from other databases.
const APPLICATION_ID: i32 = 0x6d62_7874;
const LAYOUT_VERSION: i32 = 1;
/// Letters of a token.
const TRIGRAM_LETTERS: usize = 3;
/// Trigrams of a text that are looked up; those of a longer text are picked evenly.
const TRIGRAMS_MAX: usize = 24;
/// Pages kept in memory while the file is open.
const CACHE_KIB: u32 = 1024;
/// Tokens gathered in memory within a transaction before they are written.
const HASH_BYTES: u32 = 4 << 20;
/// Rows without a message that are always borne.
const DEAD_ROWS_MIN: usize = 512;
const UID_BITS: u32 = 33;

pub(super) struct Sqlite {
    connection: Connection,
}

impl From<rusqlite::Error> for FullTextError {
    fn from(error: rusqlite::Error) -> FullTextError {
        let is_about_the_disk = matches!(
            error.sqlite_error_code(),
            Some(
                ErrorCode::CannotOpen
                    | ErrorCode::DatabaseBusy
                    | ErrorCode::DatabaseLocked
                    | ErrorCode::DiskFull
                    | ErrorCode::OutOfMemory
                    | ErrorCode::PermissionDenied
                    | ErrorCode::ReadOnly
                    | ErrorCode::SystemIoFailure
            )
        );
        match is_about_the_disk {
            true => FullTextError::Unavailable(error.to_string()),
            false => FullTextError::Damaged(error.to_string()),
        }
    }
}

impl Sqlite {
    /// Opens the file or makes it.
    pub(super) fn open(path: &Path) -> Result<Sqlite, FullTextError> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
            | OpenFlags::SQLITE_OPEN_CREATE
            | OpenFlags::SQLITE_OPEN_NO_MUTEX
            | OpenFlags::SQLITE_OPEN_NOFOLLOW;
        let connection = Connection::open_with_flags(path, flags)?;
        connection.execute_batch(&format!(
            "PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = TRUNCATE; PRAGMA synchronous = NORMAL;
             PRAGMA cache_size = -{CACHE_KIB}; PRAGMA temp_store = MEMORY; PRAGMA trusted_schema = OFF;"
        ))?;
        let mut sqlite = Sqlite { connection };
        let number = |name| sqlite.connection.pragma_query_value(None, name, |row| row.get::<_, i32>(0));
        match (number("application_id")?, number("user_version")?, number("schema_version")?) {
            (APPLICATION_ID, LAYOUT_VERSION, _) => {}
            (0, 0, 0) => sqlite.create()?,
            _ => return Err(FullTextError::Damaged("it has another layout".to_owned())),
        }
        Ok(sqlite)
    }

    fn create(&mut self) -> Result<(), FullTextError> {
        let transaction = self.connection.transaction()?;
        transaction.execute_batch(&format!(
            "CREATE TABLE mailbox (slot INTEGER PRIMARY KEY, uid_validity INTEGER NOT NULL UNIQUE, last INTEGER NOT NULL);
             CREATE TABLE passed_over (slot INTEGER, uid INTEGER, PRIMARY KEY (slot, uid)) WITHOUT ROWID;
             CREATE VIRTUAL TABLE text USING fts5(
                 place, content = '', contentless_delete = 1, detail = none, tokenize = 'trigram case_sensitive 1');
             INSERT INTO text(text, rank) VALUES ('hashsize', {HASH_BYTES}), ('automerge', 8);
             PRAGMA application_id = {APPLICATION_ID};
             PRAGMA user_version = {LAYOUT_VERSION};"
        ))?;
        Ok(transaction.commit()?)
    }

    fn slot(&self, mailbox: UidValidity) -> Result<Option<(i64, u32)>, FullTextError> {
        let mut statement =
            self.connection.prepare("SELECT slot, last FROM mailbox WHERE uid_validity = ?1")?;
        Ok(statement.query_row([mailbox.get()], |row| Ok((row.get(0)?, row.get(1)?))).optional()?)
    }

    /// Rows of a mailbox's slot whose messages are no more.
    fn dead_rows(
        &self,
        slot: i64,
        is_there: &mut dyn FnMut(u32) -> bool,
    ) -> Result<(Vec<i64>, usize), FullTextError> {
        let mut statement =
            self.connection.prepare("SELECT id FROM text_docsize WHERE id BETWEEN ?1 AND ?2")?;
        let (mut dead, mut all) = (Vec::new(), 0);
        let mut rows = statement.query(params![first_row(slot), first_row(slot + 1) - 1])?;
        while let Some(row) = rows.next()? {
            let id: i64 = row.get(0)?;
            all += 1;
            if !is_there(uid_of(id)) {
                dead.push(id);
            }
        }
        Ok((dead, all))
    }
}

impl FullText for Sqlite {
    fn extent(&mut self, mailbox: UidValidity) -> Result<Extent, FullTextError> {
        let Some((slot, last)) = self.slot(mailbox)? else { return Ok(Extent::default()) };
        let mut statement =
            self.connection.prepare("SELECT uid FROM passed_over WHERE slot = ?1 ORDER BY uid")?;
        let mut passed_over = SequenceSet::new();
        let mut rows = statement.query([slot])?;
        while let Some(row) = rows.next()? {
            passed_over.push(row.get(0)?);
        }
        Ok(Extent { last, passed_over })
    }

    fn add(&mut self, mailbox: UidValidity, texts: &[Text], last: types::Uid) -> Result<(), FullTextError> {
        let transaction = self.connection.transaction()?;
        let slot: i64 = transaction.query_row(
            "INSERT INTO mailbox (uid_validity, last) VALUES (?1, ?2)
             ON CONFLICT (uid_validity) DO UPDATE SET last = max(last, excluded.last) RETURNING slot",
            params![mailbox.get(), last.get()],
            |row| row.get(0),
        )?;
        {
            let mut add = transaction.prepare("INSERT INTO text (rowid, place) VALUES (?1, ?2)")?;
            let mut pass_over =
                transaction.prepare("INSERT OR IGNORE INTO passed_over (slot, uid) VALUES (?1, ?2)")?;
            for Text { uid, places } in texts {
                let Some(places) = places else {
                    pass_over.execute(params![slot, uid.get()])?;
                    continue;
                };
                for (is_body, place) in [(false, &places.header), (true, &places.body)] {
                    let id = first_row(slot) | i64::from(uid.get()) << 1 | i64::from(is_body);
                    if !place.is_empty() {
                        add.execute(params![id, tokenizable(place)])?;
                    }
                }
            }
        }
        Ok(transaction.commit()?)
    }

    fn find(
        &mut self,
        mailbox: UidValidity,
        folded: &str,
        place: TextPlace,
    ) -> Result<Option<SequenceSet>, FullTextError> {
        let Some(query) = query(folded) else { return Ok(None) };
        let mut found = SequenceSet::new();
        let Some((slot, _)) = self.slot(mailbox)? else { return Ok(Some(found)) };
        let mut statement = self.connection.prepare(
            "SELECT rowid FROM text WHERE text MATCH ?1 AND rowid BETWEEN ?2 AND ?3 ORDER BY rowid",
        )?;
        let mut rows = statement.query(params![query, first_row(slot), first_row(slot + 1) - 1])?;
        while let Some(row) = rows.next()? {
            let id: i64 = row.get(0)?;
            if place == TextPlace::Anywhere || is_body(id) {
                found.push(uid_of(id));
            }
        }
        Ok(Some(found))
    }

    fn retain(
        &mut self,
        mailbox: UidValidity,
        is_there: &mut dyn FnMut(u32) -> bool,
    ) -> Result<(), FullTextError> {
        let Some((slot, _)) = self.slot(mailbox)? else { return Ok(()) };
        let (dead, all) = self.dead_rows(slot, is_there)?;
        if dead.len() < DEAD_ROWS_MIN || dead.len() < all / 8 {
            return Ok(());
        }
        self.forget_rows(&dead)
    }

    fn retain_mailboxes(&mut self, mailboxes: &[UidValidity]) -> Result<(), FullTextError> {
        let mut known: Vec<(i64, u32)> = Vec::new();
        {
            let mut statement = self.connection.prepare("SELECT slot, uid_validity FROM mailbox")?;
            let mut rows = statement.query([])?;
            while let Some(row) = rows.next()? {
                known.push((row.get(0)?, row.get(1)?));
            }
        }
        for (slot, uid_validity) in known {
            if mailboxes.iter().any(|mailbox| mailbox.get() == uid_validity) {
                continue;
            }
            let (dead, _) = self.dead_rows(slot, &mut |_| false)?;
            self.forget_rows(&dead)?;
            self.connection.execute("DELETE FROM passed_over WHERE slot = ?1", [slot])?;
            self.connection.execute("DELETE FROM mailbox WHERE slot = ?1", [slot])?;
        }
        Ok(())
    }
}

impl Sqlite {
    fn forget_rows(&mut self, dead: &[i64]) -> Result<(), FullTextError> {
        let transaction = self.connection.transaction()?;
        {
            let mut statement = transaction.prepare("DELETE FROM text WHERE rowid = ?1")?;
            for id in dead {
                statement.execute([id])?;
            }
        }
        Ok(transaction.commit()?)
    }
}

/// The tokenizer stops at NUL.
fn tokenizable(text: &[u8]) -> String {
    String::from_utf8_lossy(text).replace('\0', "\u{fffd}")
}

/// All rows that have every trigram of the text; `None` when it has none.
fn query(folded: &str) -> Option<String> {
    let letters: Vec<char> = folded.chars().collect();
    let trigrams: BTreeSet<&[char]> =
        letters.windows(TRIGRAM_LETTERS).filter(|trigram| !trigram.contains(&'\0')).collect();
    let step = trigrams.len().div_ceil(TRIGRAMS_MAX).max(1);
    let mut query = String::new();
    for trigram in trigrams.into_iter().step_by(step) {
        let token: String = trigram.iter().collect();
        let joint = if query.is_empty() { "" } else { " AND " };
        // Writing to a String cannot fail.
        let _ = write!(query, "{joint}\"{}\"", token.replace('"', "\"\""));
    }
    (!query.is_empty()).then_some(query)
}

fn first_row(slot: i64) -> i64 {
    slot << UID_BITS
}

fn uid_of(row: i64) -> u32 {
    (row >> 1) as u32
}

fn is_body(row: i64) -> bool {
    row & 1 == 1
}

#[cfg(test)]
mod tests {
    use super::super::{Places, discard};
    use super::*;
    use proptest::prelude::*;
    use std::fs;
    use types::Uid;

    fn text(uid: u32, header: &str, body: &str) -> Text {
        let places = Places { header: header.into(), body: body.into() };
        Text { uid: Uid::new(uid).unwrap(), places: Some(places) }
    }

    fn generation(number: u32) -> UidValidity {
        UidValidity::new(number).unwrap()
    }

    fn find(sqlite: &mut Sqlite, needle: &str, place: TextPlace) -> Vec<u32> {
        sqlite.find(generation(7), needle, place).unwrap().unwrap().iter().collect()
    }

    #[test]
    fn header_and_body_are_told_apart_and_so_are_mailboxes() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("t.db");
        let mut sqlite = Sqlite::open(&path).unwrap();
        let texts = [text(3, "subject: zeppelin", "nothing"), text(u32::MAX, "x", "the zeppelin \"flies\"")];
        sqlite.add(generation(7), &texts, Uid::LAST).unwrap();
        sqlite.add(generation(8), &[text(3, "zeppelin", "")], Uid::new(3).unwrap()).unwrap();
        drop(sqlite);
        let mut sqlite = Sqlite::open(&path).unwrap();
        assert_eq!(find(&mut sqlite, "zeppelin", TextPlace::Anywhere), [3, u32::MAX]);
        assert_eq!(find(&mut sqlite, "zeppelin", TextPlace::Body), [u32::MAX]);
        assert_eq!(find(&mut sqlite, "\"flies\"", TextPlace::Body), [u32::MAX]);
        assert_eq!(find(&mut sqlite, "zepelin", TextPlace::Anywhere), []);
        assert_eq!(sqlite.find(generation(7), "ze", TextPlace::Anywhere).unwrap(), None);
        assert_eq!(sqlite.extent(generation(7)).unwrap().last, u32::MAX);
        assert_eq!(sqlite.extent(generation(9)).unwrap(), Extent::default());
    }

    #[test]
    fn what_could_not_be_read_is_remembered_as_such() {
        let dir = tempfile::tempdir().unwrap();
        let mut sqlite = Sqlite::open(&dir.path().join("t.db")).unwrap();
        let passed = Text { uid: Uid::new(2).unwrap(), places: None };
        sqlite.add(generation(7), &[text(1, "abc", ""), passed], Uid::new(2).unwrap()).unwrap();
        let extent = sqlite.extent(generation(7)).unwrap();
        assert_eq!(extent, Extent { last: 2, passed_over: SequenceSet::from_ranges([(2, 2)]) });
    }

    #[test]
    fn messages_and_mailboxes_are_forgotten() {
        let dir = tempfile::tempdir().unwrap();
        let mut sqlite = Sqlite::open(&dir.path().join("t.db")).unwrap();
        let texts: Vec<_> = (1..=2000).map(|uid| text(uid, "header", "same body")).collect();
        sqlite.add(generation(7), &texts, Uid::new(2000).unwrap()).unwrap();
        sqlite.add(generation(8), &texts[..10], Uid::new(10).unwrap()).unwrap();
        sqlite.retain(generation(7), &mut |uid| uid % 2 == 0).unwrap();
        assert_eq!(find(&mut sqlite, "same", TextPlace::Body), (2..=2000).step_by(2).collect::<Vec<_>>());
        sqlite.retain_mailboxes(&[generation(8)]).unwrap();
        assert_eq!(sqlite.extent(generation(7)).unwrap(), Extent::default());
        let found = sqlite.find(generation(8), "same", TextPlace::Body).unwrap();
        assert_eq!(found.unwrap().count(), 10);
    }

    #[test]
    fn foreign_and_damaged_files_are_known_as_such() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("t.db");
        fs::write(&path, vec![b'x'; 8192]).unwrap();
        assert!(matches!(Sqlite::open(&path), Err(FullTextError::Damaged(_))));
        discard(&path);
        Connection::open(&path).unwrap().execute_batch("CREATE TABLE other (x)").unwrap();
        assert!(matches!(Sqlite::open(&path), Err(FullTextError::Damaged(_))));
        discard(&path);
        let texts: Vec<_> = (1..=500).map(|uid| text(uid, &format!("header {uid}"), "body text")).collect();
        let whole = {
            Sqlite::open(&path).unwrap().add(generation(7), &texts, Uid::new(500).unwrap()).unwrap();
            fs::read(&path).unwrap()
        };
        for page in 0..whole.len() / 4096 {
            let mut torn = whole.clone();
            torn[page * 4096..(page + 1) * 4096].fill(0xa5);
            discard(&path);
            fs::write(&path, &torn).unwrap();
            // Whatever the damage, the answer is an error or a set, never a panic.
            let _ = Sqlite::open(&path).and_then(|mut sqlite| {
                sqlite.extent(generation(7))?;
                sqlite.find(generation(7), "body text", TextPlace::Body)?;
                sqlite.add(generation(7), &[text(501, "more", "more")], Uid::new(501).unwrap())
            });
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]

        #[test]
        fn nothing_that_contains_the_text_is_missed(
            texts in proptest::collection::vec(("[a-cé\u{0}\"漢 ]{0,12}", "[a-cé\u{fffd}\" *]{0,40}"), 1..30),
            needles in proptest::collection::vec("[a-cé\"漢 *]{3,5}", 1..20),
        ) {
            let dir = tempfile::tempdir().unwrap();
            let mut sqlite = Sqlite::open(&dir.path().join("t.db")).unwrap();
            let rows: Vec<_> =
                (1..).zip(&texts).map(|(uid, (header, body))| text(uid, header, body)).collect();
            sqlite.add(generation(7), &rows, Uid::new(rows.len() as u32).unwrap()).unwrap();
            for needle in needles {
                let body = find(&mut sqlite, &needle, TextPlace::Body);
                let anywhere = find(&mut sqlite, &needle, TextPlace::Anywhere);
                for (uid, (in_header, in_body)) in (1..).zip(&texts) {
                    prop_assert!(!in_body.contains(&needle) || body.contains(&uid));
                    let is_in = in_header.contains(&needle) || in_body.contains(&needle);
                    prop_assert!(!is_in || anywhere.contains(&uid));
                }
            }
        }
    }
}
