//! Fields added and deleted (RFC 5293).

use super::header::Field;
use super::{Header, Message};
use crate::sieve::work::{Spent, Work};
use proto::mime::field_text::write_field;
use proto::mime::header;
use std::borrow::Cow;

/// Fields that tell of a message's way and end loops, and those that keep what `replace` changed (RFC 5293 section 6, RFC 5703 section 5).
const NOT_DELETED: [&str; 7] = [
    "Authentication-Results",
    "Auto-Submitted",
    "Delivered-To",
    "Original-From",
    "Original-Subject",
    "Received",
    "Return-Path",
];
/// Fields whose word is this server's.
const NOT_ADDED: [&str; 4] = ["Authentication-Results", "Original-From", "Original-Subject", "Return-Path"];
/// Putting the names of a header in order again, for each field.
const SORT_STEPS: usize = 16;
/// What this server has to say of a message stands in fields that begin so.
const OWN_PREFIX: &str = "X-Mailbox-";

/// Whether a script may delete fields of this name; if not, an attempt is passed over (RFC 5293 section 6).
pub fn may_delete(name: &str) -> bool {
    !is_own(name) && !NOT_DELETED.iter().any(|kept| kept.eq_ignore_ascii_case(name))
}

/// Whether a script may add fields of this name; if not, an attempt is passed over.
pub fn may_add(name: &str) -> bool {
    !is_own(name) && !NOT_ADDED.iter().any(|kept| kept.eq_ignore_ascii_case(name))
}

fn is_own(name: &str) -> bool {
    name.get(..OWN_PREFIX.len()).is_some_and(|prefix| prefix.eq_ignore_ascii_case(OWN_PREFIX))
}

impl Message<'_> {
    /// Adds a field on top or at the end of the header. Its memory is taken.
    pub fn add_field(&mut self, name: &str, text: &str, at_end: bool, work: &mut Work) -> Result<(), Spent> {
        let raw = write_field(name, text);
        work.take(raw.len())?;
        work.spend(self.header.count() * SORT_STEPS)?;
        self.header.insert(raw, at_end);
        self.header_changed();
        Ok(())
    }

    /// Deletes those fields called `name` whose places among them are given, from 0 and in order.
    pub fn delete_fields(&mut self, name: &str, which: &[usize], work: &mut Work) -> Result<(), Spent> {
        work.spend(self.header.count() * SORT_STEPS)?;
        if !which.is_empty() {
            self.header.remove(name, which);
            self.header_changed();
        }
        Ok(())
    }
}

impl<'a> Header<'a> {
    /// A header with a memory of its own.
    pub fn copy(octets: &[u8]) -> Header<'a> {
        let fields = header::fields(octets);
        Header::of(fields.map(|field| Field::new(Cow::Owned(field.raw.to_vec()), field.name.len())).collect())
    }

    /// How many lines and fields there are.
    pub fn count(&self) -> usize {
        self.fields.len()
    }

    /// Adds one field, given with its line break.
    pub(super) fn insert(&mut self, raw: Vec<u8>, at_end: bool) {
        let name_bytes = header::fields(&raw).next().map_or(0, |field| field.name.len());
        let field = Field::new(Cow::Owned(raw), name_bytes);
        if at_end {
            self.end_last_line();
        }
        let place = if at_end { self.fields.len() } else { 0 };
        self.fields.insert(place, field);
        self.sort();
    }

    /// Removes fields by their places among those of a name.
    fn remove(&mut self, name: &str, which: &[usize]) {
        let named = self.places(name).iter().enumerate();
        let is_meant = |number: &usize| which.binary_search(number).is_ok();
        let places: Vec<u32> =
            named.filter(|(number, _)| is_meant(number)).map(|(_, place)| *place).collect();
        self.retain(|place, _| places.binary_search(&(place as u32)).is_err());
    }

    /// Keeps only some of the fields.
    pub(super) fn retain(&mut self, mut is_kept: impl FnMut(usize, &Field<'a>) -> bool) {
        let mut place = 0;
        self.fields.retain(|field| {
            place += 1;
            is_kept(place - 1, field)
        });
        self.sort();
    }

    fn end_last_line(&mut self) {
        if let Some(last) = self.fields.last_mut().filter(|last| !last.raw.ends_with(b"\n")) {
            last.raw.to_mut().extend_from_slice(b"\r\n");
        }
    }
}
