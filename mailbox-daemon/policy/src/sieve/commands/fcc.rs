//! fcc (RFC 8580): copies of what scripts send.

use super::base::MailboxArgument;
use super::flags::FlagsArgument;
use crate::sieve::check::Arguments;
use crate::sieve::plan::Filing;
use crate::sieve::run::{Failure, Run, letter_filing};

/// `:fcc` with what `fileinto` has beside it.
#[derive(Debug)]
pub struct CopyArgument {
    mailbox: MailboxArgument,
    flags: Option<FlagsArgument>,
}

impl CopyArgument {
    /// Reads it, if it is there.
    pub fn read(arguments: &mut Arguments<'_>) -> Option<CopyArgument> {
        let (place, mailbox) = arguments.text_of("fcc", Some("fcc"))?;
        let mailbox = MailboxArgument::read(arguments, |arguments| {
            MailboxArgument::check(arguments, place, &mailbox);
            mailbox
        });
        Some(CopyArgument { mailbox, flags: FlagsArgument::read(arguments) })
    }

    /// Where a copy is kept.
    pub fn filing(copy: Option<&CopyArgument>, run: &mut Run<'_>) -> Result<Option<Filing>, Failure> {
        let Some(copy) = copy else { return Ok(None) };
        let target = copy.mailbox.target(run)?;
        let flags = FlagsArgument::value(copy.flags.as_ref(), run)?;
        Ok(Some(letter_filing(target, &flags.unwrap_or_default())))
    }
}
