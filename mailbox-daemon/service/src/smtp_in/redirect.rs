//! Copies that scripts send on: to accounts here at once, to others through the queue.

use super::envelope::Delivery;
use super::errands::{Desk, Errand, whole};
use super::header::kept;
use super::spooled::Raw;
use crate::directory::expand;
use crate::host::Host;
use crate::sieve::{Daily, Mishap, take_daily};
use policy::sieve::{Content, Filing, Journey, Redirect, leading_to, passage};
use proto::smtp::header::{self, Field, fields};
use store::StoreError;
use types::{Address, Recipient};

/// A copy for elsewhere.
pub(super) struct PassedOn {
    /// Where, and what.
    pub(super) redirect: Redirect,
    /// The same as its account would have it.
    kept: Content,
    /// On top of it: the accounts here it was delivered to (RFC 9228).
    pub(super) marks: Vec<u8>,
}

/// A copy on its way to an account.
pub(super) struct Passed {
    pub(super) delivery: Delivery,
    pub(super) recipient: Recipient,
    pub(super) content: Content,
    /// `Delivered-To:` of accounts that led it here, where the content does not have them.
    pub(super) marks: Vec<u8>,
}

/// Where the message has been led so far.
pub(super) struct Led {
    /// Accounts that get it or will.
    pub(super) served: Vec<Address>,
    /// Who led it to whom, those who get it anyway counted: each relies on the other to have it.
    pub(super) steps: Vec<(Address, Address)>,
    /// Accounts that may get it besides its recipients.
    pub(super) room: usize,
}

impl Desk<'_> {
    /// Sees where redirections lead: the copies for others here, as they reach them.
    pub(super) fn redirect(
        &self,
        errand: &mut Errand,
        passed: &Passed,
        raw: &Raw<'_>,
        led: &mut Led,
    ) -> Result<Vec<Passed>, StoreError> {
        let host = &self.connection.host;
        let account = errand.account.address().clone();
        let wanted = std::mem::take(&mut errand.plan.redirects);
        let onward = |redirect: &Redirect| {
            let content = without_own_lines(&whole(&redirect.content, &errand.content), &account);
            Redirect { content, ..redirect.clone() }
        };
        let redirects: Vec<Redirect> = wanted.iter().map(onward).collect();
        let mut destinations = Vec::with_capacity(redirects.len());
        for redirect in &redirects {
            destinations.push(expand(host, &self.connection.settings, redirect.to.clone(), true)?);
        }
        let journey = Journey {
            account: &account,
            led_by: &leading_to(&account, &led.steps),
            has_come_back: has_been_at(&account, raw),
            served: &led.served,
            room: led.room,
        };
        let passage = passage(&redirects, &destinations, &journey);
        // What the script changed has the marks of before among its lines.
        let mark = format!("Delivered-To: {account}\r\n").into_bytes();
        let marks = |number: usize| match wanted[number].content {
            Content::Unchanged => [&*mark, &*passed.marks].concat(),
            Content::Changed { .. } => mark.clone(),
        };
        for (number, to) in &passage.external {
            let redirect = Redirect { to: to.clone(), ..redirects[*number].clone() };
            let kept = wanted[*number].content.clone();
            errand.external.push(PassedOn { redirect, kept, marks: marks(*number) });
        }
        errand.mishaps.extend(passage.troubles.into_iter().map(|what| Mishap { kind: "redirect", what }));
        if let Some(number) = passage.kept {
            errand.keep(wanted[number].content.clone());
        }
        let led_to = passage.local.iter().map(|(_, to)| to).chain(&passage.anyway);
        led.steps.extend(led_to.map(|to| (account.clone(), to.clone())));
        led.served.extend(passage.local.iter().map(|(_, to)| to.clone()));
        led.room -= passage.local.len();
        let next = passage.local.into_iter().map(|(number, to)| {
            let Redirect { to: address, content, notify, .. } = redirects[number].clone();
            Passed {
                delivery: Delivery::led(to, passed.delivery.named),
                recipient: Recipient { address, notify, original: None },
                content,
                marks: marks(number),
            }
        });
        Ok(next.collect())
    }
}

impl Errand {
    /// Keeps copies of which too many leave in a day.
    pub(super) fn keep_what_is_too_much(&mut self, host: &Host) -> Result<(), StoreError> {
        let mut within = 0;
        while within < self.external.len() && take_daily(host, self.account.address(), Daily::Redirects)? {
            within += 1;
        }
        let mut beyond = self.external.split_off(within).into_iter();
        if let Some(first) = beyond.next() {
            let what = "more mail is passed on in a day than is allowed".to_owned();
            self.mishaps.push(Mishap { kind: "too much", what });
            self.keep(first.kept);
        }
        Ok(())
    }

    /// Keeps the message unless it is kept or refused anyway.
    fn keep(&mut self, content: Content) {
        if self.plan.filings.is_empty() && self.plan.refusal.is_none() {
            self.plan.filings.push(Filing { content, ..Filing::plain(&self.keep_in) });
        }
    }
}

/// A changed message that goes on, without the lines on top of the copy of the account it leaves.
fn without_own_lines(content: &Content, account: &Address) -> Content {
    let Content::Changed { header, body } = content else { return Content::Unchanged };
    let is_own =
        |field: &Field<'_>| field.name.eq_ignore_ascii_case(b"Return-Path") || is_mark_of(field, account);
    let kept: Vec<u8> = kept(header, &is_own).flatten().copied().collect();
    Content::Changed { header: kept.into(), body: body.clone() }
}

/// Whether a message was delivered to an account already, before it went elsewhere and came back (RFC 9228 section 1).
fn has_been_at(account: &Address, raw: &[u8]) -> bool {
    let header = &raw[..header::end(raw, 0).unwrap_or(raw.len())];
    fields(header).any(|field| is_mark_of(&field, account))
}

fn is_mark_of(field: &Field<'_>, account: &Address) -> bool {
    field.name.eq_ignore_ascii_case(b"Delivered-To")
        && std::str::from_utf8(field.value)
            .ok()
            .and_then(|value| Address::parse(value.trim()).ok())
            .is_some_and(|address| address.folded_without_tag() == *account)
}
