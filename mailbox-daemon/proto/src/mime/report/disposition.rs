use super::{Report, field, one_line};
use crate::mime::date::format_rfc5322;
use std::fmt::Write;

/// A notice that a message was deleted unread because the recipient's rules refuse it: a failure disposition notification
/// (RFC 3798, as RFC 5429 section 2.2.1 has it).
pub struct Disposition<'a> {
    /// Who and what it is about; of several recipients the first.
    pub report: &'a Report,
    /// Why, in the recipient's words.
    pub reason: &'a str,
}

impl Disposition<'_> {
    /// Everything before the returned header; what follows it is [`Report::suffix`]. Lines end with CRLF.
    pub fn prefix(&self) -> Vec<u8> {
        let Report { boundary, .. } = self.report;
        let mut out = String::with_capacity(2048);
        self.write_header(&mut out);
        let _ = write!(out, "\n--{boundary}\n");
        field(&mut out, "Content-Type", "text/plain; charset=utf-8");
        field(&mut out, "Content-Transfer-Encoding", if self.reason.is_ascii() { "7bit" } else { "8bit" });
        out.push_str("\nThe message was refused by the recipient's mail filtering program.\n");
        out.push_str("The reason given was as follows:\n\n");
        for line in self.reason.lines() {
            let _ = writeln!(out, "{}", one_line(line));
        }
        let _ = write!(out, "\n--{boundary}\n");
        field(&mut out, "Content-Type", "message/disposition-notification");
        out.push('\n');
        self.write_fields(&mut out);
        self.report.write_returned_header(&mut out);
        out.replace('\n', "\r\n").into_bytes()
    }

    fn write_header(&self, out: &mut String) {
        let Report { boundary, date, from, to, message_id, eight_bit, .. } = self.report;
        field(out, "Date", &format_rfc5322(*date, 0));
        field(out, "From", &format!("Mail delivery system <{from}>"));
        field(out, "To", &format!("<{to}>"));
        field(out, "Subject", "Automatically rejected mail");
        field(out, "Message-ID", &format!("<{message_id}>"));
        field(out, "Auto-Submitted", "auto-replied (rejected)");
        field(out, "MIME-Version", "1.0");
        let _ = write!(
            out,
            "Content-Type: multipart/report; report-type=disposition-notification;\n boundary=\"{boundary}\"\n"
        );
        if *eight_bit || !self.reason.is_ascii() {
            field(out, "Content-Transfer-Encoding", "8bit");
        }
        out.push_str("\nThis is a MIME message with a notice of what became of yours.\n");
    }

    fn write_fields(&self, out: &mut String) {
        field(out, "Reporting-UA", &format!("{}; mail rules", self.report.reporting_mta));
        for recipient in self.report.recipients.iter().take(1) {
            let address_type = if recipient.recipient.is_ascii() { "rfc822" } else { "utf-8" };
            if let Some(original) = &recipient.original {
                field(out, "Original-Recipient", original);
            }
            field(out, "Final-Recipient", &format!("{address_type}; {}", recipient.recipient));
        }
        if let Some(id) = &self.report.original_message_id {
            field(out, "Original-Message-ID", id);
        }
        field(out, "Disposition", "automatic-action/MDN-sent-automatically; deleted");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mime::report::{Action, RecipientReport, Returned};

    #[test]
    fn a_refusal_is_a_notice_of_deletion() {
        let recipient = RecipientReport {
            recipient: "ana@home.test".to_owned(),
            original: None,
            action: Action::Failed,
            status: "5.7.1".to_owned(),
            remote_mta: None,
            smtp_reply: None,
            last_attempt: None,
            retry_until: None,
            explanation: String::new(),
        };
        let report = Report {
            reporting_mta: "mail.home.test".to_owned(),
            from: "postmaster@mail.home.test".to_owned(),
            to: "coyote@desert.test".to_owned(),
            message_id: "1@mail.home.test".to_owned(),
            date: 0,
            boundary: "b1".to_owned(),
            envelope_id: None,
            arrival: None,
            original_message_id: Some("<2@desert.test>".to_owned()),
            recipients: vec![recipient],
            returned: Returned::Header,
            eight_bit: false,
        };
        let notice = Disposition { report: &report, reason: "no birdseed\r\neither\u{1}" };
        let text = String::from_utf8(notice.prefix()).expect("it is text");
        for part in [
            "report-type=disposition-notification;",
            "\r\n\r\nno birdseed\r\neither \r\n\r\n--b1\r\n",
            "Final-Recipient: rfc822; ana@home.test\r\nOriginal-Message-ID: <2@desert.test>\r\n\
             Disposition: automatic-action/MDN-sent-automatically; deleted\r\n",
            "Content-Type: text/rfc822-headers\r\n",
        ] {
            assert!(text.contains(part), "{part:?} is not in {text}");
        }
        assert!(!text.replace("\r\n", "").contains(['\r', '\n']));
    }
}
