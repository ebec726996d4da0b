//! All that is remembered of lessons: what was learnt, and of which messages.

use super::features::{learnt_like, place_of};
use super::{Class, Features, Identity, Knowledge, Learner, Ledger, Lesson};

/// Knowledge, and the ledger that lets every message count once.
#[derive(Clone, Debug)]
pub struct Memory {
    knowledge: Knowledge,
    ledger: Ledger,
}

/// Something that was taught, as it is written down. Taken in once more in the same order it leads to the same memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Taught {
    /// A message.
    Message {
        /// Who learns, besides the household.
        learner: Learner,
        /// What.
        lesson: Lesson,
        /// Which message.
        identity: Identity,
        /// What is learnt of it.
        features: Features,
    },
    /// One learner forgets everything.
    Forgotten(Learner),
}

impl Memory {
    /// Nothing learnt yet. The key is random and keeps strangers from choosing what is forgotten.
    pub fn new(bytes_max: usize, key: u64) -> Memory {
        Memory { knowledge: Knowledge::keyed(bytes_max, key), ledger: Ledger::default() }
    }

    /// What was learnt.
    pub fn knowledge(&self) -> &Knowledge {
        &self.knowledge
    }

    /// As what a learner learnt a message.
    pub fn class(&self, learner: Learner, identity: Identity) -> Option<Class> {
        self.ledger.class(learner, identity)
    }

    /// Learns, and says whether that changed anything: only then it is worth writing down.
    pub fn take_in(&mut self, taught: &Taught) -> bool {
        match taught {
            Taught::Message { learner, lesson, identity, features } => {
                let class = match lesson {
                    Lesson::Said(class) => *class,
                    Lesson::Treated if self.ledger.class(*learner, *identity).is_some() => return false,
                    Lesson::Treated => Class::Ham,
                };
                // The same message in the mailboxes of two counts once for the household.
                let own = self.count(*learner, class, *identity, features);
                let treats_known =
                    *lesson == Lesson::Treated && self.ledger.class(Learner::HOUSEHOLD, *identity).is_some();
                let all = !treats_known && own && self.count(Learner::HOUSEHOLD, class, *identity, features);
                own || all
            }
            Taught::Forgotten(learner) => {
                self.knowledge.forget(*learner);
                self.ledger.forget(*learner);
                true
            }
        }
    }

    /// Adds what [`Knowledge::export`] wrote to what a learner knows; `false` where the bytes are not whole.
    pub fn import(&mut self, learner: Learner, bytes: &[u8]) -> bool {
        self.knowledge.import(learner, bytes)
    }

    /// A message counts for one learner as one class, and no more as another.
    fn count(&mut self, learner: Learner, class: Class, identity: Identity, features: &Features) -> bool {
        let before = self.ledger.class(learner, identity);
        if before == Some(class) {
            return false;
        }
        if let Some(before) = before {
            self.knowledge.unlearn(learner, before, features);
        }
        self.knowledge.learn(learner, class, features);
        self.ledger.note(learner, identity, class);
        true
    }

    /// All of it.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = self.knowledge.encode();
        let knowledge_bytes = bytes.len() as u64;
        bytes.reserve_exact(8 * self.ledger.len() + 8);
        self.ledger.encode(&mut bytes);
        bytes.extend_from_slice(&knowledge_bytes.to_le_bytes());
        bytes
    }

    /// What [`Memory::encode`] wrote; `None` where it is not whole.
    pub fn decode(bytes: &[u8], bytes_max: usize) -> Option<Memory> {
        let (bytes, knowledge_bytes) = bytes.split_last_chunk::<8>()?;
        let knowledge_bytes = usize::try_from(u64::from_le_bytes(*knowledge_bytes)).ok()?;
        let (knowledge, ledger) = bytes.split_at_checked(knowledge_bytes)?;
        let knowledge = Knowledge::decode(knowledge, bytes_max)?;
        Some(Memory { knowledge, ledger: Ledger::decode(ledger) })
    }
}

const SPAM: u8 = b's';
const HAM: u8 = b'h';
const TREATED: u8 = b't';
const FORGOTTEN: u8 = b'f';

impl Taught {
    /// For the journal: a letter, the learner, the message and its features. Of a feature only that is kept which matters once it is learnt: half of it.
    pub fn encode(&self) -> Vec<u8> {
        match self {
            Taught::Message { learner, lesson, identity, features } => {
                let mut bytes = Vec::with_capacity(17 + 4 * features.hashes().len());
                bytes.push(match lesson {
                    Lesson::Said(Class::Spam) => SPAM,
                    Lesson::Said(Class::Ham) => HAM,
                    Lesson::Treated => TREATED,
                });
                let mut places: Vec<u32> = features.hashes().iter().map(|hash| place_of(*hash)).collect();
                places.sort_unstable();
                bytes.extend_from_slice(&learner.0.to_le_bytes());
                bytes.extend_from_slice(&identity.0.to_le_bytes());
                for place in &places {
                    bytes.extend_from_slice(&place.to_le_bytes());
                }
                bytes
            }
            Taught::Forgotten(learner) => {
                let mut bytes = vec![FORGOTTEN];
                bytes.extend_from_slice(&learner.0.to_le_bytes());
                bytes
            }
        }
    }

    /// What [`Taught::encode`] wrote; `None` for anything else.
    pub fn decode(bytes: &[u8]) -> Option<Taught> {
        let (letter, rest) = bytes.split_first()?;
        let (learner, rest) = rest.split_first_chunk::<8>()?;
        let learner = Learner(u64::from_le_bytes(*learner));
        let lesson = match *letter {
            SPAM => Lesson::Said(Class::Spam),
            HAM => Lesson::Said(Class::Ham),
            TREATED => Lesson::Treated,
            FORGOTTEN => return rest.is_empty().then_some(Taught::Forgotten(learner)),
            _ => return None,
        };
        let (identity, rest) = rest.split_first_chunk::<8>()?;
        let identity = Identity(u64::from_le_bytes(*identity));
        let (places, []) = rest.as_chunks::<4>() else { return None };
        let hashes = places.iter().map(|place| learnt_like(u32::from_le_bytes(*place)));
        Some(Taught::Message { learner, lesson, identity, features: Features::from_hashes(hashes.collect()) })
    }
}

#[cfg(test)]
mod tests;
