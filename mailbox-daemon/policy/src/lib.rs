//! Pure decisions: facts in, verdicts and plans out. No socket, file, clock or protocol syntax is known here.

pub mod config;
