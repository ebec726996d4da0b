//! Pure decisions: facts in, verdicts and plans out. No socket, file, clock or protocol syntax is known here.

#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod access;
pub mod allowance;
pub mod bans;
pub mod bounce;
pub mod config;
pub mod direct_path;
pub mod dkim_rotation;
pub mod dmarc;
pub mod dnsbl;
pub mod good_logins;
pub mod greylist;
pub mod hop;
pub mod house;
pub mod inbound;
pub mod pressure;
pub mod priority;
pub mod rates;
pub mod recipients;
pub mod relay_presets;
pub mod report_schedule;
pub mod report_summary;
pub mod reports;
pub mod rewrite_from;
pub mod route;
pub mod rules;
pub mod schedule;
pub mod sieve;
pub mod spam;
pub mod srs;
pub mod submission;
pub mod tarpit;
