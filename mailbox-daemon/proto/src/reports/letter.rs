//! The mail a report travels in: a sentence for people, and the packed report.

use crate::mime::date::format_rfc5322;
use data_encoding::BASE64;
use std::fmt::Write;
use types::{Address, Domain, UnixSeconds};

/// Letters of base64 on one line (RFC 2045 section 6.8).
const BASE64_LINE_BYTES: usize = 76;

/// Who writes a report, and when.
#[derive(Clone, Debug)]
pub struct LetterHead {
    /// The domain that reports.
    pub submitter: Domain,
    /// The local part of its sender at that domain.
    pub sender: &'static str,
    /// Whom people may ask: an address at that domain.
    pub contact: String,
    /// The report's name: letters, digits, dots and hyphens.
    pub report_id: String,
    /// When it is written.
    pub date: UnixSeconds,
}

/// What differs between one kind of report and another.
pub(super) struct Mail<'a> {
    pub(super) to: &'a Address,
    /// May be folded with LF.
    pub(super) subject: String,
    /// Header fields besides those every report has, each with its LF.
    pub(super) more_fields: String,
    /// The subtype of the whole and its parameters.
    pub(super) multipart: String,
    /// For people; ASCII with LF line ends.
    pub(super) text: String,
    pub(super) media_type: &'static str,
    pub(super) file_name: String,
}

impl Mail<'_> {
    /// The whole message. Lines end with CRLF.
    pub(super) fn write(&self, head: &LetterHead, packed: &[u8]) -> Vec<u8> {
        let LetterHead { submitter, sender, report_id, date, .. } = head;
        let boundary = format!("report-{report_id}");
        let mut out = format!(
            "Date: {}\nFrom: <{sender}@{submitter}>\nTo: <{}>\nSubject: {}\nMessage-ID: <{report_id}@{submitter}>\n\
             Auto-Submitted: auto-generated\n{}MIME-Version: 1.0\nContent-Type: multipart/{};\n boundary=\"{boundary}\"\n\n\
             --{boundary}\nContent-Type: text/plain; charset=us-ascii\n\n{}\n--{boundary}\nContent-Type: {};\n name=\"{}\"\n\
             Content-Disposition: attachment;\n filename=\"{}\"\nContent-Transfer-Encoding: base64\n\n",
            format_rfc5322(*date, 0),
            self.to,
            self.subject,
            self.more_fields,
            self.multipart,
            self.text,
            self.media_type,
            self.file_name,
            self.file_name
        );
        for line in BASE64.encode(packed).as_bytes().chunks(BASE64_LINE_BYTES) {
            let _ = writeln!(out, "{}", String::from_utf8_lossy(line));
        }
        let _ = writeln!(out, "\n--{boundary}--");
        out.replace('\n', "\r\n").into_bytes()
    }
}
