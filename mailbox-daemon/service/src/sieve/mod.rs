//! Scripts of accounts at work: loads them, gathers what they may ask, and keeps what they remember and say. What becomes of a
//! message that comes in is carried out by `smtp_in`, what IMAP sets off here.

mod aftermath;
mod daily;
mod events;
mod gathered;
mod letter_to_owner;
mod places;
mod scripts;
mod turns;

pub(crate) use daily::{Daily, take as take_daily};
pub(crate) use events::{Cause, Event, Events, SCRIPT_ENTRY, script_of, serve_events};
pub(crate) use gathered::{Gathered, Seen, zone_minutes};
pub(crate) use letter_to_owner::{Mishap, log, tell_of_mishap};
pub(crate) use places::{flags_of, place_of};
pub(crate) use scripts::{Ready, Scripts, active};
pub(crate) use turns::{Turns, turn_of};
