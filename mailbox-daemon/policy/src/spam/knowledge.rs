use super::Features;

/// What a message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// Unwanted.
    Spam,
    /// Wanted.
    Ham,
}

/// Whose knowledge: an account, by a hash of its address that is never 0, or the household.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Learner(pub u64);

impl Learner {
    /// All accounts together. It is taught on its own, so that a message two accounts teach counts once for it.
    pub const HOUSEHOLD: Learner = Learner(0);
}

/// How many messages were learnt.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// Spam.
    pub spam: u32,
    /// Ham.
    pub ham: u32,
}

/// What the learnt says of a message.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Opinion {
    /// Logarithm of the odds that it is spam; 0 is even.
    pub log_odds: f64,
    /// From [`Opinion::SPAM_FROM`] on it is taken for spam: 0 to 1.
    pub probability: f64,
}

/// A feature that speaks for one class, in words.
#[derive(Clone, Debug, PartialEq)]
pub struct Clue {
    /// What it is, such as `subject: "viagra"`.
    pub what: String,
    /// How much it adds to the log odds; above 0 for spam.
    pub weight: f64,
}

/// Everything learnt, in bounded memory.
#[derive(Clone, Debug)]
pub struct Knowledge {
    bytes_max: usize,
}

impl Opinion {
    /// The probability from which a message is spam.
    pub const SPAM_FROM: f64 = 0.9;
}

impl Knowledge {
    /// Nothing learnt yet; never takes more than `bytes_max`.
    pub fn new(bytes_max: usize) -> Knowledge {
        Knowledge { bytes_max }
    }

    /// As [`Knowledge::encode`] wrote it; `None` for damaged bytes.
    pub fn decode(_bytes: &[u8], bytes_max: usize) -> Option<Knowledge> {
        Some(Knowledge::new(bytes_max))
    }

    /// All of it, with a checksum; at most `bytes_max` and a little.
    pub fn encode(&self) -> Vec<u8> {
        vec![0; self.bytes_max.min(1)]
    }

    /// Learns a message, for this learner alone: whoever teaches an account teaches [`Learner::HOUSEHOLD`] besides.
    pub fn learn(&mut self, _learner: Learner, _class: Class, _features: &Features) {}

    /// Takes back what this learner learnt of it; what is not known any more stays as it is.
    pub fn unlearn(&mut self, _learner: Learner, _class: Class, _features: &Features) {}

    /// What it looks like to an account, with the household's knowledge behind its own.
    pub fn opinion(&self, _learner: Learner, _features: &Features) -> Opinion {
        Opinion::default()
    }

    /// The strongest clues of a message, at most `clues_max`.
    pub fn clues(&self, _learner: Learner, _message: &[u8], _clues_max: usize) -> Vec<Clue> {
        Vec::new()
    }

    /// How much a learner has learnt.
    pub fn seen(&self, _learner: Learner) -> Seen {
        Seen::default()
    }

    /// Forgets what one learner learnt; what an account taught the household stays there.
    pub fn forget(&mut self, _learner: Learner) {}

    /// What one learner knows, to be taken in elsewhere.
    pub fn export(&self, _learner: Learner) -> Vec<u8> {
        Vec::new()
    }

    /// Adds what [`Knowledge::export`] wrote to what a learner knows; changes nothing and says `false` where the bytes are not whole.
    pub fn import(&mut self, _learner: Learner, _bytes: &[u8]) -> bool {
        true
    }
}
