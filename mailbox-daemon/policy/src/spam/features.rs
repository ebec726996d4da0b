/// What of a message is learnt and judged: a bounded set of hashes, each once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Features {
    hashes: Vec<u64>,
}

impl Features {
    /// Those of a message as it is stored or came. Fields this box writes itself are passed over, so that a message has the same features before
    /// and after its delivery.
    pub fn of(_message: &[u8]) -> Features {
        Features::default()
    }

    /// Sorted, each once.
    pub fn hashes(&self) -> &[u64] {
        &self.hashes
    }

    /// Those hashes that were learnt once.
    pub fn from_hashes(hashes: Vec<u64>) -> Features {
        Features { hashes }
    }
}
