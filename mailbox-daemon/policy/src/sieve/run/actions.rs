use super::{Failure, Run};
use crate::sieve::facts::Facts;
use crate::sieve::plan::{Body, Content, Filing, MemoryKey, Redirect, Refusal, Target};
use std::collections::BTreeSet;
use types::{Address, Keyword, SystemFlag};

/// What was done so far, as far as later actions depend on it.
#[derive(Debug, Default)]
pub struct Actions {
    count: usize,
    /// Actions that send mail elsewhere.
    sent: usize,
    is_keep_cancelled: bool,
    /// Whom the script has told what (RFC 5435).
    pub told: BTreeSet<(MemoryKey, Address)>,
    /// Whether vacation was run.
    is_answered: bool,
    /// The internal variable of imap4flags, which the implicit keep heeds (RFC 5232 section 2).
    pub flags: Vec<Flag>,
}

impl Actions {
    /// Nothing was done yet. A script that an IMAP event set off begins with the message's flags (RFC 6785 section 3.8).
    pub fn new(facts: &Facts<'_>) -> Actions {
        let flags = facts.environment.imap.iter().flat_map(|imap| &imap.flags);
        Actions { flags: flags.filter_map(|flag| Flag::parse(flag)).collect(), ..Actions::default() }
    }
}

/// A flag or keyword that can be stored (RFC 5232).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Flag {
    /// One of RFC 9051.
    System(SystemFlag),
    /// Any other.
    Keyword(Keyword),
}

/// The implicit keep of a message nothing was done with.
pub fn plain_keep(facts: &Facts<'_>) -> Filing {
    filing(keep_target(facts), &[], Content::Unchanged)
}

fn keep_target(facts: &Facts<'_>) -> Target {
    Target { mailbox: facts.keep_in.clone(), special_use: None, id: None, create: false }
}

fn filing(target: Target, flags: &[Flag], content: Content) -> Filing {
    let mut filing = Filing { target, flags: Vec::new(), keywords: Vec::new(), content };
    for flag in flags {
        match flag {
            Flag::System(flag) => filing.flags.push(*flag),
            Flag::Keyword(keyword) => filing.keywords.push(keyword.clone()),
        }
    }
    filing
}

/// Where a copy of what a script sends is kept (RFC 8580).
pub fn letter_filing(target: Target, flags: &[Flag]) -> Filing {
    filing(target, flags, Content::Unchanged)
}

