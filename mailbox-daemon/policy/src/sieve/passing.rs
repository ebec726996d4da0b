//! Where redirections lead, and when they stop.
//!
//! A redirection never costs the message: one that leads back to an account the message has been at already, or nowhere, leaves
//! it where it is kept.

use super::plan::Redirect;
use crate::recipients::{Destinations, RecipientError};
use types::Address;

/// Accounts here that a message may be led to by redirections, besides its recipients.
pub const LED_MAX: usize = 16;

/// Where one account's copy has been and what else happens to the message.
#[derive(Clone, Copy, Debug)]
pub struct Journey<'a> {
    /// Whose script redirects.
    pub account: &'a Address,
    /// Accounts here whose redirections lead to it, over others too.
    pub led_by: &'a [Address],
    /// Whether it has been here before and went through the world since.
    pub has_come_back: bool,
    /// Accounts that get the message anyway, as it came.
    pub served: &'a [Address],
    /// How many further accounts here may get it.
    pub room: usize,
}

/// What becomes of redirections. Numbers are those of the redirections.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Passage {
    /// Accounts here that get a copy next.
    pub local: Vec<(usize, Address)>,
    /// Accounts here that get the message anyway.
    pub anyway: Vec<Address>,
    /// Addresses elsewhere, each with a message of its own.
    pub external: Vec<(usize, Address)>,
    /// The first redirection that leads back or nowhere: the message is kept as that one would have sent it.
    pub kept: Option<usize>,
    /// Why redirections that lead nowhere do not work, for the script's owner.
    pub troubles: Vec<String>,
}

/// Decides where redirections lead; `destinations` are what the directory says of each.
pub fn passage(
    redirects: &[Redirect],
    destinations: &[Result<Destinations, RecipientError>],
    journey: &Journey<'_>,
) -> Passage {
    let mut passage = Passage::default();
    for (number, (redirect, to)) in redirects.iter().zip(destinations).enumerate() {
        let to = match to {
            _ if journey.has_come_back => {
                passage.kept.get_or_insert(number);
                continue;
            }
            Ok(to) => to,
            Err(error) => {
                passage.troubles.push(format!("mail for {} cannot be sent on: {error}", redirect.to));
                passage.kept.get_or_insert(number);
                continue;
            }
        };
        let keep = |passage: &mut Passage| passage.kept = passage.kept.or(Some(number));
        for account in &to.accounts {
            let has_been_there = account == journey.account || journey.led_by.contains(account);
            let is_served = redirect.content == super::Content::Unchanged && journey.served.contains(account);
            let is_next = passage.local.iter().any(|(_, other)| other == account);
            match (has_been_there, is_served || is_next) {
                (true, _) => keep(&mut passage),
                (false, true) => passage.anyway.push(account.clone()),
                (false, false) if passage.local.len() >= journey.room => keep(&mut passage),
                (false, false) => passage.local.push((number, account.clone())),
            }
        }
        passage.external.extend(to.external.iter().map(|address| (number, address.clone())));
    }
    passage
}

/// The accounts from which redirections lead to `account`; each step is from one account to another.
pub fn leading_to(account: &Address, steps: &[(Address, Address)]) -> Vec<Address> {
    let mut found: Vec<Address> = Vec::new();
    let mut looked_at = 0;
    let mut next = Some(account.clone());
    while let Some(to) = next {
        for (from, _) in steps.iter().filter(|(_, led_to)| *led_to == to) {
            if from != account && !found.contains(from) {
                found.push(from.clone());
            }
        }
        next = found.get(looked_at).cloned();
        looked_at += 1;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sieve::Content;

    fn address(text: &str) -> Address {
        Address::parse(text).expect("valid")
    }

    fn redirect(to: &str) -> Redirect {
        Redirect { to: address(to), content: Content::Unchanged, notify: None, returned: None }
    }

    fn journey<'a>(account: &'a Address, led_by: &'a [Address], served: &'a [Address]) -> Journey<'a> {
        Journey { account, led_by, has_come_back: false, served, room: LED_MAX }
    }

    #[test]
    fn everybody_who_leads_somewhere_is_found_in_a_circle_too() {
        let [ana, ben, cleo, dan] =
            ["ana@home.test", "ben@home.test", "cleo@home.test", "dan@home.test"].map(address);
        let step = |from: &Address, to: &Address| (from.clone(), to.clone());
        let steps = [step(&ana, &ben), step(&ben, &cleo), step(&cleo, &ana), step(&cleo, &dan)];
        assert_eq!(leading_to(&ana, &steps), [cleo.clone(), ben.clone()]);
        assert_eq!(leading_to(&dan, &steps), [cleo, ben, ana.clone()]);
        assert!(leading_to(&ana, &steps[..2]).is_empty());
    }

    #[test]
    fn redirections_go_out_go_in_or_stop() {
        let [ana, ben, cleo] = ["ana@home.test", "ben@home.test", "cleo@home.test"].map(address);
        let local = |account: &Address| {
            Ok(Destinations { accounts: vec![account.clone()], ..Destinations::default() })
        };
        let out = Ok(Destinations { external: vec![address("x@example.org")], ..Destinations::default() });
        let redirects = [redirect("ben@home.test"), redirect("x@example.org"), redirect("no@home.test")];
        let to = [local(&ben), out.clone(), Err(RecipientError::Unknown)];
        let found = passage(&redirects, &to, &journey(&ana, &[], &[]));
        assert_eq!(found.local, [(0, ben.clone())]);
        assert_eq!(found.external, [(1, address("x@example.org"))]);
        assert_eq!((found.kept, found.troubles.len()), (Some(2), 1));

        let one = &redirects[..1];
        let kept = |journey: &Journey<'_>| passage(one, &to[..1], journey);
        let been = [ben.clone()];
        assert_eq!(kept(&journey(&ana, &been, &[])).kept, Some(0));
        assert_eq!(kept(&journey(&ben, &[], &[])).kept, Some(0));
        assert_eq!(kept(&journey(&ana, &[], &been)), Passage { anyway: been.to_vec(), ..Passage::default() });
        assert_eq!(kept(&Journey { room: 0, ..journey(&ana, &[], &[]) }).kept, Some(0));
        let back = Journey { has_come_back: true, ..journey(&ana, &[], &[]) };
        assert_eq!(passage(&redirects, &to, &back), Passage { kept: Some(0), ..Passage::default() });
        assert_eq!(
            passage(&[redirect("cleo@home.test")], &[local(&cleo)], &journey(&ana, &been, &[])).local.len(),
            1
        );
    }
}
