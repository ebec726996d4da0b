use proto::imap::command::{FetchItem, Partial, Section, SectionText};
use proto::mime::header::FieldFilter;
use proto::mime::kept::is_kept;

/// What a FETCH asks of every message, sorted by where the answer comes from.
pub(super) struct Plan {
    pub(super) reads: Reads,
    pub(super) uid: bool,
    pub(super) flags: bool,
    pub(super) modseq: bool,
    pub(super) internal_date: bool,
    pub(super) size: bool,
    pub(super) save_date: bool,
    pub(super) email_id: bool,
    pub(super) thread_id: bool,
    pub(super) envelope: bool,
    pub(super) body: bool,
    pub(super) body_structure: bool,
    /// What comes from the file, in the order asked.
    pub(super) contents: Vec<Content>,
    /// Picks of header fields for all the contents, when the index keeps what they ask for.
    pub(super) picks: Option<Vec<FieldFilter>>,
    pub(super) sets_seen: bool,
}

/// The dearest thing that is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Reads {
    Rows,
    Digests,
    Messages,
}

/// An item answered from the message's file.
pub(super) enum Content {
    Body {
        section: Section,
        partial: Option<Partial>,
        rfc822_name: bool,
    },
    Binary {
        section: Section,
        partial: Option<Partial>,
    },
    BinarySize(Section),
    /// Only if it costs little when true.
    Preview(bool),
}

impl Content {
    /// The pick that answers a HEADER.FIELDS whose fields the index keeps.
    fn pick(&self) -> Option<FieldFilter> {
        let Content::Body { section, .. } = self else { return None };
        let SectionText::HeaderFields { names, not: false } = &section.text else { return None };
        let is_known = section.part.is_empty() && names.iter().all(|name| is_kept(name));
        let names: Vec<_> = names.iter().map(|name| name.clone().into_bytes()).collect();
        is_known.then(|| FieldFilter::new(names, false))
    }
}

impl Plan {
    pub(super) fn new(items: Vec<FetchItem>, uid: bool) -> Plan {
        let mut plan = Plan {
            reads: Reads::Rows,
            uid,
            flags: false,
            modseq: false,
            internal_date: false,
            size: false,
            save_date: false,
            email_id: false,
            thread_id: false,
            envelope: false,
            body: false,
            body_structure: false,
            contents: Vec::new(),
            picks: None,
            sets_seen: false,
        };
        for item in items {
            plan.add(item);
        }
        plan.picks = plan.contents.iter().map(Content::pick).collect();
        plan.reads = match (plan.contents.is_empty(), plan.asks_digest()) {
            (false, _) if plan.picks.is_none() => Reads::Messages,
            (false, _) | (true, true) => Reads::Digests,
            (true, false) => Reads::Rows,
        };
        plan
    }

    fn add(&mut self, item: FetchItem) {
        match item {
            FetchItem::Binary { section, partial, peek } => {
                self.sets_seen |= !peek;
                self.contents.push(Content::Binary { section, partial });
            }
            FetchItem::BinarySize(section) => self.contents.push(Content::BinarySize(section)),
            FetchItem::Body(item) => {
                self.sets_seen |= !item.peek;
                let rfc822_name = item.rfc822_name;
                self.contents.push(Content::Body {
                    section: item.section,
                    partial: item.partial,
                    rfc822_name,
                });
            }
            FetchItem::BodyStructure(false) => self.body = true,
            FetchItem::BodyStructure(true) => self.body_structure = true,
            FetchItem::EmailId => self.email_id = true,
            FetchItem::Envelope => self.envelope = true,
            FetchItem::Flags => self.flags = true,
            FetchItem::InternalDate => self.internal_date = true,
            FetchItem::ModSeq => self.modseq = true,
            FetchItem::Preview(lazy) => self.contents.push(Content::Preview(lazy)),
            FetchItem::Rfc822Size => self.size = true,
            FetchItem::SaveDate => self.save_date = true,
            FetchItem::ThreadId => self.thread_id = true,
            FetchItem::Uid => self.uid = true,
        }
    }

    /// Whether names of files are asked besides the rows.
    pub(super) fn needs_identity(&self) -> bool {
        self.save_date || self.email_id
    }

    fn asks_digest(&self) -> bool {
        self.envelope || self.body || self.body_structure || self.thread_id
    }

    /// Whether the index is asked besides the file.
    pub(super) fn needs_digest(&self) -> bool {
        let by_structure = |content: &Content| match content {
            Content::Body { section, .. }
            | Content::Binary { section, .. }
            | Content::BinarySize(section) => !section.part.is_empty() || section.text != SectionText::Whole,
            Content::Preview(_) => true,
        };
        self.asks_digest() || self.contents.iter().any(by_structure)
    }
}
