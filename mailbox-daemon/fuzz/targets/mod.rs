//! What is fuzzed: every function takes any bytes and panics when a promise is broken.
//!
//! Besides "never panics" the promises are: however the bytes are cut into pieces, the result is the same; what was
//! understood can be written and is understood alike again; memory and output stay within the limits.

mod dkim;
mod imap;
mod maildir;
mod managesieve;
mod mime;
mod mta_sts;
mod reports;
mod sasl;
mod sieve;
mod smtp;
mod spam;
mod trust;
mod words;

/// A target.
pub type Target = fn(&[u8]);

/// Every target by its name, which is its corpus folder's name as well.
pub const ALL: &[(&str, Target)] = &[
    ("config", words::config),
    ("dkim_body", dkim::body),
    ("dkim_foreign", dkim::foreign),
    ("dkim_srs", dkim::srs),
    ("imap_command", imap::command),
    ("imap_names", imap::names),
    ("imap_session", imap::session),
    ("maildir_names", maildir::names),
    ("managesieve_command", managesieve::command),
    ("managesieve_session", managesieve::session),
    ("mime_decode", mime::decode),
    ("mime_digest", mime::digest),
    ("mime_header", mime::header),
    ("mime_scan", mime::scan),
    ("mta_sts", mta_sts::policy),
    ("reports_attachment", reports::attachment),
    ("reports_message", reports::message),
    ("reports_records", reports::records),
    ("reports_xml", reports::xml),
    ("sasl", sasl::exchange),
    ("sieve_form", sieve::form),
    ("sieve_script", sieve::script),
    ("smtp_client", smtp::client),
    ("smtp_command", smtp::command),
    ("smtp_message", smtp::message),
    ("smtp_results", smtp::results),
    ("smtp_session", smtp::session),
    ("spam_knowledge", spam::knowledge),
    ("spam_message", spam::message),
    ("trust_records", trust::records),
    ("trust_signatures", trust::signatures),
    ("words", words::words),
];

/// The first byte decides how a target behaves; the rest is its input.
fn choices(data: &[u8]) -> Option<(u8, &[u8])> {
    data.split_first().map(|(choice, input)| (*choice, input))
}

/// The input cut into pieces of changing sizes, from one byte up.
fn pieces(input: &[u8], choice: u8) -> impl Iterator<Item = &[u8]> {
    let mut rest = input;
    let mut state = u32::from(choice) | 1;
    std::iter::from_fn(move || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let size = 1 + (state >> 24) as usize % 17;
        let (piece, after) = rest.split_at(size.min(rest.len()));
        rest = after;
        (!piece.is_empty()).then_some(piece)
    })
}
