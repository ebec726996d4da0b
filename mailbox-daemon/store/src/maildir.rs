//! How a Maildir spells things: file names, flag letters, folder names.

pub(crate) mod folder;
pub(crate) mod name;

pub(crate) use name::{FileName, Namer, Place};
