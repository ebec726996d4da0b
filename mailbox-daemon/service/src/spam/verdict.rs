use crate::host::Host;
use policy::inbound;
use policy::spam::{Case, Features, Learner, Verdict, judge};
use types::{Address, Evidence};

/// Clues of the content that are looked for.
const CLUES_MAX: usize = 8;

/// The content of a message from outside, to be judged for one account after the other.
pub(crate) struct Content<'a> {
    message: &'a [u8],
    features: Features,
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
        Content { message, features: Features::of(message) }
    }

    /// What is to be thought of the message for an account.
    pub(crate) fn judge(&self, host: &Host, account: &Address, known: Known<'_>) -> Verdict {
        let learner = Learner::of(account);
        let (opinion, clues, own, household) = host.spam.knowledge(|knowledge| {
            let opinion = knowledge.opinion(learner, &self.features);
            let clues = knowledge.clues(learner, self.message, CLUES_MAX);
            (opinion, clues, knowledge.seen(learner), knowledge.seen(Learner::HOUSEHOLD))
        });
        let Known { evidence, site, is_correspondent } = known;
        let settings = &host.settings.load().spam;
        let opinion = &opinion;
        judge(&Case { evidence, site, is_correspondent, opinion, clues: &clues, own, household, settings })
    }
}
