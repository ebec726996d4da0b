//! ESEARCH: one search through several mailboxes (RFC 7377). They are opened one after the other; the open mailbox stays open.

use super::tells;
use crate::disk;
use crate::imap::notify::filter_holds;
use crate::imap::reply::{Answer, Refusal, Reply};
use crate::imap::resolve::shown_as;
use crate::imap::session::{Selected, Session};
use proto::imap::Tag;
use proto::imap::command::MailboxArgument;
use proto::imap::multisearch::{MultiSearch, SearchSource};
use proto::imap::notify::MailboxFilter;
use proto::imap::search::SearchReturn;
use proto::imap::write::{self, Code, Found, Status};
use std::collections::BTreeSet;
use std::sync::Arc;
use types::{MailboxName, Right, SequenceSet};

impl Session {
    pub(in crate::imap) async fn multisearch(&mut self, tag: &Tag, search: MultiSearch) -> Answer {
        let has_selected = search.sources.is_empty() || search.sources.contains(&SearchSource::Selected);
        if (has_selected || search.returns.update) && self.selected.is_none() {
            return Err(Refusal::bad("open a mailbox first"));
        }
        let mut names = disk(|| self.names_to_search(&search.sources))?;
        if let Some(selected) = self.selected.as_ref().filter(|_| has_selected) {
            names.extend(self.name_of(selected));
        }
        let of_selected = self.selected.as_ref().and_then(|selected| self.name_of(selected));
        for name in names {
            let is_selected = of_selected.as_ref() == Some(&name);
            match is_selected {
                true => self.search_selected(tag, &name, &search).await?,
                false => self.search_other(tag, &name, &search).await?,
            }
            let settings = self.settings();
            self.flush_if_full(&settings.limits).await?;
        }
        if search.returns.update && !has_selected {
            let code = Code::NoUpdate(tag.clone());
            write::untagged(
                &mut self.out,
                Status::No,
                Some(&code),
                "only the open mailbox is kept up to date",
            );
        }
        Reply::ok("that is all")
    }

    async fn search_selected(
        &mut self,
        tag: &Tag,
        name: &MailboxName,
        search: &MultiSearch,
    ) -> Result<(), Refusal> {
        let found = self.find(&search.key).await;
        self.save(Some(search.returns), found.as_ref().ok().map(Found::Set));
        let found = found?;
        self.write_multisearch(tag, name, search.returns, &found)?;
        if search.returns.update {
            self.keep_up_to_date(tag, true, search.key.clone(), &found);
        }
        Ok(())
    }

    /// Opens another mailbox, searches it and closes it. One that cannot be opened, or not read, is passed over.
    async fn search_other(
        &mut self,
        tag: &Tag,
        name: &MailboxName,
        search: &MultiSearch,
    ) -> Result<(), Refusal> {
        let Ok(other) = disk(|| self.open_to_search(name)) else { return Ok(()) };
        let selected = self.selected.replace(other);
        let found = self.find(&search.key).await;
        let told = found.and_then(|found| self.write_multisearch(tag, name, search.returns, &found));
        let other = std::mem::replace(&mut self.selected, selected);
        disk(|| drop(other));
        told
    }

    fn open_to_search(&self, name: &MailboxName) -> Result<Box<Selected>, Refusal> {
        let place = self.resolve(name)?;
        place.require(Right::Read)?;
        Selected::open(place.open()?, self.host.store.sharing_changes(), true).map(Box::new)
    }

    /// A mailbox without a match is not spoken of (RFC 7377 section 2.1).
    fn write_multisearch(
        &mut self,
        tag: &Tag,
        name: &MailboxName,
        returns: SearchReturn,
        found: &SequenceSet,
    ) -> Result<(), Refusal> {
        if found.is_empty() || !tells(returns) {
            return Ok(());
        }
        let mailbox = self.selected()?.view.mailbox();
        let source = write::SearchedMailbox {
            name,
            uid_validity: mailbox.uid_validity().get(),
            utf8: self.enabled.utf8_names(),
        };
        write::multisearch(&mut self.out, tag, &source, returns, Found::Set(found));
        Ok(())
    }

    /// The mailboxes all sources but the open one are about, each once.
    fn names_to_search(&self, sources: &[SearchSource]) -> Result<BTreeSet<MailboxName>, Refusal> {
        let is_selected = |source: &SearchSource| *source == SearchSource::Selected;
        if sources.iter().all(is_selected) {
            return Ok(BTreeSet::new());
        }
        let mut names = BTreeSet::new();
        for source in sources {
            // Those named need not be seen by LIST (RFC 7377 section 2.2).
            if let SearchSource::Filter(MailboxFilter::Mailboxes(named)) = source {
                names.extend(named.iter().flatten().cloned());
            }
        }
        for entry in self.all_mailboxes()?.iter().filter(|entry| entry.exists) {
            let holds = |source: &SearchSource| match source {
                SearchSource::Filter(filter) => filter_holds(filter, &entry.name, &|| entry.subscribed),
                SearchSource::Selected => false,
                SearchSource::SubtreeOne(tops) => is_at_or_directly_below(&entry.name, tops),
            };
            if sources.iter().any(holds) {
                names.insert(entry.name.clone());
            }
        }
        Ok(names)
    }

    /// What an open mailbox is called in this session.
    fn name_of(&self, selected: &Selected) -> Option<MailboxName> {
        let mailbox = selected.view.mailbox();
        match self.mail().is_ok_and(|me| Arc::ptr_eq(me, mailbox.account())) {
            true => Some(mailbox.name()),
            false => shown_as(mailbox.account().address(), &mailbox.name()),
        }
    }
}

fn is_at_or_directly_below(name: &MailboxName, tops: &[MailboxArgument]) -> bool {
    tops.iter().flatten().any(|top| name == top || name.parent().as_ref() == Some(top))
}
