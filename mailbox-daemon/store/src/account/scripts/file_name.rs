//! How a script's file is called: `<name>.sieve`. What a file name cannot hold is written as `%` and two digits; a name that is
//! too long for a file name is abridged and stands whole in a file beside the script. Files somebody made by hand keep their names.

use crate::checksum;
use std::fmt::Write;

/// What follows the name.
const SUFFIX: &str = ".sieve";
/// What follows an abridged name in the file that holds it whole.
const WHOLE_NAME_SUFFIX: &str = ".name";
/// No way of writing a name begins like this, since a `%` is always followed by two digits.
const ABRIDGED: &str = "%long-";
/// Octets of a name as it is written, so that with its suffix and that of a file being replaced it fits into 255.
const WRITTEN_BYTES_MAX: usize = 240;
/// Octets of a name (RFC 5804 section 1.6 asks for 512).
pub(super) const NAME_BYTES_MAX: usize = 512;

/// What a name's file is called.
pub(super) struct FileName {
    written: String,
    is_abridged: bool,
}

impl FileName {
    /// `None` for a name that is empty or too long.
    pub(super) fn of(name: &str) -> Option<FileName> {
        if name.is_empty() || name.len() > NAME_BYTES_MAX {
            return None;
        }
        let written = escape(name);
        Some(match written.len() <= WRITTEN_BYTES_MAX {
            true => FileName { written, is_abridged: false },
            false => FileName {
                written: format!("{ABRIDGED}{:016x}", checksum::of(name.as_bytes())),
                is_abridged: true,
            },
        })
    }

    /// The script's file.
    pub(super) fn script(&self) -> String {
        format!("{}{SUFFIX}", self.written)
    }

    /// The file with the name itself, where that of the script cannot hold it.
    pub(super) fn whole_name(&self) -> Option<String> {
        self.is_abridged.then(|| format!("{}{WHOLE_NAME_SUFFIX}", self.written))
    }
}

/// The name of the file somebody may have made by hand for a script called so, where that is another one than ours.
pub(super) fn made_by_hand(name: &str) -> Option<String> {
    let can_be = !name.contains(['/', '\0']) && !name.starts_with('.') && name.len() <= WRITTEN_BYTES_MAX;
    (can_be && name.contains('%')).then(|| format!("{name}{SUFFIX}"))
}

/// The name a file gives a script; `None` for files that are none, and for hidden ones. `whole_name` reads the file of an
/// abridged name.
pub(super) fn name_of(file_name: &str, whole_name: impl Fn(&str) -> Option<String>) -> Option<String> {
    let written = file_name.strip_suffix(SUFFIX).filter(|written| !written.is_empty())?;
    if written.starts_with('.') {
        return None;
    }
    let is_of = |name: &String| FileName::of(name).is_some_and(|own| own.written == written);
    let whole = || match written.starts_with(ABRIDGED) {
        true => whole_name(&format!("{written}{WHOLE_NAME_SUFFIX}")),
        false => unescape(written),
    };
    Some(whole().filter(is_of).unwrap_or_else(|| written.to_owned()))
}

fn escape(name: &str) -> String {
    let mut written = String::with_capacity(name.len());
    for (at, c) in name.char_indices() {
        match c {
            '/' | '%' | '\0'..='\x1f' | '\x7f' => escape_octet(c as u8, &mut written),
            '.' if at == 0 => escape_octet(b'.', &mut written),
            _ => written.push(c),
        }
    }
    written
}

fn escape_octet(octet: u8, written: &mut String) {
    // Writing to a String cannot fail.
    let _ = write!(written, "%{octet:02X}");
}

fn unescape(written: &str) -> Option<String> {
    let mut name = String::with_capacity(written.len());
    let mut pieces = written.split('%');
    name.push_str(pieces.next()?);
    for piece in pieces {
        let octet = u8::from_str_radix(piece.get(..2)?, 16).ok()?;
        name.push(char::from(octet));
        name.push_str(&piece[2..]);
    }
    Some(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn plain_names_are_their_own_files() {
        for (name, file) in [
            ("main", "main.sieve"),
            ("on leave", "on leave.sieve"),
            ("v1.sieve", "v1.sieve.sieve"),
            ("Urlaub Ä😀", "Urlaub Ä😀.sieve"),
            ("a/b", "a%2Fb.sieve"),
            ("..", "%2E..sieve"),
            ("100%", "100%25.sieve"),
        ] {
            assert_eq!(FileName::of(name).unwrap().script(), file);
            assert_eq!(name_of(file, |_| None).as_deref(), Some(name));
        }
    }

    #[test]
    fn a_file_made_by_hand_is_called_as_its_maker_called_it() {
        for (file, name) in [
            ("100%.sieve", Some("100%")),
            ("a%41.sieve", Some("a%41")),
            ("%long-5.sieve", Some("%long-5")),
            ("%é.sieve", Some("%é")),
            (".hidden.sieve", None),
            (".sieve", None),
            ("main.sieve~", None),
            ("active", None),
        ] {
            assert_eq!(name_of(file, |_| None).as_deref(), name, "{file}");
            if let Some(name) = name.filter(|name| name.contains('%')) {
                assert_eq!(made_by_hand(name).as_deref(), Some(file));
            }
        }
    }

    proptest! {
        #[test]
        fn every_name_comes_back(name in "[ -~\u{a0}-\u{2fff}\u{1f600}-\u{1f64f}]{1,128}") {
            let file = FileName::of(&name).unwrap();
            prop_assert!(file.script().len() <= 255 && !file.script().contains('/'));
            prop_assert!(!file.script().starts_with('.'));
            let whole_name = file.whole_name();
            let read = |file: &str| whole_name.as_deref().filter(|own| *own == file).map(|_| name.clone());
            let found = name_of(&file.script(), read);
            prop_assert_eq!(found.as_deref(), Some(name.as_str()));
        }
    }
}
