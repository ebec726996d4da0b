//! Made-up mail: the same for every server and in every run, since a serial number decides everything.

use std::fmt::Write;

/// A word in the subject of some [`letter`]s; SEARCH SUBJECT looks for it.
pub const RARE_SUBJECT: &str = "zeppelin";

/// One letter in so many has [`RARE_SUBJECT`].
pub const RARE_SUBJECT_ONE_IN: u64 = 100;

/// A word in the text of some [`letter`]s; SEARCH TEXT looks for it.
pub const RARE_TEXT: &str = "quixotic";

/// One letter in so many has [`RARE_TEXT`].
pub const RARE_TEXT_ONE_IN: u64 = 200;

/// Noon of 1 November 2025, when the first message was sent; one every ten minutes follows.
const FIRST_SENT_S: u64 = 1_761_998_400;

const WORDS: [&str; 48] = [
    "invoice", "dinner", "the", "of", "meeting", "tomorrow", "about", "garden", "school", "and", "photos",
    "we", "train", "ticket", "please", "your", "order", "delivery", "from", "holiday", "with", "plan",
    "question", "for", "music", "parents", "this", "weekend", "broken", "bicycle", "is", "ready", "report",
    "quarter", "update", "new", "phone", "number", "rent", "letter", "bank", "a", "birthday", "cake",
    "recipe", "to", "winter", "thanks",
];

/// A text message of exactly so many bytes (at least 1 KiB), CRLF lines, no dot at the beginning of a line.
pub fn text(serial: u64, bytes: usize) -> Vec<u8> {
    text_from(&stranger(serial), serial, bytes)
}

/// The same from this sender.
pub fn text_from(sender: &str, serial: u64, bytes: usize) -> Vec<u8> {
    let mut random = Random::new(serial);
    let mut message = header(sender, serial, &random.words(5));
    message.push_str("Content-Type: text/plain; charset=utf-8\r\n\r\n");
    while message.len() + 100 < bytes {
        let line = random.words(9);
        let _ = write!(message, "{line}\r\n");
    }
    fill_up(message, bytes)
}

/// A signed message of about 8 KiB; copies differ in a field that is not signed.
pub fn signed(serial: u64) -> Vec<u8> {
    let message = include_str!("checked/signed.eml").replace('\n', "\r\n");
    format!("X-Serial: {serial}\r\n{message}").into_bytes()
}

/// A message with an attachment in base64, of exactly so many bytes.
pub fn attachment(serial: u64, bytes: usize) -> Vec<u8> {
    const TAIL: &str = "\r\n--=_bench--\r\n";
    let mut random = Random::new(serial);
    let mut message = header(&stranger(serial), serial, &random.words(4));
    message.push_str(
        "Content-Type: multipart/mixed; boundary=\"=_bench\"\r\n\r\n--=_bench\r\nContent-Type: text/plain\r\n\r\n\
         See the attachment.\r\n--=_bench\r\nContent-Type: application/octet-stream; name=\"data.bin\"\r\n\
         Content-Transfer-Encoding: base64\r\nContent-Disposition: attachment; filename=\"data.bin\"\r\n\r\n",
    );
    while message.len() + 100 + TAIL.len() < bytes {
        random.base64_line(&mut message);
        message.push_str("\r\n");
    }
    let mut message = fill_up(message, bytes - TAIL.len());
    message.extend_from_slice(TAIL.as_bytes());
    message
}

/// A message as lies in an old mailbox: 1 to 4 KiB with the header that today's mail has.
pub fn letter(serial: u64) -> Vec<u8> {
    let mut random = Random::new(serial);
    let mut subject = random.words(3 + (serial % 5) as usize);
    if serial.is_multiple_of(RARE_SUBJECT_ONE_IN) {
        let _ = write!(subject, " {RARE_SUBJECT}");
    }
    let mut message = trace(serial, &mut random);
    message.push_str(&header(&stranger(serial), serial, &subject));
    if serial % 3 == 1 {
        let parent = serial - 1;
        let _ =
            write!(message, "In-Reply-To: <{parent}@bench.test>\r\nReferences: <{parent}@bench.test>\r\n");
    }
    let bytes = 1024 + (random.next() % 3072) as usize;
    letter_body(&mut message, serial, bytes, &mut random);
    message.into_bytes()
}

fn letter_body(message: &mut String, serial: u64, bytes: usize, random: &mut Random) {
    let mut paragraph = String::new();
    if serial.is_multiple_of(RARE_TEXT_ONE_IN) {
        let _ = write!(paragraph, "{RARE_TEXT}\r\n");
    }
    if !serial.is_multiple_of(3) {
        message.push_str("Content-Type: text/plain; charset=utf-8\r\n\r\n");
        while message.len() + paragraph.len() < bytes {
            let _ = write!(paragraph, "{}\r\n", random.words(9));
        }
        message.push_str(&paragraph);
        return;
    }
    while message.len() + paragraph.len() * 2 + 200 < bytes {
        let _ = write!(paragraph, "{}\r\n", random.words(8));
    }
    let _ = write!(
        message,
        "Content-Type: multipart/alternative; boundary=\"=_{serial}\"\r\n\r\n--=_{serial}\r\n\
         Content-Type: text/plain; charset=utf-8\r\n\r\n{paragraph}\r\n--=_{serial}\r\n\
         Content-Type: text/html; charset=utf-8\r\n\r\n<html><p>{paragraph}</p></html>\r\n--=_{serial}--\r\n",
    );
}

