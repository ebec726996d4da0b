//! Tests about mailboxes and what is annotated: mailbox, mboxmetadata and servermetadata (RFC 5490), special-use (RFC 8579),
//! mailboxid (RFC 9042).

use super::TestRule;
use crate::sieve::check::Arguments;
use crate::sieve::facts::MailboxFacts;
use crate::sieve::program::Test;
use crate::sieve::run::{Failure, Matching, Run};
use crate::sieve::text::Text;
use std::collections::BTreeMap;
use types::{MailboxName, SpecialUse};

pub const TESTS: &[TestRule] = &[
    TestRule {
        name: "mailboxexists",
        extension: Some("mailbox"),
        check: |a| existence(a, "names of mailboxes", of_name),
    },
    TestRule {
        name: "mailboxidexists",
        extension: Some("mailboxid"),
        check: |a| existence(a, "ids of mailboxes", of_id),
    },
    TestRule { name: "specialuse_exists", extension: Some("special-use"), check: special_use },
    TestRule { name: "metadata", extension: Some("mboxmetadata"), check: |a| annotation(a, true) },
    TestRule { name: "metadataexists", extension: Some("mboxmetadata"), check: |a| annotations(a, true) },
    TestRule { name: "servermetadata", extension: Some("servermetadata"), check: |a| annotation(a, false) },
    TestRule {
        name: "servermetadataexists",
        extension: Some("servermetadata"),
        check: |a| annotations(a, false),
    },
];

/// Finds a mailbox by what names it.
type Find = for<'m> fn(&'m [MailboxFacts], &str) -> Option<&'m MailboxFacts>;

fn of_name<'m>(mailboxes: &'m [MailboxFacts], name: &str) -> Option<&'m MailboxFacts> {
    let name = MailboxName::parse(name).ok()?;
    mailboxes.iter().find(|mailbox| mailbox.name == name)
}

fn of_id<'m>(mailboxes: &'m [MailboxFacts], id: &str) -> Option<&'m MailboxFacts> {
    mailboxes.iter().find(|mailbox| mailbox.id == id)
}

fn texts(arguments: &mut Arguments<'_>, what: &str) -> Vec<Text> {
    arguments.texts(what).into_iter().map(|(_, text)| text).collect()
}

fn existence(arguments: &mut Arguments<'_>, what: &str, find: Find) -> Box<dyn Test> {
    arguments.checker.needs.mailboxes = true;
    Box::new(Exists { find, named: texts(arguments, what) })
}

/// Whether there are all mailboxes that are named.
#[derive(Debug)]
struct Exists {
    find: Find,
    named: Vec<Text>,
}

impl Test for Exists {
    fn holds(&self, run: &mut Run<'_>) -> Result<bool, Failure> {
        for named in &self.named {
            run.work.spend(run.facts.mailboxes.len())?;
            if (self.find)(run.facts.mailboxes, &run.text(named)?).is_none() {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

fn special_use(arguments: &mut Arguments<'_>) -> Box<dyn Test> {
    arguments.checker.needs.mailboxes = true;
    let mailbox = (arguments.left() > 1).then(|| arguments.text("the name of a mailbox").1);
    Box::new(HasSpecialUse { mailbox, uses: texts(arguments, "special uses") })
}

/// Whether there are mailboxes, or one mailbox has, all special uses that are named.
#[derive(Debug)]
struct HasSpecialUse {
    mailbox: Option<Text>,
    uses: Vec<Text>,
}

impl Test for HasSpecialUse {
    fn holds(&self, run: &mut Run<'_>) -> Result<bool, Failure> {
        let mut mailboxes = run.facts.mailboxes;
        if let Some(mailbox) = &self.mailbox {
            let name = run.text(mailbox)?;
            mailboxes = of_name(mailboxes, &name).map(std::slice::from_ref).unwrap_or_default();
        }
        for special_use in &self.uses {
            run.work.spend(mailboxes.len())?;
            let name = run.text(special_use)?;
            let is_named = |known: &SpecialUse| known.attribute().eq_ignore_ascii_case(&name);
            if !mailboxes.iter().any(|mailbox| mailbox.special_uses.iter().any(is_named)) {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

/// Whose annotations are looked at.
#[derive(Debug)]
enum Owner {
    Mailbox(Text),
    Server,
}

impl Owner {
    fn read(arguments: &mut Arguments<'_>, is_mailbox: bool) -> Owner {
        arguments.checker.needs.annotations = true;
        arguments.checker.needs.mailboxes |= is_mailbox;
        match is_mailbox {
            true => Owner::Mailbox(arguments.text("the name of a mailbox").1),
            false => Owner::Server,
        }
    }

    /// The annotations; `None` where there is no such mailbox.
    fn entries<'r>(&self, run: &mut Run<'r>) -> Result<Option<&'r BTreeMap<String, Vec<u8>>>, Failure> {
        match self {
            Owner::Server => Ok(Some(run.facts.server_annotations)),
            Owner::Mailbox(name) => {
                let name = run.text(name)?;
                Ok(of_name(run.facts.mailboxes, &name).map(|mailbox| &mailbox.annotations))
            }
        }
    }

    /// One annotation; their names are told apart in any case (RFC 5464 section 3.2).
    fn entry<'r>(&self, name: &Text, run: &mut Run<'r>) -> Result<Option<&'r [u8]>, Failure> {
        let Some(entries) = self.entries(run)? else { return Ok(None) };
        run.work.spend(entries.len())?;
        let name = run.text(name)?;
        let entry = entries.iter().find(|(known, _)| known.eq_ignore_ascii_case(&name));
        Ok(entry.map(|(_, value)| value.as_slice()))
    }
}

fn annotation(arguments: &mut Arguments<'_>, is_mailbox: bool) -> Box<dyn Test> {
    let mut matching = arguments.matching();
    let owner = Owner::read(arguments, is_mailbox);
    let (_, name) = arguments.text("the name of an annotation");
    arguments.keys(&mut matching);
    Box::new(Annotation { owner, name, matching })
}

/// Compares an annotation.
#[derive(Debug)]
struct Annotation {
    owner: Owner,
    name: Text,
    matching: Matching,
}

impl Test for Annotation {
    fn holds(&self, run: &mut Run<'_>) -> Result<bool, Failure> {
        let value = self.owner.entry(&self.name, run)?;
        let (_, mut evaluation) = run.parts();
        let mut search = self.matching.search();
        if let Some(value) = value
            && search.value(value, &mut evaluation)?
        {
            return Ok(true);
        }
        search.end(&mut evaluation)
    }
}

fn annotations(arguments: &mut Arguments<'_>, is_mailbox: bool) -> Box<dyn Test> {
    let owner = Owner::read(arguments, is_mailbox);
    Box::new(HasAnnotations { owner, names: texts(arguments, "names of annotations") })
}

/// Whether all annotations that are named are there.
#[derive(Debug)]
struct HasAnnotations {
    owner: Owner,
    names: Vec<Text>,
}

impl Test for HasAnnotations {
    fn holds(&self, run: &mut Run<'_>) -> Result<bool, Failure> {
        for name in &self.names {
            if self.owner.entry(name, run)?.is_none() {
                return Ok(false);
            }
        }
        Ok(true)
    }
}
