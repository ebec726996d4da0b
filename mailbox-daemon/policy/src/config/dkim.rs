use crate::dkim_rotation::Schedule;
use serde::Deserialize;

/// Keys that sign mail.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Dkim {
    /// A key signs so many days before the next is made; 0: until `dkim rotate` asks for it.
    pub rotate_days: u32,
    /// A key's record has been seen in DNS for so many minutes before the key signs in place of another, so that every name
    /// server of the domain has it.
    pub settle_minutes: u32,
    /// For so many days after a key's last signature its record stays published.
    pub linger_days: u32,
}

impl Default for Dkim {
    fn default() -> Dkim {
        Dkim { rotate_days: 365, settle_minutes: 60, linger_days: 30 }
    }
}

impl Dkim {
    /// The same for `policy::dkim_rotation`.
    pub fn schedule(&self) -> Schedule {
        let days = |days: u32| i64::from(days) * 86_400;
        Schedule {
            signs_s: (self.rotate_days > 0).then(|| days(self.rotate_days)),
            settles_s: i64::from(self.settle_minutes) * 60,
            lingers_s: days(self.linger_days),
        }
    }

    /// What is nonsense in it.
    pub(super) fn contradiction(&self) -> Option<String> {
        (self.linger_days < 7).then(|| {
            "dkim.linger_days is less than 7: mail may wait five days in a queue and is checked when it arrives".to_owned()
        })
    }
}