/// The lines that servers on the way have added.
fn trace(serial: u64, random: &mut Random) -> String {
    let date = date(FIRST_SENT_S + serial * 600 + 3);
    let mut trace = format!(
        "Return-Path: <someone{serial}@example.org>\r\nDelivered-To: ben@home.test\r\n\
         Received: from relay.example.org (relay.example.org [192.0.2.{}])\r\n\tby mx.home.test with ESMTPS id \
         {serial:012x}\r\n\tfor <ben@home.test>; {date}\r\n\
         DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=example.org; s=mail;\r\n\th=from:to:subject:date; b=",
        serial % 250 + 1
    );
    for _ in 0..3 {
        random.base64_line(&mut trace);
        trace.push_str("\r\n\t");
    }
    trace.push_str("AAAA\r\n");
    trace
}

fn stranger(serial: u64) -> String {
    format!("someone{serial}@example.org")
}

fn header(sender: &str, serial: u64, subject: &str) -> String {
    format!(
        "From: Some One <{sender}>\r\nTo: Ben <ben@home.test>\r\nSubject: {subject}\r\n\
         Date: {}\r\nMessage-ID: <{serial}@bench.test>\r\nMIME-Version: 1.0\r\n",
        date(FIRST_SENT_S + serial * 600)
    )
}

fn fill_up(mut message: String, bytes: usize) -> Vec<u8> {
    let missing = bytes.saturating_sub(message.len() + 2);
    for _ in 0..missing {
        message.push('x');
    }
    message.push_str("\r\n");
    message.into_bytes()
}

/// As RFC 5322 section 3.3 wants it, in UTC.
fn date(unix_s: u64) -> String {
    const WEEKDAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let (days, second) = (unix_s / 86400, unix_s % 86400);
    let (year, month, day) = civil(days);
    format!(
        "{}, {day:02} {} {year} {:02}:{:02}:{:02} +0000",
        WEEKDAYS[(days % 7) as usize],
        MONTHS[month],
        second / 3600,
        second / 60 % 60,
        second % 60
    )
}

/// Year, month from 0, day from 1, of a number of days since 1970.
fn civil(mut days: u64) -> (u64, usize, u64) {
    let leap = |year: u64| year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let mut year = 1970;
    while days >= 365 + u64::from(leap(year)) {
        days -= 365 + u64::from(leap(year));
        year += 1;
    }
    let lengths = [31, 28 + u64::from(leap(year)), 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let mut month = 0;
    while days >= lengths[month] {
        days -= lengths[month];
        month += 1;
    }
    (year, month, days + 1)
}

/// xorshift64*: small, fast and the same everywhere.
struct Random {
    state: u64,
}

impl Random {
    fn new(serial: u64) -> Random {
        Random { state: serial.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1 }
    }

    fn next(&mut self) -> u64 {
        self.state ^= self.state >> 12;
        self.state ^= self.state << 25;
        self.state ^= self.state >> 27;
        self.state.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 11
    }

    fn words(&mut self, count: usize) -> String {
        let words: Vec<&str> = (0..count).map(|_| WORDS[self.next() as usize % WORDS.len()]).collect();
        words.join(" ")
    }

    fn base64_line(&mut self, text: &mut String) {
        const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        for _ in 0..12 {
            let bits = self.next();
            for at in 0..6 {
                text.push(char::from(ALPHABET[(bits >> (6 * at)) as usize & 63]));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_exact_and_lines_are_clean() {
        for (message, bytes) in [(text(7, 8192), 8192), (attachment(9, 1 << 20), 1 << 20)] {
            assert_eq!(message.len(), bytes);
            assert!(message.ends_with(b"\r\n"));
            for line in message.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
                assert!(line.ends_with(b"\r") && line.len() < 998 && line[0] != b'.');
            }
        }
    }

    #[test]
    fn letters_are_one_to_four_kib_and_repeatable() {
        for serial in 0..1000 {
            let letter = letter(serial);
            assert!((900..4400).contains(&letter.len()), "{} bytes", letter.len());
        }
        assert_eq!(letter(5), letter(5));
    }

    #[test]
    fn dates_are_right() {
        assert_eq!(date(FIRST_SENT_S), "Sat, 01 Nov 2025 12:00:00 +0000");
        assert_eq!(date(951_782_400), "Tue, 29 Feb 2000 00:00:00 +0000");
    }
}
