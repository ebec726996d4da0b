//! SEARCH (RFC 9051 section 6.4.4). Each message is judged by its row first, then by the index, and its file is opened only if
//! both leave the question open.

mod compiled;
mod context;
mod hunt;
mod known;
mod looked_up;
mod multisearch;
mod sort;
mod sort_table;
mod thread;

use super::reply::{Answer, Refusal, Reply};
use super::session::Session;
use crate::disk;
pub(super) use context::Contexts;
use hunt::Hunt;
use proto::imap::Tag;
use proto::imap::command::Search;
use proto::imap::search::{SearchKey, SearchReturn};
use proto::imap::write::{self, Found};
use std::sync::Arc;
use types::{ModSeq, SequenceSet};

impl Session {
    pub(super) async fn search(&mut self, tag: &Tag, search: Search) -> Answer {
        // IMAP4rev2 has no other answer.
        let returns = search.returns.or(self.enabled.revision2.then_some(SearchReturn::ALL));
        let found = Box::pin(self.find(&search.key)).await;
        self.save(returns, found.as_ref().ok().map(Found::Set));
        let uids = found?;
        let modseq = self.modseq_told(&search.key, returns, Found::Set(&uids))?;
        let found = match search.uid {
            true => uids.clone(),
            false => self.selected()?.view.seqs_of(&uids),
        };
        match returns {
            None => write::search(&mut self.out, &found, modseq),
            Some(returns) if !tells(returns) => {}
            Some(returns) => {
                write::esearch(&mut self.out, tag, search.uid, returns, Found::Set(&found), modseq);
            }
        }
        if returns.is_some_and(|returns| returns.update) {
            self.keep_up_to_date(tag, search.uid, search.key, &uids);
        }
        Reply::ok("that is all")
    }

    /// The UIDs of all messages the key holds for. A long search lets others work in between, and ends when its client is gone.
    async fn find(&mut self, key: &SearchKey) -> Result<SequenceSet, Refusal> {
        let settings = self.settings();
        let host = Arc::clone(&self.host);
        let selected = self.selected()?;
        let mut hunt =
            Hunt::new(key, selected, host.now(), self.enabled.revision2, settings.search.fulltext)?;
        loop {
            self.tell_progress(Some(hunt.progress())).await?;
            let turn = match hunt.opens_messages() {
                true => Some(host.searching.acquire().await.map_err(|_| Refusal::Gone)?),
                false => None,
            };
            let view = &self.selected()?.view;
            if disk(|| hunt.go_on(view, &settings.limits))? {
                return Ok(hunt.into_found());
            }
            drop(turn);
            tokio::task::yield_now().await;
            if self.is_client_gone().await {
                return Err(Refusal::Gone);
            }
        }
    }

    /// The modification sequence that goes with what is told, where the key asked for one (RFC 7162 section 3.1.5, RFC 4731
    /// section 3.2).
    fn modseq_told(
        &self,
        key: &SearchKey,
        returns: Option<SearchReturn>,
        found: Found<'_>,
    ) -> Result<Option<ModSeq>, Refusal> {
        match key.names_modseq() {
            true => {
                let told = found.saved(returns.unwrap_or(SearchReturn::ALL));
                Ok(self.selected()?.view.highest_modseq(&told))
            }
            false => Ok(None),
        }
    }

    /// Keeps UIDs for `$` if that was asked for. A search that failed leaves nothing (RFC 5182 section 2.1).
    fn save(&mut self, returns: Option<SearchReturn>, found: Option<Found<'_>>) {
        if let (Some(returns @ SearchReturn { save: true, .. }), Some(selected)) =
            (returns, &mut self.selected)
        {
            selected.saved = found.map(|found| found.saved(returns)).unwrap_or_default();
        }
    }
}

/// With SAVE alone nothing is told (RFC 5182 section 2.1).
fn tells(returns: SearchReturn) -> bool {
    returns != SearchReturn { save: true, ..SearchReturn::default() }
}
