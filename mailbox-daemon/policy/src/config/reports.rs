use serde::Deserialize;
use types::{Address, LocalRule};

/// Reports about mail: those that come in about this box's domains, and those it sends about others'.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Reports {
    /// The names, in each domain of this box, that reports come to. Those that belong to nobody are there for reports alone; what
    /// comes to them and is no report goes to the owner.
    pub address: Vec<String>,
    /// DMARC reports to others a day at the most; 0 sends none.
    pub dmarc_daily_max: usize,
    /// Whether others are told how secure the connections to their servers were.
    pub tls: bool,
}

impl Default for Reports {
    fn default() -> Reports {
        let address = ["postmaster", "dmarc-reports", "tls-reports"].map(str::to_owned).to_vec();
        Reports { address, dmarc_daily_max: 100, tls: true }
    }
}

impl Reports {
    /// Whether reports come to an address of one of this box's domains.
    pub fn is_address(&self, address: &Address) -> bool {
        let name = address.folded_without_tag().local;
        self.address.iter().any(|known| LocalRule::fold(known) == name.as_str())
    }

    /// What is wrong with these settings.
    pub(super) fn contradiction(&self) -> Option<String> {
        const NAMES_MAX: usize = 16;
        const DAILY_MOST: usize = 10_000;
        if self.address.len() > NAMES_MAX {
            return Some(format!("reports.address names more than {NAMES_MAX} addresses"));
        }
        if self.dmarc_daily_max > DAILY_MOST {
            let count = self.dmarc_daily_max;
            return Some(format!(
                "reports.dmarc_daily_max is {count}, but must lie between 0 and {DAILY_MOST}"
            ));
        }
        let wrong = self.address.iter().find(|name| !LocalRule::holds(name))?;
        Some(format!("reports.address: {wrong:?} is no name before an @"))
    }
}
