//! The table on the screen and the same as JSON in a file.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Map, Value, json};

use crate::fault::{Doing, Outcome};
use crate::figures::Figures;
use crate::targets::Goal;
use crate::work;

/// Figures of both sides.
#[derive(Debug, Default)]
pub struct Report {
    /// The daemon's.
    pub ours: Figures,
    /// Those of Postfix and Dovecot.
    pub peers: Figures,
}

/// One line of the table.
struct Row {
    name: String,
    ours: Option<f64>,
    peers: Option<f64>,
    goal: Option<Goal>,
    met: Option<bool>,
}

impl Report {
    /// The table, with a line of explanation before each work.
    pub fn table(&self) -> String {
        let mut table =
            line(["measure", "ours", "Postfix+Dovecot", "ratio", "target", ""].map(str::to_owned));
        let mut work = String::new();
        for row in self.rows() {
            let (of, _) = row.name.split_once('.').unwrap_or_default();
            if work != of {
                of.clone_into(&mut work);
                let _ = write!(table, "\n{}\n", about(of));
            }
            table += &row.line();
        }
        table
    }

    /// Writes `bench-<unix seconds>.json` and `latest.json` into this folder; returns the first's path.
    pub fn write_json(&self, folder: &Path, quick: bool) -> Outcome<PathBuf> {
        fs::create_dir_all(folder).doing(format!("creating {}", folder.display()))?;
        let now_s = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        let text = format!("{:#}\n", self.json(now_s, quick));
        let path = folder.join(format!("bench-{now_s}.json"));
        for path in [&path, &folder.join("latest.json")] {
            fs::write(path, &text).doing(format!("writing {}", path.display()))?;
        }
        Ok(path)
    }

    fn json(&self, now_s: u64, quick: bool) -> Value {
        let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
        let verdicts: Vec<Value> = self
            .rows()
            .filter_map(|row| {
                let goal = row.goal?;
                Some(json!({
                    "measure": row.name, "ours": row.ours, "peers": row.peers, "ratio": row.ratio(),
                    "target": goal.text(), "met": row.met,
                }))
            })
            .collect();
        json!({
            "unix_s": now_s,
            "quick": quick,
            "kernel": kernel.trim(),
            "cores": std::thread::available_parallelism().map_or(0, std::num::NonZero::get),
            "ours": object(&self.ours),
            "peers": object(&self.peers),
            "targets": verdicts,
        })
    }

    /// In the order of the works; within a work in that of the names.
    fn rows(&self) -> impl Iterator<Item = Row> {
        let names: BTreeSet<&str> = self.ours.iter().chain(self.peers.iter()).map(|(name, _)| name).collect();
        work::ALL.iter().flat_map(move |work| {
            let of_work: Vec<&str> = names
                .iter()
                .copied()
                .filter(|name| name.strip_prefix(work.name).is_some_and(|rest| rest.starts_with('.')))
                .collect();
            of_work.into_iter().map(|name| self.row(name)).collect::<Vec<Row>>()
        })
    }

    fn row(&self, name: &str) -> Row {
        let goal = Goal::of(name);
        Row {
            name: name.to_owned(),
            ours: self.ours.get(name),
            peers: self.peers.get(name),
            goal,
            met: goal.and_then(|goal| goal.is_met(name, &self.ours, &self.peers)),
        }
    }
}

impl Row {
    fn ratio(&self) -> Option<f64> {
        self.peers.filter(|peers| *peers != 0.0).and_then(|peers| Some(self.ours? / peers))
    }

    fn line(&self) -> String {
        let verdict = match self.met {
            Some(true) => "met",
            Some(false) => "MISSED",
            None => "",
        };
        line([
            self.name.clone(),
            number(self.ours),
            number(self.peers),
            self.ratio().map_or("-".into(), |ratio| format!("{}x", number(Some(ratio)))),
            self.goal.map_or(String::new(), Goal::text),
            verdict.into(),
        ])
    }
}

fn line([name, ours, peers, ratio, target, verdict]: [String; 6]) -> String {
    let line = format!("{name:<40} {ours:>10} {peers:>16} {ratio:>9}  {target:<16} {verdict}");
    format!("{}\n", line.trim_end())
}

fn about(work: &str) -> String {
    let about = work::ALL.iter().find(|known| known.name == work).map_or("", |known| known.about);
    format!("{work}: {about}")
}

/// Three digits that mean something.
fn number(value: Option<f64>) -> String {
    match value {
        None => "-".into(),
        Some(value) if value.abs() >= 100.0 => format!("{value:.0}"),
        Some(value) if value.abs() >= 10.0 => format!("{value:.1}"),
        Some(value) if value.abs() >= 1.0 => format!("{value:.2}"),
        Some(value) => format!("{value:.3}"),
    }
}

fn object(figures: &Figures) -> Map<String, Value> {
    figures.iter().map(|(name, value)| (name.to_owned(), json!(value))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missed_target_is_shouted() {
        let mut report = Report::default();
        report.ours.put("idle.pss_kib", 20_000.0);
        report.peers.put("idle.pss_kib", 40_000.0);
        let table = report.table();
        assert!(table.contains("0.500x") && table.contains("MISSED"), "{table}");
        assert_eq!(report.json(1, false)["targets"][0]["met"], json!(false));
    }
}
