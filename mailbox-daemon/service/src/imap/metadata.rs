//! GETMETADATA and SETMETADATA (RFC 5464), and what LIST tells of annotations (RFC 9590).
//!
//! Shared entries of a mailbox are there for everybody who may see it and be changed by whoever may write; those of the server
//! are fixed but for the script that events set off, of which each account has its own. `/private/specialuse` is what the mailbox is for (RFC 6154 section 5.4).

use super::reply::{Answer, Refusal, Reply};
use super::resolve::{Place, no_mailbox, no_permission};
use super::session::Session;
use crate::disk;
use crate::sieve::SCRIPT_ENTRY;
use proto::imap::metadata::{Annotated, Depth, EntryName, GetMetadata, SetMetadata};
use proto::imap::write::{self, Code};
use std::sync::Arc;
use store::{AnnotationChange, Annotations};
use types::{MailboxName, Right, Rights, SpecialUse};

/// Largest value, in octets.
const VALUE_BYTES_MAX: usize = 64 * 1024;
/// The entry that says what a mailbox is for.
pub(super) const SPECIAL_USE: &str = "/private/specialuse";
/// How to reach whoever runs the box.
const ADMIN: &str = "/shared/admin";

impl Session {
    pub(super) fn getmetadata(&mut self, get: GetMetadata) -> Answer {
        let (name, annotations) = match get.of {
            Annotated::Server => (None, disk(|| self.server_annotations())?),
            Annotated::Mailbox(mailbox) => {
                let name = mailbox.map_err(Refusal::unknown_name)?;
                let annotations = disk(|| self.annotations_of(&name))?;
                (Some(name), annotations)
            }
        };
        let mut found = Found::default();
        for entry in &get.entries {
            found.collect(&annotations, entry, get.depth, get.value_bytes_max);
        }
        if !found.values.is_empty() {
            write::metadata(&mut self.out, name.as_ref(), self.enabled.utf8_names(), &found.values);
        }
        match found.too_long {
            0 => Reply::ok("these are the annotations"),
            bytes => Reply::coded(Code::MetadataLongEntries(bytes), "some values are longer"),
        }
    }

    pub(super) fn setmetadata(&mut self, set: SetMetadata) -> Answer {
        let too_large = |(_, value): &(EntryName, Option<Vec<u8>>)| {
            value.as_ref().is_some_and(|value| value.len() > VALUE_BYTES_MAX)
        };
        if set.values.iter().any(too_large) {
            return Err(Refusal::no(Code::MetadataMaxSize(VALUE_BYTES_MAX as u64), "a value is too large"));
        }
        match set.of {
            Annotated::Server => disk(|| self.annotate_server(set.values))?,
            Annotated::Mailbox(mailbox) => {
                let name = mailbox.map_err(Refusal::unknown_name)?;
                for without in disk(|| self.annotate(&name, set.values))? {
                    write::metadata(
                        &mut self.out,
                        Some(&without),
                        self.enabled.utf8_names(),
                        &[(SPECIAL_USE, None)],
                    );
                }
            }
        }
        Reply::ok("the annotations are kept")
    }

    /// What LIST tells of a mailbox: each entry asked for, with or without a value.
    pub(super) fn write_listed_metadata(&mut self, name: &MailboxName, entries: &[EntryName]) {
        let Ok(annotations) = disk(|| self.annotations_of(name)) else { return };
        let mut found = Found::default();
        for entry in entries {
            found.collect(&annotations, entry, Depth::Nothing, None);
        }
        write::metadata(&mut self.out, Some(name), self.enabled.utf8_names(), &found.values);
    }

    fn server_annotations(&self) -> Result<Annotations, Refusal> {
        let mail = self.mail()?;
        let mut annotations = mail.annotations(None, mail.address())?;
        let admin = format!("mailto:postmaster@{}", mail.address().domain);
        annotations.insert(ADMIN.to_owned(), admin.into_bytes());
        Ok(annotations)
    }

    fn annotations_of(&self, name: &MailboxName) -> Result<Annotations, Refusal> {
        let place = self.annotated_place(name)?;
        let mut annotations = place.account.annotations(Some(&place.name), self.mail()?.address())?;
        if self.is_mine(&place)
            && let Some(special) = place.account.special_use(&place.name)?
        {
            annotations.insert(SPECIAL_USE.to_owned(), special.attribute().as_bytes().to_vec());
        }
        Ok(annotations)
    }

