use crate::host::Host;
use policy::inbound;
use policy::spam::{Case, Learner, Learning, NamedFeatures, Opinion, Verdict, judge};
use std::cell::OnceCell;
use types::{Address, Evidence};

/// Clues of the content that are looked for.
const CLUES_MAX: usize = 8;

/// The content of a message from outside, to be judged for one account after the other.
pub(crate) struct Content<'a> {
    message: &'a [u8],
    /// Gathered once somebody knows enough to judge by them.
    features: OnceCell<NamedFeatures>,
}

/// What is known of a message besides its content.
#[derive(Clone, Copy)]
pub(crate) struct Known<'a> {
    /// Its facts; `None` where nobody asked.
    pub(crate) evidence: Option<&'a Evidence>,
    /// What the site makes of them.
    pub(crate) site: Option<inbound::Verdict>,
    /// Whether the account wrote to the author before.
    pub(crate) is_correspondent: bool,
}

impl<'a> Content<'a> {
    /// Of a message as it came.
    pub(crate) fn of(message: &'a [u8]) -> Content<'a> {
        Content { message, features: OnceCell::new() }
    }

    /// What is to be thought of the message for an account.
    pub(crate) fn judge(&self, host: &Host, account: &Address, known: Known<'_>) -> Verdict {
        let learner = Learner::of(account);
        let settings = &host.settings.load().spam;
        let (own, household) =
            host.spam.knowledge(|known| (known.seen(learner), known.seen(Learner::HOUSEHOLD)));
        let (opinion, clues) = match Learning::of(own, household, settings) {
            Some(_) => (Opinion::default(), Vec::new()),
            None => {
                let features = self.features.get_or_init(|| NamedFeatures::of(self.message));
                host.spam.knowledge(|knowledge| knowledge.explained(learner, features, CLUES_MAX))
            }
        };
        let Known { evidence, site, is_correspondent } = known;
        let opinion = &opinion;
        judge(&Case { evidence, site, is_correspondent, opinion, clues: &clues, own, household, settings })
    }
}
