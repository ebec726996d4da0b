use serde::Deserialize;

/// How mail from others is judged.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Inbound {
    /// Whether SPF, DKIM, DMARC, ARC, lists and names are looked up at all. A box without DNS has to do without.
    pub authentication: bool,
}

impl Default for Inbound {
    fn default() -> Inbound {
        Inbound { authentication: true }
    }
}
