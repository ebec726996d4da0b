use serde::Deserialize;

/// The spam filter.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Spam {
    /// Whether what was learnt about mail decides where it lies. Learning goes on either way.
    pub enabled: bool,
    /// Spam messages an account, or the household, must have shown before what was learnt acts.
    pub spam_learnt_min: u32,
    /// The same for wanted messages.
    pub ham_learnt_min: u32,
    /// Days after which mail in Junk is deleted, counted from when it was put there; 0 keeps it. Flagged mail stays.
    pub junk_kept_days: u32,
    /// Memory and disk for everything learnt.
    pub knowledge_bytes_max: usize,
}

impl Default for Spam {
    fn default() -> Spam {
        Spam {
            enabled: true,
            spam_learnt_min: 50,
            ham_learnt_min: 50,
            junk_kept_days: 30,
            knowledge_bytes_max: 8 * 1024 * 1024,
        }
    }
}