    fn annotate_server(&self, values: Vec<(EntryName, Option<Vec<u8>>)>) -> Result<(), Refusal> {
        let mail = self.mail()?;
        match values.iter().any(|(name, _)| name.is_shared() && name.as_str() != SCRIPT_ENTRY) {
            true => Err(no_permission()),
            false => Ok(mail.annotate(None, mail.address(), changes(values))?),
        }
    }

    /// Sets annotations of a mailbox; the mailboxes that lost their use by it.
    fn annotate(
        &self,
        name: &MailboxName,
        mut values: Vec<(EntryName, Option<Vec<u8>>)>,
    ) -> Result<Vec<MailboxName>, Refusal> {
        let place = self.annotated_place(name)?;
        if values.iter().any(|(name, _)| name.is_shared()) {
            place.require(Right::Write)?;
        }
        let special = values.iter().position(|(name, _)| name.as_str() == SPECIAL_USE);
        let special = special.map(|at| values.swap_remove(at).1);
        let special = special.map(|value| self.special_use_value(&place, value)).transpose()?;
        place.account.annotate(Some(&place.name), self.mail()?.address(), changes(values))?;
        place.account.mailbox(&place.name)?.note_change()?;
        match special {
            Some(special) => Ok(place.account.set_special_use(&place.name, special)?),
            None => Ok(Vec::new()),
        }
    }

    fn special_use_value(
        &self,
        place: &Place,
        value: Option<Vec<u8>>,
    ) -> Result<Option<SpecialUse>, Refusal> {
        let refused = || Refusal::no(Code::UseAttr, "the mailbox cannot be for that");
        if !self.is_mine(place) || place.name.is_inbox() {
            return Err(refused());
        }
        let Some(value) = value.filter(|value| !value.is_empty()) else { return Ok(None) };
        let is_it = |special: &SpecialUse| special.attribute().as_bytes().eq_ignore_ascii_case(&value);
        SpecialUse::ALL.into_iter().find(is_it).map(Some).ok_or_else(refused)
    }

    fn is_mine(&self, place: &Place) -> bool {
        self.mail().is_ok_and(|mine| Arc::ptr_eq(mine, &place.account))
    }

    /// Annotations are for those who see the mailbox and may do something with it (RFC 5464 section 3.3).
    fn annotated_place(&self, name: &MailboxName) -> Result<Place, Refusal> {
        let place = self.resolve(name)?;
        let doing = Rights::of(&[Right::Read, Right::Seen, Right::Write, Right::Insert, Right::Post]);
        match (place.rights.has(Right::Lookup), place.rights.has_any(doing)) {
            _ if !place.account.exists(&place.name) => Err(no_mailbox()),
            (false, _) => Err(no_mailbox()),
            (true, false) => Err(no_permission()),
            (true, true) => Ok(place),
        }
    }
}

fn changes(values: Vec<(EntryName, Option<Vec<u8>>)>) -> Vec<AnnotationChange> {
    let change = |(name, value): (EntryName, _)| AnnotationChange {
        is_shared: name.is_shared(),
        name: name.as_str().to_owned(),
        value,
    };
    values.into_iter().map(change).collect()
}

/// What an answer tells.
#[derive(Default)]
struct Found<'a> {
    values: Vec<(&'a str, Option<&'a [u8]>)>,
    /// Octets of the longest value that was too long; 0 when none was.
    too_long: u64,
}

impl<'a> Found<'a> {
    /// What lies at an entry and below it. One without a value is told so unless others lie below it.
    fn collect(
        &mut self,
        annotations: &'a Annotations,
        entry: &'a EntryName,
        depth: Depth,
        bytes_max: Option<u32>,
    ) {
        let reached = annotations.iter().filter(|(name, _)| depth.reaches(entry, name));
        let mut is_empty = true;
        for (name, value) in reached {
            is_empty = false;
            if bytes_max.is_some_and(|max| value.len() > max as usize) {
                self.too_long = self.too_long.max(value.len() as u64);
            } else if !self.values.iter().any(|(told, _)| told == name) {
                self.values.push((name, Some(value)));
            }
        }
        if is_empty {
            self.values.push((entry.as_str(), None));
        }
    }
}
