//! One message after the other, item by item, as far as the output has room.

use super::plan::Content;
use super::section::{self, Octets};
use super::source::{Reader, Source};
use super::{Context, Losses, digest};
use crate::imap::reply::Refusal;
use crate::imap::session::Selected;
use proto::imap::command::Partial;
use proto::imap::write::{self, FetchWriter, MessageName};
use proto::mime::DigestView;
use proto::mime::preview::preview;
use store::{Opener, Row, StoreError, View};
use types::{SeqNo, SequenceSet, Uid};

/// Where FETCH is among messages whose files are read.
pub(super) struct Bodies {
    /// Messages to come, the next one last.
    left: Vec<Uid>,
    message: Option<Message>,
    /// `None` for a few messages, which are not worth its preparations.
    opener: Option<Opener>,
    /// A buffer that goes from message to message.
    window: Vec<u8>,
    work: Work,
}

/// Names are read so many at once that it takes some messages to pay.
const OPENER_MESSAGES_MIN: usize = 8;

/// What the items of all messages share.
#[derive(Default)]
struct Work {
    scratch: Vec<u8>,
    /// Previews told so far.
    previews: u32,
}

/// So many previews that need not be told are made all the same: each takes one short read.
const LAZY_PREVIEWS_MAX: u32 = 200;

/// A message that is being told.
struct Message {
    reader: Reader,
    digest: Option<Vec<u8>>,
    /// The next content item.
    next: usize,
    source: Option<Source>,
    /// Whether no item was written yet.
    first: bool,
}

impl Bodies {
    pub(super) fn new(view: &View, uids: &SequenceSet) -> Bodies {
        let mut left: Vec<Uid> = view.seqs_of(uids).iter().filter_map(|seq| view.uid_of(seq)).collect();
        left.reverse();
        let opener = (left.len() >= OPENER_MESSAGES_MIN).then(|| Opener::new(view.mailbox()));
        Bodies { left, message: None, opener, window: Vec::new(), work: Work::default() }
    }

    /// Writes until the output is full or everything is told; whether everything is.
    pub(super) fn fill(
        &mut self,
        context: &Context<'_>,
        selected: &Selected,
        out: &mut Vec<u8>,
        losses: &mut Losses,
    ) -> Result<bool, Refusal> {
        let full = context.limits.output_bytes_max;
        loop {
            if let Some(message) = &mut self.message {
                // A message that fails in the middle of a literal leaves the client waiting for octets: nothing can be said any more.
                match message.go_on(context, &mut self.work, out, full, losses) {
                    Ok(true) => {}
                    Ok(false) => return Ok(false),
                    Err(error) => {
                        tracing::warn!(%error, "a message failed while it was being sent");
                        return Err(Refusal::Gone);
                    }
                }
                if let Some(done) = self.message.take() {
                    self.window = done.reader.into_window();
                }
            }
            if out.len() >= full {
                return Ok(false);
            }
            let Some(uid) = self.left.pop() else { return Ok(true) };
            match self.open(context, selected, uid, out) {
                Ok(()) => {}
                Err(error) => losses.note(&error)?,
            }
        }
    }

    /// Begins a message's answer with everything that needs no file.
    fn open(
        &mut self,
        context: &Context<'_>,
        selected: &Selected,
        uid: Uid,
        out: &mut Vec<u8>,
    ) -> Result<(), StoreError> {
        let mailbox = selected.view.mailbox();
        let known: Option<(SeqNo, Row)> = selected.view.seq_of(uid).zip(mailbox.row(uid));
        let (seq, row) = known.ok_or(StoreError::NoSuchMessage)?;
        let digest = match context.plan.needs_digest() {
            true => Some(digest::of_message(mailbox, uid, context.limits)?),
            false => None,
        };
        let mut window = std::mem::take(&mut self.window);
        let file = match &mut self.opener {
            Some(opener) => opener.open(uid, &mut window)?,
            None => {
                window.clear();
                mailbox.open_message(uid)?
            }
        };
        let mut fetch = FetchWriter::begin(out, MessageName::new(context.enabled, seq, uid));
        context.write_row_items(&mut fetch, &row, selected);
        if let Some(view) = digest.as_deref().and_then(|digest| DigestView::parse(digest).ok()) {
            context.write_digest_items(&mut fetch, &view);
        }
        let first = fetch.is_first();
        let reader = Reader::new(file, window);
        self.message = Some(Message { reader, digest, next: 0, source: None, first });
        Ok(())
    }
}

impl Message {
    /// Writes on until the output is full or the message is told; whether it is.
    fn go_on(
        &mut self,
        context: &Context<'_>,
        work: &mut Work,
        out: &mut Vec<u8>,
        full: usize,
        losses: &mut Losses,
    ) -> Result<bool, StoreError> {
        loop {
            if let Some(source) = &mut self.source {
                if !source.fill(&mut self.reader, out, full)? {
                    return Ok(false);
                }
                self.source = None;
            }
            let mut fetch = FetchWriter::resume(out, self.first);
            let Some(content) = context.plan.contents.get(self.next) else {
                fetch.end();
                return Ok(true);
            };
            self.next += 1;
            self.first = false;
            self.source = self.begin(content, &mut fetch, work, losses)?;
        }
    }

    /// Writes an item, of streamed ones all but their octets.
    fn begin(
        &mut self,
        content: &Content,
        fetch: &mut FetchWriter<'_>,
        work: &mut Work,
        losses: &mut Losses,
    ) -> Result<Option<Source>, StoreError> {
        let digest = self.digest.as_deref().and_then(|digest| DigestView::parse(digest).ok());
        let root = digest.and_then(|digest| digest.structure().ok());
        let (root, reader, scratch) = (root.as_ref(), &mut self.reader, &mut work.scratch);
        match content {
            Content::Body { section, partial, rfc822_name } => {
                fetch.body_name(section, *partial, *rfc822_name);
                let octets = section::body(reader, root, section, scratch)?;
                return Ok(Some(begun(fetch, octets, *partial)));
            }
            Content::Binary { section, partial } => {
                fetch.binary_name("BINARY", section, *partial);
                let octets = section::binary(reader, root, section, scratch, losses)?;
                return Ok(Some(begun(fetch, octets, *partial)));
            }
            Content::BinarySize(section) => {
                fetch.binary_name("BINARY.SIZE", section, None);
                let octets = section::binary(reader, root, section, scratch, losses)?;
                write::number(fetch.out, octets.map_or(0, |octets| octets.measure.bytes));
            }
            Content::Preview(lazy) => {
                fetch.name("PREVIEW");
                work.previews += 1;
                let root = root.filter(|_| !lazy || work.previews <= LAZY_PREVIEWS_MAX);
                let read = |buffer: &mut [u8], offset| reader.read_at(buffer, offset);
                match root.map(|root| preview(root, read)).transpose()? {
                    Some(text) => write::string(fetch.out, text.as_bytes()),
                    None if *lazy => fetch.nil(),
                    None => write::string(fetch.out, b""),
                }
            }
        }
        Ok(None)
    }
}

/// Writes the literal's length; its octets come from the source. A section that is not there is empty.
fn begun(fetch: &mut FetchWriter<'_>, octets: Option<Octets>, partial: Option<Partial>) -> Source {
    let source = octets.unwrap_or_default().source(partial);
    fetch.literal(source.bytes(), source.has_nul());
    source
}
