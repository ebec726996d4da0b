use serde::Deserialize;

/// Scripts: how many, how large, and what one may do.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Sieve {
    /// Whether the scripts of accounts are run at all.
    pub enabled: bool,
    /// Scripts of one account.
    pub scripts_max: usize,
    /// One script.
    pub script_bytes_max: usize,
    /// All scripts of one account together.
    pub scripts_bytes_max: u64,
    /// Blocks, tests, strings lists and includes inside one another.
    pub nesting_max: usize,
    /// Work of one run, in steps; about one for each octet looked at.
    pub work_max: u64,
    /// Memory of one run for variables and changed messages.
    pub memory_bytes_max: usize,
    /// Actions for one message.
    pub actions_max: usize,
    /// Of these, mail to elsewhere: redirections and notifications.
    pub redirects_max: usize,
    /// Scripts run within one run (RFC 6609).
    pub includes_max: usize,
    /// Shortest time in which vacation answers the same person twice.
    pub vacation_interval_s_min: u64,
    /// Longest.
    pub vacation_interval_s_max: u64,
    /// Longest time `duplicate` remembers (RFC 7352).
    pub duplicate_s_max: u64,
}

impl Default for Sieve {
    fn default() -> Sieve {
        Sieve {
            enabled: true,
            scripts_max: 64,
            script_bytes_max: 1024 * 1024,
            scripts_bytes_max: 4 * 1024 * 1024,
            nesting_max: 32,
            work_max: 100_000_000,
            memory_bytes_max: 4 * 1024 * 1024,
            actions_max: 32,
            redirects_max: 4,
            includes_max: 100,
            vacation_interval_s_min: 60,
            vacation_interval_s_max: 365 * 86_400,
            duplicate_s_max: 30 * 86_400,
        }
    }
}
