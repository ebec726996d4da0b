//! What the daemon has to reach: on the same machine, in the same run.

use crate::figures::Figures;

/// What a figure must be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Goal {
    /// Not more than this.
    AtMost(f64),
    /// Not more than this part of the peers' figure.
    PartOfPeers(f64),
    /// At least so many times the peers' figure.
    TimesPeers(f64),
}

use Goal::{AtMost, PartOfPeers, TimesPeers};

/// Every figure with a target, in the order of the works.
const TARGETS: &[(&str, Goal)] = &[
    ("idle.pss_kib", AtMost(12.0 * 1024.0)),
    ("latency.cpu_ms_per_message", PartOfPeers(0.25)),
    ("latency.syncs_per_message", AtMost(1.0)),
    ("latency.exists_after_ack_p50_ms", AtMost(2.0)),
    ("latency.exists_after_ack_p99_ms", AtMost(20.0)),
    ("deliver8k.messages_per_s", TimesPeers(3.0)),
    ("deliver8k.cpu_ms_per_message", PartOfPeers(0.25)),
    ("deliver8k.syncs_per_message", AtMost(0.3)),
    ("deliver8k.file_bytes_per_byte", AtMost(1.2)),
    ("deliver8k.peak_pss_kib", AtMost(32.0 * 1024.0)),
    ("checked8k.cpu_ms_per_message", PartOfPeers(0.25)),
    ("checked8k.file_bytes_per_byte", AtMost(1.4)),
    ("big25.more_pss_kib", AtMost(1024.0)),
    ("idle500.kib_per_session", AtMost(12.0)),
    ("tls500.kib_per_session", AtMost(40.0)),
    ("imap50k.search_subject_ms", PartOfPeers(0.1)),
    ("imap50k.search_subject_cpu_ms", PartOfPeers(0.1)),
    ("fulltext.search_text_ms", AtMost(50.0)),
    ("fulltext.search_body_ms", AtMost(50.0)),
    ("queue.submit_per_s", TimesPeers(3.0)),
    ("queue.more_pss_kib", AtMost(2.0 * 1024.0)),
    ("outbound.messages_per_s", TimesPeers(2.0)),
    ("spam.all_one_minus_roca_percent", AtMost(0.08)),
    ("spam.all_spam_missed_percent_at_ham_loss_0_1", AtMost(6.0)),
    ("spam.all_spam_missed_percent_at_ham_loss_0_5", AtMost(2.0)),
    ("spam.all_ham_lost_percent", AtMost(0.05)),
    ("spam.all_cpu_ms_per_message", AtMost(1.0)),
    ("spam.first_50_ham_lost_percent", AtMost(0.2)),
    ("spam.first_50_spam_missed_percent", AtMost(25.0)),
];

/// Measures that must take half of the peers' time and CPU.
const HALF_OF_PEERS: &[&str] = &[
    "imap50k.select",
    "imap50k.select_after_delivery",
    "imap50k.fetch_flags",
    "imap50k.fetch_envelope",
    "imap50k.fetch_bodystructure",
    "imap50k.fetch_list",
    "imap50k.search_unseen",
    "imap50k.search_from",
    "imap50k.search_text",
    "imap50k.bodies_1000",
    "imap50k.bodies_1000_at_once",
    "imap50k.move_1000",
    "imap50k.store_1000",
    "imap50k.fetch_headers",
    "imap50k.search_sent",
    "imap50k.sort_date",
    "imap50k.sort_subject",
    "imap50k.sort_from",
    "imap50k.thread",
    "imap50k.resync",
    "list500.list",
    "list500.list_status",
    "compress.bodies_plain",
    "compress.bodies_deflated",
];

impl Goal {
    /// What this figure must be, if anything.
    pub fn of(figure: &str) -> Option<Goal> {
        let named = TARGETS.iter().find(|(name, _)| *name == figure).map(|(_, goal)| *goal);
        named.or_else(|| {
            let measure = figure.strip_suffix("_ms")?;
            let measure = measure.strip_suffix("_cpu").unwrap_or(measure);
            HALF_OF_PEERS.contains(&measure).then_some(PartOfPeers(0.5))
        })
    }

    /// Whether it is reached; `None` when a figure is missing.
    pub fn is_met(self, figure: &str, ours: &Figures, peers: &Figures) -> Option<bool> {
        let value = ours.get(figure)?;
        Some(match self {
            AtMost(limit) => value <= limit,
            PartOfPeers(part) => value <= part * peers.get(figure)?,
            TimesPeers(times) => value >= times * peers.get(figure)?,
        })
    }

    /// For the table.
    pub fn text(self) -> String {
        match self {
            AtMost(limit) => format!("<= {limit}"),
            PartOfPeers(part) => format!("<= 1/{} of peers", (1.0 / part).round()),
            TimesPeers(times) => format!(">= {times}x peers"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn goals_are_judged_against_the_peers_where_they_say_so() {
        let (mut ours, mut peers) = (Figures::default(), Figures::default());
        ours.put("imap50k.select_ms", 50.0);
        peers.put("imap50k.select_ms", 99.0);
        let goal = Goal::of("imap50k.select_ms").unwrap();
        assert_eq!(goal.is_met("imap50k.select_ms", &ours, &peers), Some(false));
        ours.put("imap50k.select_ms", 49.0);
        assert_eq!(goal.is_met("imap50k.select_ms", &ours, &peers), Some(true));
        assert_eq!(goal.is_met("imap50k.select_ms", &ours, &Figures::default()), None);
        assert_eq!(Goal::of("imap50k.select_cpu_ms"), Some(PartOfPeers(0.5)));
        assert_eq!(Goal::of("imap50k.search_subject_cpu_ms"), Some(PartOfPeers(0.1)));
        assert_eq!(Goal::of("imap50k.first_select_ms"), None);
    }
}
