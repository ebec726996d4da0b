//! SEARCH, SORT and THREAD as a client writes them, and what FETCH has in common with them.

use super::command::Writer;
use super::data::{astring, number};
use super::search::partial_range;
use crate::imap::command::{Fetch, Search};
use crate::imap::date;
use crate::imap::multisearch::{MultiSearch, SearchSource};
use crate::imap::search::{SearchKey, SearchReturn};
use crate::imap::sort::{Sort, Thread};

impl Writer<'_> {
    pub(super) fn search(&mut self, search: &Search) {
        self.put(if search.uid { "UID SEARCH " } else { "SEARCH " });
        self.returns(search.returns);
        self.put("CHARSET UTF-8 ");
        self.fuzzy(search.returns.is_some_and(|returns| returns.relevancy));
        self.search_key(&search.key);
    }

    pub(super) fn sort(&mut self, sort: &Sort) {
        self.put(if sort.uid { "UID SORT " } else { "SORT " });
        self.returns(sort.returns);
        self.list("(", &sort.criteria, |writer, criterion| {
            writer.put(if criterion.reverse { "REVERSE " } else { "" });
            writer.put(criterion.key.name());
        });
        self.put(" UTF-8 ");
        self.fuzzy(true);
        self.search_key(&sort.key);
    }

    pub(super) fn multisearch(&mut self, search: &MultiSearch) {
        self.put("ESEARCH ");
        if !search.sources.is_empty() {
            self.list("IN (", &search.sources, |writer, source| match source {
                SearchSource::Filter(filter) => writer.mailbox_filter(filter),
                SearchSource::Selected => writer.put("SELECTED"),
                SearchSource::SubtreeOne(names) => writer.list("SUBTREE-ONE (", names, Self::mailbox),
            });
            self.put(" ");
        }
        self.returns(Some(search.returns));
        self.fuzzy(search.returns.relevancy);
        self.search_key(&search.key);
    }

    pub(super) fn thread(&mut self, thread: &Thread) {
        self.put(if thread.uid { "UID THREAD " } else { "THREAD " });
        self.put(thread.algorithm.name());
        self.put(" UTF-8 ");
        self.search_key(&thread.key);
    }

    pub(super) fn fetch_modifiers(&mut self, fetch: &Fetch) {
        let mut begin = " (";
        if let Some(modseq) = fetch.changed_since {
            self.put(begin);
            self.counted("CHANGEDSINCE ", modseq.0);
            self.put(if fetch.vanished { " VANISHED" } else { "" });
            begin = " ";
        }
        if let Some(range) = fetch.partial {
            self.put(begin);
            self.put("PARTIAL ");
            partial_range(self.out, range);
            begin = " ";
        }
        self.put(if begin == " " { ")" } else { "" });
    }

    fn returns(&mut self, returns: Option<SearchReturn>) {
        let Some(returns) = returns else { return };
        self.put("RETURN ");
        let told = self.words(&[
            (returns.min, "MIN"),
            (returns.max, "MAX"),
            (returns.all, "ALL"),
            (returns.count, "COUNT"),
            (returns.save, "SAVE"),
            (returns.relevancy, "RELEVANCY"),
            (returns.context, "CONTEXT"),
            (returns.update, "UPDATE"),
        ]);
        if let Some(range) = returns.partial {
            self.put(if told { " PARTIAL " } else { "PARTIAL " });
            partial_range(self.out, range);
        }
        self.put(") ");
    }

    /// RELEVANCY is only told of FUZZY keys.
    fn fuzzy(&mut self, fuzzy: bool) {
        self.put(if fuzzy { "FUZZY " } else { "" });
    }

    fn search_key(&mut self, key: &SearchKey) {
        match key {
            SearchKey::All => self.put("ALL"),
            SearchKey::And(keys) => self.list("(", keys, Self::search_key),
            SearchKey::Before(day) => self.dated("BEFORE ", *day),
            SearchKey::Body(text) => self.texts("BODY", &[text]),
            SearchKey::EmailId(id) => self.identified("EMAILID ", id),
            SearchKey::Field(field, text) => self.texts(field.name(), &[text]),
            SearchKey::Flag(flag, set) => {
                self.put(if *set { "" } else { "UN" });
                self.put(&flag.imap_name()[1..].to_ascii_uppercase());
            }
            SearchKey::Header(name, text) => self.texts("HEADER", &[name, text]),
            SearchKey::Keyword(keyword, set) => {
                self.put(if *set { "KEYWORD " } else { "UNKEYWORD " });
                self.put(keyword.as_str());
            }
            SearchKey::Larger(bytes) => self.counted("LARGER ", *bytes),
            SearchKey::ModSeq(modseq) => self.counted("MODSEQ ", modseq.0),
            SearchKey::Not(key) => {
                self.put("NOT ");
                self.search_key(key);
            }
            SearchKey::Older(seconds) => self.counted("OLDER ", u64::from(*seconds)),
            SearchKey::On(day) => self.dated("ON ", *day),
            SearchKey::Or(either, or) => {
                self.put("OR ");
                self.search_key(either);
                self.put(" ");
                self.search_key(or);
            }
            SearchKey::Recent(recent) => self.put(if *recent { "RECENT" } else { "OLD" }),
            SearchKey::SaveDateSupported => self.put("SAVEDATESUPPORTED"),
            SearchKey::SavedBefore(day) => self.dated("SAVEDBEFORE ", *day),
            SearchKey::SavedOn(day) => self.dated("SAVEDON ", *day),
            SearchKey::SavedSince(day) => self.dated("SAVEDSINCE ", *day),
            SearchKey::SentBefore(day) => self.dated("SENTBEFORE ", *day),
            SearchKey::SentOn(day) => self.dated("SENTON ", *day),
            SearchKey::SentSince(day) => self.dated("SENTSINCE ", *day),
            SearchKey::Sequence(set) => self.set(set),
            SearchKey::Since(day) => self.dated("SINCE ", *day),
            SearchKey::Smaller(bytes) => self.counted("SMALLER ", *bytes),
            SearchKey::Text(text) => self.texts("TEXT", &[text]),
            SearchKey::ThreadId(id) => self.identified("THREADID ", id),
            SearchKey::Uid(set) => {
                self.put("UID ");
                self.set(set);
            }
            SearchKey::Younger(seconds) => self.counted("YOUNGER ", u64::from(*seconds)),
        }
    }

    fn identified(&mut self, word: &str, id: &str) {
        self.put(word);
        self.put(id);
    }

    fn dated(&mut self, word: &str, day: i64) {
        self.put(word);
        date::write_date(self.out, day);
    }

    pub(super) fn counted(&mut self, word: &str, value: u64) {
        self.put(word);
        number(self.out, value);
    }

    fn texts(&mut self, word: &str, texts: &[&String]) {
        self.put(word);
        for text in texts {
            self.put(" ");
            astring(self.out, text.as_bytes());
        }
    }
}
