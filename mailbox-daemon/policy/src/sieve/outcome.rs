//! A plan as people and programs read it.

use super::plan::{Body, Content, Filing, Plan, Redirect, RefusalKind};
use serde::Serialize;
use std::fmt;
use types::{DsnNotify, DsnReturn, MailboxName};

/// What would be done with a message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Outcome {
    /// Everything that is done.
    pub actions: Vec<Act>,
    /// Whether the message is kept because the script does nothing that says otherwise.
    pub implicit_keep: bool,
    /// What the script wrote to the log.
    pub log: Vec<String>,
    /// Why the script broke off.
    pub error: Option<String>,
}

/// One thing that is done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "action", rename_all = "lowercase")]
pub enum Act {
    /// The message stays where it goes anyway.
    Keep(Filed),
    /// It goes elsewhere.
    Fileinto(Filed),
    /// A copy goes to somebody.
    Redirect {
        /// Whom.
        address: String,
        /// When its sender gets a report, in words of RFC 3461.
        #[serde(skip_serializing_if = "Option::is_none")]
        notify: Option<String>,
        /// How much of it the report returns.
        #[serde(skip_serializing_if = "Option::is_none")]
        ret: Option<&'static str>,
        /// The message, where it was changed.
        #[serde(flatten)]
        changed: Changed,
    },
    /// It is gone.
    Discard {},
    /// It is refused.
    Reject {
        /// Why.
        reason: String,
    },
    /// It is refused by reply code.
    Ereject {
        /// Why.
        reason: String,
    },
    /// Somebody is answered.
    Vacation(Sent),
    /// Somebody is told.
    Notify(Sent),
}

/// A message in a mailbox.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Filed {
    /// Which.
    pub mailbox: String,
    /// Goes before the name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub special_use: Option<&'static str>,
    /// Goes before both.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mailbox_id: Option<String>,
    /// Whether a missing mailbox is made.
    pub create: bool,
    /// Flags and keywords it gets.
    pub flags: Vec<String>,
    /// The message, where it was changed.
    #[serde(flatten)]
    pub changed: Changed,
}

/// A message that the script wrote.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Sent {
    /// Whom it goes to.
    pub address: Vec<String>,
    /// All of it, without `Date:` and `Message-ID:`.
    pub message: String,
    /// Where a copy is kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub copy_in: Option<String>,
}

/// What is left of a message that was changed; octets that are no UTF-8 are replaced.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Changed {
    /// The header.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub header: Option<String>,
    /// The body, if that was changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
}

impl Outcome {
    /// Of a plan, for an account whose mail goes to `keep_in`.
    pub fn of(plan: &Plan, keep_in: &MailboxName) -> Outcome {
        let mut actions: Vec<Act> = plan.filings.iter().map(|filing| filed(filing, keep_in)).collect();
        actions.extend(plan.redirects.iter().map(redirected));
        actions.extend(plan.refusal.iter().map(|refusal| match refusal.kind {
            RefusalKind::Reject => Act::Reject { reason: refusal.reason.clone() },
            RefusalKind::Ereject => Act::Ereject { reason: refusal.reason.clone() },
        }));
        if actions.is_empty() {
            actions.push(Act::Discard {});
        }
        actions.extend(plan.replies.iter().map(|reply| {
            let copy_in = reply.copy_in.as_ref();
            Act::Vacation(sent(vec![reply.to.to_string()], &reply.message, copy_in))
        }));
        actions.extend(plan.notifications.iter().map(|told| {
            let to = told.to.iter().map(ToString::to_string).collect();
            Act::Notify(sent(to, &told.message, told.copy_in.as_ref()))
        }));
        Outcome {
            actions,
            implicit_keep: plan.implicit_keep,
            log: plan.log.clone(),
            error: plan.trouble.as_ref().map(ToString::to_string),
        }
    }
}

