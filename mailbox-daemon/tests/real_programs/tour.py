"""A tour through a mailbox with nothing but Python's own modules: tour.py CA_FILE IMAP_PORT IMAPS_PORT SUBMISSION_PORT."""

import email
import imaplib
import smtplib
import ssl
import sys
import time

ca_file, imap_port, imaps_port, submission_port = sys.argv[1], *map(int, sys.argv[2:])
context = ssl.create_default_context(cafile=ca_file)


def ok(answer):
    status, data = answer
    assert status == "OK", answer
    return data


# In over STARTTLS.
imap = imaplib.IMAP4("127.0.0.1", imap_port)
ok(imap.starttls(context))
assert "IMAP4REV1" in imap.capabilities, imap.capabilities
ok(imap.login("ana@home.test", "demo-password"))
assert ok(imap.select("INBOX")) == [b"1"]

# A message with everything an old script may hand over.
message = b"From: ana@home.test\r\nSubject: =?utf-8?q?gr=C3=BC=C3=9Fe?=\r\n\r\nbody of the second\r\n"
stamp = imaplib.Time2Internaldate(time.mktime((2020, 2, 29, 12, 0, 0, 0, 0, -1)))
ok(imap.append("INBOX", r"(\Flagged)", stamp, message))
assert ok(imap.noop())
assert ok(imap.search(None, "FLAGGED")) == [b"2"]
assert ok(imap.search(None, "BODY", '"of the second"')) == [b"2"]
assert ok(imap.search("UTF-8", "SUBJECT", '"first"')) == [b"1"]
assert ok(imap.search(None, "ON", "29-Feb-2020")) == [b"2"]

fetched = ok(imap.fetch("2", "(UID FLAGS INTERNALDATE RFC822.SIZE BODY.PEEK[])"))
assert fetched[0][1] == message, fetched
assert b"RFC822.SIZE %d" % len(message) in fetched[0][0], fetched
assert imaplib.Internaldate2tuple(fetched[0][0] + fetched[1]).tm_year == 2020, fetched
assert email.message_from_bytes(fetched[0][1])["Subject"] == "=?utf-8?q?gr=C3=BC=C3=9Fe?="

# Flags, keywords, folders, copies.
ok(imap.store("1", "+FLAGS", r"(\Answered $Important)"))
assert ok(imap.search(None, "KEYWORD", "$Important")) == [b"1"]
ok(imap.create('"Holidays/Sea and sun"'))
ok(imap.subscribe('"Holidays/Sea and sun"'))
assert any(b"Sea and sun" in line for line in ok(imap.lsub()))
ok(imap.copy("1:2", '"Holidays/Sea and sun"'))
assert ok(imap.status('"Holidays/Sea and sun"', "(MESSAGES UNSEEN)"))[0].count(b"MESSAGES 2") == 1
ok(imap.rename('"Holidays/Sea and sun"', "Beach"))
assert ok(imap.select("Beach")) == [b"2"]
assert ok(imap.search(None, "KEYWORD", "$Important")) == [b"1"]
ok(imap.uid("MOVE", ok(imap.uid("SEARCH", None, "ALL"))[0].split()[0].decode(), "Archive"))
ok(imap.store("1", "+FLAGS", r"(\Deleted)"))
imap.response("EXPUNGE")  # What MOVE said; imaplib keeps it until it is asked for.
assert ok(imap.expunge()) == [b"1"]
ok(imap.close())
ok(imap.delete("Beach"))
assert imap.select("Beach")[0] == "NO"
ok(imap.select("INBOX", readonly=True))
imap.logout()

# In over TLS from the start, logging in with AUTHENTICATE.
imap = imaplib.IMAP4_SSL("127.0.0.1", imaps_port, ssl_context=context)
ok(imap.authenticate("PLAIN", lambda _: b"\0ana@home.test\0demo-password"))
assert ok(imap.select("Archive")) == [b"1"]
imap.logout()

# Out over submission, and in again.
with smtplib.SMTP("127.0.0.1", submission_port) as smtp:
    smtp.starttls(context=context)
    smtp.login("ana@home.test", "demo-password")
    refused = smtp.sendmail("ana@home.test", ["ben@home.test"], "From: ana@home.test\nSubject: to ben\n\nhello\n")
    assert refused == {}
    try:
        smtp.sendmail("ana@home.test", ["nobody@home.test"], "From: ana@home.test\n\nhello\n")
        raise SystemExit("nobody was accepted")
    except smtplib.SMTPRecipientsRefused as error:
        assert error.recipients["nobody@home.test"][0] == 550
imap = imaplib.IMAP4_SSL("127.0.0.1", imaps_port, ssl_context=context)
ok(imap.login("ben@home.test", "demo-password"))
ok(imap.select())
assert ok(imap.search(None, "SUBJECT", '"to ben"')) == [b"1"]
header = ok(imap.fetch("1", "(BODY[HEADER.FIELDS (DATE MESSAGE-ID)])"))[0][1]
assert b"Date: " in header and b"Message-ID: <" in header, header
imap.logout()
print("the tour is over")
