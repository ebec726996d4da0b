//! What URLs in CATENATE stand for (RFC 4469 section 3): octets of the account's own messages.

use super::incoming::Incoming;
use super::{READ_BYTES, too_big};
use crate::imap::fetch::SectionOctets;
use crate::imap::reply::Refusal;
use crate::imap::session::Session;
use proto::imap::Dialect;
use proto::imap::url::{MessageUrl, UrlMailbox, UrlServer};
use proto::imap::write::Code;
use std::sync::Arc;
use store::Mailbox;
use types::{Limits, Right};

impl Session {
    /// Appends what a URL names to a message.
    pub(super) fn copy_octets(
        &self,
        incoming: &mut Incoming,
        url: String,
        limits: &Limits,
    ) -> Result<(), Refusal> {
        let Some(mut octets) = self.octets_of(&url, limits) else {
            return Err(Refusal::no(Code::BadUrl(url), "the URL names nothing that can be read here"));
        };
        if octets.bytes().saturating_add(incoming.bytes()) > limits.message_bytes_max {
            return Err(too_big(limits));
        }
        let mut buffer = Vec::new();
        loop {
            let is_done = octets.fill(&mut buffer, READ_BYTES)?;
            incoming.take_in(&buffer)?;
            buffer.clear();
            if is_done {
                return Ok(());
            }
        }
    }

    fn octets_of(&self, url: &str, limits: &Limits) -> Option<SectionOctets> {
        let dialect = Dialect { limits, utf8_names: true, utf8_only: false };
        let url = MessageUrl::parse(url, &dialect)?;
        if url.server.is_some_and(|server| !self.is_here(&server)) {
            return None;
        }
        let mailbox = self.mailbox_of(&url.mailbox)?;
        if url.uid_validity.is_some_and(|validity| validity != mailbox.uid_validity().get()) {
            return None;
        }
        SectionOctets::open(&mailbox, url.uid, &url.section, url.partial, limits).ok()?
    }

    /// The mailbox a URL names, to be read.
    fn mailbox_of(&self, named: &UrlMailbox) -> Option<Arc<Mailbox>> {
        let open = self.selected.as_deref();
        if *named == UrlMailbox::Open {
            let selected = open.filter(|selected| selected.require(Right::Read).is_ok())?;
            return Some(Arc::clone(selected.view.mailbox()));
        }
        // What somebody else's open mailbox is called here is not known, so nothing is beside it.
        let name = open.map(|selected| selected.view.mailbox()).filter(|mailbox| {
            let mine = self.mail().ok().and_then(|mail| mail.mailbox(&mailbox.name()).ok());
            mine.is_some_and(|mine| Arc::ptr_eq(&mine, mailbox))
        });
        self.readable(&named.resolve(name.map(|mailbox| mailbox.name()).as_ref())?).ok()
    }

    /// Whether an absolute URL means this server and this account.
    fn is_here(&self, server: &UrlServer) -> bool {
        let is_ours = |user: &String| {
            self.mail().is_ok_and(|mail| mail.address().to_string().eq_ignore_ascii_case(user))
        };
        server.host.eq_ignore_ascii_case(&self.settings().hostname.to_string())
            && server.user.as_ref().is_none_or(is_ours)
    }
}