fn filed(filing: &Filing, keep_in: &MailboxName) -> Act {
    let target = &filing.target;
    let system = filing.flags.iter().map(|flag| flag.imap_name().to_owned());
    let keywords = filing.keywords.iter().map(ToString::to_string);
    let is_keep = target.mailbox == *keep_in && target.special_use.is_none() && target.id.is_none();
    let filed = Filed {
        mailbox: target.mailbox.to_string(),
        special_use: target.special_use.map(types::SpecialUse::attribute),
        mailbox_id: target.id.clone(),
        create: target.create,
        flags: system.chain(keywords).collect(),
        changed: changed(&filing.content),
    };
    if is_keep { Act::Keep(filed) } else { Act::Fileinto(filed) }
}

fn redirected(redirect: &Redirect) -> Act {
    Act::Redirect {
        address: redirect.to.to_string(),
        notify: redirect.notify.map(when),
        ret: redirect.returned.map(|returned| match returned {
            DsnReturn::Full => "FULL",
            DsnReturn::Headers => "HDRS",
        }),
        changed: changed(&redirect.content),
    }
}

fn when(notify: DsnNotify) -> String {
    let words = [(notify.success, "SUCCESS"), (notify.failure, "FAILURE"), (notify.delay, "DELAY")];
    let words: Vec<&str> =
        words.into_iter().filter_map(|(is_asked, word)| is_asked.then_some(word)).collect();
    if words.is_empty() { "NEVER".to_owned() } else { words.join(",") }
}

fn changed(content: &Content) -> Changed {
    let text = |octets: &[u8]| String::from_utf8_lossy(octets).into_owned();
    match content {
        Content::Unchanged => Changed::default(),
        Content::Changed { header, body } => Changed {
            header: Some(text(header)),
            body: match body {
                Body::Unchanged => None,
                Body::Changed(body) => Some(text(body)),
            },
        },
    }
}

fn sent(address: Vec<String>, message: &[u8], copy_in: Option<&Filing>) -> Sent {
    Sent {
        address,
        message: String::from_utf8_lossy(message).into_owned(),
        copy_in: copy_in.map(|filing| filing.target.mailbox.to_string()),
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for act in &self.actions {
            writeln!(f, "{act}")?;
        }
        if self.implicit_keep {
            writeln!(f, "(kept because the script does nothing that says otherwise)")?;
        }
        for line in &self.log {
            writeln!(f, "log: {line}")?;
        }
        match &self.error {
            Some(error) => writeln!(f, "The script broke off: {error}"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Act {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Act::Keep(filed) => write!(f, "keep it in {filed}"),
            Act::Fileinto(filed) => write!(f, "file it into {filed}"),
            Act::Redirect { address, notify, ret, changed } => {
                write!(f, "send it to {address}")?;
                notify.iter().try_for_each(|notify| write!(f, ", reports on {notify}"))?;
                ret.iter().try_for_each(|ret| write!(f, ", returning {ret}"))?;
                changed.fmt(f)
            }
            Act::Discard {} => f.write_str("discard it"),
            Act::Reject { reason } | Act::Ereject { reason } => write!(f, "refuse it: {reason}"),
            Act::Vacation(sent) => write!(f, "answer {sent}"),
            Act::Notify(sent) => write!(f, "tell {sent}"),
        }
    }
}

impl fmt::Display for Filed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(id) = &self.mailbox_id {
            write!(f, "the mailbox with id {id}, or ")?;
        }
        if let Some(usage) = self.special_use {
            write!(f, "the mailbox for {usage}, or ")?;
        }
        f.write_str(&self.mailbox)?;
        if self.create {
            f.write_str(", made if it is not there")?;
        }
        if !self.flags.is_empty() {
            write!(f, ", with {}", self.flags.join(" "))?;
        }
        self.changed.fmt(f)
    }
}

impl fmt::Display for Sent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.address.join(", "))?;
        if let Some(mailbox) = &self.copy_in {
            write!(f, ", a copy in {mailbox}")?;
        }
        write!(f, ":\n{}", indented(&self.message))
    }
}

impl fmt::Display for Changed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(header) = &self.header {
            write!(f, ", changed to\n{}", indented(header))?;
        }
        match &self.body {
            Some(body) => write!(f, "\n\n{}", indented(body)),
            None => Ok(()),
        }
    }
}

fn indented(text: &str) -> String {
    text.trim_end().lines().map(|line| format!("    {line}")).collect::<Vec<_>>().join("\n")
}
