use serde::Deserialize;

/// What the box tells its owner by itself.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Notices {
    /// Whether the owner gets a letter when something goes wrong; `status` shows it in any case.
    pub letters: bool,
}

impl Default for Notices {
    fn default() -> Notices {
        Notices { letters: true }
    }
}