impl Run<'_> {
    /// `keep` with the flags given, or those of the internal variable.
    pub fn keep(&mut self, flags: Option<&[Flag]>) -> Result<(), Failure> {
        // A message that is in a mailbox is not changed there (RFC 6785 section 3.1).
        let content = match self.facts.environment.imap {
            Some(_) => Content::Unchanged,
            None => self.message.content(&mut self.work)?,
        };
        let filed = self.plan.filings.len();
        self.file_content(keep_target(&self.facts), flags, content)?;
        if let (Some(stage), true) = (&mut self.stage, self.plan.filings.len() > filed) {
            stage.note_keep();
        }
        Ok(())
    }

    /// Files the message as it is now. When it is filed once more in the same mailbox, the last flags count (RFC 5228 section 2.10.3, RFC 5232 section 3).
    pub fn file(&mut self, target: Target, flags: Option<&[Flag]>) -> Result<(), Failure> {
        let content = self.message.content(&mut self.work)?;
        self.file_content(target, flags, content)
    }

    fn file_content(
        &mut self,
        target: Target,
        flags: Option<&[Flag]>,
        content: Content,
    ) -> Result<(), Failure> {
        self.check_refusal("files")?;
        let flags = flags.map_or_else(|| self.actions.flags.clone(), <[Flag]>::to_vec);
        let is_same =
            |other: &Filing| other.target.is_same(&target) && is_same_message(&other.content, &content);
        match self.plan.filings.iter().position(is_same) {
            Some(place) => self.plan.filings[place] = filing(target, &flags, content),
            None => self.plan.filings.push(filing(target, &flags, content)),
        }
        Ok(())
    }

    /// Sends the message as it is now elsewhere, once to each address (RFC 5228 section 2.10.3).
    pub fn redirect(&mut self, redirect: Redirect) -> Result<(), Failure> {
        self.check_refusal("redirects")?;
        let is_same =
            |other: &Redirect| other.to == redirect.to && is_same_message(&other.content, &redirect.content);
        if !self.plan.redirects.iter().any(is_same) {
            self.count_sent()?;
            self.plan.redirects.push(redirect);
        }
        Ok(())
    }

    /// Refuses the message, which then can be neither kept nor redirected (RFC 5429 section 2.4). What is in a mailbox already cannot be
    /// refused (RFC 6785 section 3.11).
    pub fn refuse(&mut self, refusal: Refusal) -> Result<(), Failure> {
        if self.facts.environment.imap.is_some() {
            return Err(Failure::impossible("only a message that is being delivered can be refused"));
        }
        let done = match &self.plan {
            plan if plan.refusal.is_some() => "refused",
            plan if !plan.filings.is_empty() => "filed",
            plan if !plan.redirects.is_empty() => "redirected",
            _ if self.actions.is_answered => "answered",
            _ => {
                self.count_action()?;
                self.cancel_keep();
                self.plan.refusal = Some(refusal);
                return Ok(());
            }
        };
        Err(Failure::impossible(format!("the message is refused, but it was {done} before")))
    }

    /// Notes that the message is answered, which is done once and not to what is refused (RFC 5230 section 4.7).
    pub fn answer_once(&mut self) -> Result<(), Failure> {
        self.check_refusal("answers")?;
        if std::mem::replace(&mut self.actions.is_answered, true) {
            return Err(Failure::impossible(
                "a message is answered by `vacation` once, this is the second time",
            ));
        }
        self.count_action()
    }

    /// Fails if the message was refused, which goes with nothing that accepts it.
    pub fn check_refusal(&self, verb: &str) -> Result<(), Failure> {
        match self.plan.refusal {
            Some(_) => {
                Err(Failure::impossible(format!("the script {verb} a message that it refused before")))
            }
            None => Ok(()),
        }
    }

    /// Counts an action against the limit of one message.
    pub fn count_action(&mut self) -> Result<(), Failure> {
        self.actions.count += 1;
        match self.actions.count <= self.facts.limits.actions_max {
            true => Ok(()),
            false => Err(Failure::impossible(format!(
                "more than {} actions for one message",
                self.facts.limits.actions_max
            ))),
        }
    }

    /// Counts an action that sends mail elsewhere.
    pub fn count_sent(&mut self) -> Result<(), Failure> {
        self.count_action()?;
        self.actions.sent += 1;
        match self.actions.sent <= self.facts.limits.redirects_max {
            true => Ok(()),
            false => Err(Failure::impossible(format!(
                "more than {} redirections and notifications for one message",
                self.facts.limits.redirects_max
            ))),
        }
    }

    /// The message is not kept at the end unless the script says so.
    pub fn cancel_keep(&mut self) {
        self.actions.is_keep_cancelled = true;
    }

    /// The implicit keep, if nothing cancelled it.
    pub(in crate::sieve) fn implicit_keep(&mut self) -> Result<(), Failure> {
        match self.actions.is_keep_cancelled {
            true => Ok(()),
            false => {
                self.plan.implicit_keep = true;
                self.keep(None)
            }
        }
    }
}

/// Whether only fields are different: that counts as the same message (RFC 5293 section 7).
fn is_same_message(one: &Content, other: &Content) -> bool {
    let body = |content: &Content| match content {
        Content::Unchanged => Body::Unchanged,
        Content::Changed { body, .. } => body.clone(),
    };
    body(one) == body(other)
}

impl Target {
    fn is_same(&self, other: &Target) -> bool {
        self.mailbox == other.mailbox && self.special_use == other.special_use && self.id == other.id
    }
}
