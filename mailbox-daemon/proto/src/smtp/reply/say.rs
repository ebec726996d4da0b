//! What the server says, by the situation it says it in. Numbers are those of RFC 5321 section 4.2.3 and RFC 5248.

use super::Reply;

/// NOOP, RSET.
pub const OK: Reply = Reply::new(250, 0, 0, "OK");
/// QUIT.
pub const BYE: Reply = Reply::new(221, 0, 0, "Bye");
/// MAIL.
pub const SENDER_OK: Reply = Reply::new(250, 1, 0, "Sender OK");
/// RCPT.
pub const RECIPIENT_OK: Reply = Reply::new(250, 1, 5, "Recipient OK");
/// DATA.
pub const SEND_MESSAGE: Reply = Reply::bare(354, "Send the message, end with a line holding only a dot");
/// The message is on disk. The text is replaced by one with an id.
pub const MESSAGE_ACCEPTED: Reply = Reply::new(250, 0, 0, "Accepted");
/// BDAT without LAST.
pub const CHUNK_OK: Reply = Reply::new(250, 0, 0, "Chunk received");
/// VRFY: neither yes nor no (RFC 5321 section 7.3).
pub const CANNOT_VERIFY: Reply = Reply::new(252, 0, 0, "Send mail and see");
/// STARTTLS.
pub const START_TLS: Reply = Reply::new(220, 0, 0, "Ready to start TLS");
/// AUTH succeeded.
pub const LOGGED_IN: Reply = Reply::new(235, 7, 0, "Logged in");

/// The daemon stops.
pub const STOPPING: Reply = Reply::new(421, 3, 2, "Shutting down, try again soon");
/// Nothing came for too long.
pub const TIMED_OUT: Reply = Reply::new(421, 4, 2, "Timed out waiting for you");
/// More wrong commands than the limit.
pub const TOO_MANY_ERRORS: Reply = Reply::new(421, 7, 0, "Too many errors");
/// More failed logins than the limit.
pub const TOO_MANY_LOGINS: Reply = Reply::new(421, 7, 0, "Too many failed logins");
/// Too many failed logins from the client's address, now or lately.
pub const BANNED: Reply = Reply::new(421, 7, 0, "Too many failed logins from your address, try again later");
/// Too many sessions, or somebody else needs this one's place.
pub const NO_ROOM: Reply = Reply::new(421, 3, 2, "Too many sessions, try again later");
/// A refused message that does not end.
pub const MESSAGE_RUNS_ON: Reply = Reply::new(421, 3, 0, "The message was refused and does not end");
/// A fault of ours that time may mend.
pub const TRY_LATER: Reply = Reply::new(451, 3, 0, "Something is wrong here, try again later");
/// More messages than the client's address may hand in.
pub const TOO_FAST: Reply =
    Reply::new(451, 7, 1, "Too many messages from your address, try again a little later");
/// Greylisting (RFC 6647 section 2.1).
pub const NOT_YET: Reply =
    Reply::new(451, 7, 1, "This server does not know you yet, try again in a few minutes");
/// DNS does not tell what has to be known of the sender (RFC 3463 section 3.5).
pub const SENDER_DNS_SILENT: Reply =
    Reply::new(451, 4, 3, "The sender's DNS does not answer, try again later");
/// SPF or DMARC cannot be evaluated now (RFC 7372 section 3.2).
pub const CHECKS_UNDECIDED: Reply =
    Reply::new(451, 7, 24, "The sender cannot be checked right now, try again later");
/// The disk is full.
pub const NO_SPACE: Reply = Reply::new(452, 3, 1, "No space left here, try again later");
/// Memory is short.
pub const NO_MEMORY: Reply = Reply::new(452, 3, 1, "Too busy, try again later");
/// Memory is short, before anything was said.
pub const BUSY: Reply = Reply::new(421, 3, 2, "Too busy, try again later");
/// Somebody's mailbox is full. He can delete something, so the sender is to try again (RFC 3463 section 3.3, X.2.2).
pub const MAILBOX_FULL: Reply = Reply::new(452, 2, 2, "The mailbox is full, try again later");
/// RFC 5321 section 4.5.3.1.10.
pub const TOO_MANY_RECIPIENTS: Reply =
    Reply::new(452, 5, 3, "Too many recipients, send to the others separately");
/// More than the account may send just now.
pub const SENT_TOO_MUCH: Reply = Reply::new(452, 7, 1, "You have sent too much, try again later");
/// The password cannot be checked right now.
pub const LOGIN_UNAVAILABLE: Reply = Reply::new(454, 7, 0, "Logins cannot be checked right now");

/// Not in the grammar of RFC 5321.
pub const UNKNOWN_COMMAND: Reply = Reply::new(500, 5, 1, "Unknown command");
/// Longer than the limit.
pub const LINE_TOO_LONG: Reply = Reply::new(500, 5, 6, "Line too long");
/// Bare LF, bare CR or NUL in a command.
pub const BAD_LINE: Reply =
    Reply::new(500, 5, 2, "A command ends in CRLF and holds no other CR or LF and no NUL");
/// Wrong parameters.
pub const SYNTAX: Reply = Reply::new(501, 5, 4, "Syntax error in parameters");
/// `MAIL FROM:` with something else than an address.
pub const BAD_SENDER: Reply = Reply::new(501, 1, 7, "The sender is no valid address");
/// `RCPT TO:` with something else than an address.
pub const BAD_RECIPIENT: Reply = Reply::new(501, 1, 3, "The recipient is no valid address");
/// Not base64, or cancelled with `*`.
pub const BAD_AUTH: Reply = Reply::new(501, 5, 2, "Login cancelled");
/// Known to RFC 5321 and not done here.
pub const NOT_IMPLEMENTED: Reply = Reply::new(502, 5, 1, "Not done here");
/// AUTH on the port other servers use.
pub const NO_LOGIN_HERE: Reply = Reply::new(502, 5, 1, "No logins on this port, use the submission port");
/// A command before its time.
pub const BAD_SEQUENCE: Reply = Reply::new(503, 5, 1, "Not now");
/// MAIL before EHLO.
pub const HELLO_FIRST: Reply = Reply::new(503, 5, 1, "Say EHLO first");
/// DATA without RCPT.
pub const RECIPIENTS_FIRST: Reply = Reply::new(503, 5, 1, "Name recipients first");
/// AUTH with a mechanism that is not offered.
pub const UNKNOWN_MECHANISM: Reply = Reply::new(504, 5, 4, "Unknown mechanism");
/// MAIL before AUTH on the submission port (RFC 4954 section 6).
pub const LOG_IN_FIRST: Reply = Reply::new(530, 7, 0, "Log in first");
/// The same where TLS comes before.
pub const START_TLS_FIRST: Reply = Reply::new(530, 7, 0, "Start TLS first, then log in");
/// REQUIRETLS in the clear, where it is not announced (RFC 8689 section 2).
pub const REQUIRETLS_NEEDS_TLS: Reply = Reply::new(530, 7, 10, "REQUIRETLS is for connections under TLS");
/// Wrong name or password.
pub const LOGIN_FAILED: Reply = Reply::new(535, 7, 8, "Wrong name or password");
/// AUTH in the clear.
pub const LOGIN_NEEDS_TLS: Reply = Reply::new(538, 7, 11, "Start TLS before you log in");
/// Nobody of that name.
pub const NO_SUCH_USER: Reply = Reply::new(550, 1, 1, "Nobody of that name here");
/// Neither from nor for anybody here.
pub const NO_RELAY: Reply = Reply::new(550, 7, 1, "Relaying denied: not a domain of this server");
/// Somebody the owner wants no mail from.
pub const UNWANTED: Reply = Reply::new(550, 7, 1, "Mail from you is not accepted here");
/// A sender the account does not own.
pub const NOT_YOUR_ADDRESS: Reply = Reply::new(550, 7, 1, "That sender address is not yours");
/// More than the account may ever send.
pub const MAY_NOT_SEND: Reply = Reply::new(550, 7, 1, "That is more than you may send");
/// The client is on lists of those who send unwanted mail.
pub const CLIENT_LISTED: Reply = Reply::new(550, 7, 1, "Refused: the client's address is listed");
/// SPF says no (RFC 7372 section 3.2).
pub const SPF_FAILED: Reply = Reply::new(550, 7, 23, "Refused: SPF fails");
/// Neither SPF nor DKIM stands for the author, as DMARC wants (RFC 7372 section 3.3).
pub const DMARC_FAILED: Reply = Reply::new(550, 7, 26, "Refused: DMARC fails");
/// The sender's domain takes no mail (RFC 7505 section 4.2).
pub const SENDER_TAKES_NO_MAIL: Reply = Reply::new(550, 7, 27, "Refused: the sender's domain takes no mail");
/// Larger than SIZE.
pub const TOO_LARGE: Reply = Reply::new(552, 3, 4, "The message is larger than this server takes");
/// An address beyond ASCII without SMTPUTF8 (RFC 6531 section 3.5).
pub const NEEDS_SMTPUTF8: Reply = Reply::new(553, 6, 7, "Such an address needs SMTPUTF8");
/// Every recipient was refused.
pub const NO_RECIPIENTS: Reply = Reply::new(554, 5, 1, "No valid recipients");
/// Aliases or servers pass the message round in a circle.
pub const LOOP: Reply = Reply::new(554, 4, 6, "The message goes round in a circle");
/// A header nobody can be told the author from.
pub const BAD_HEADER: Reply = Reply::new(554, 6, 0, "The header is not as it should be");
/// CR without LF or LF without CR in a message.
pub const BARE_CR_OR_LF: Reply = Reply::new(554, 6, 0, "The message has a CR or LF that is not part of CRLF");
/// NUL in a message.
pub const NUL_IN_MESSAGE: Reply = Reply::new(554, 6, 0, "The message has a NUL byte");
/// A line longer than the limit.
pub const MESSAGE_LINE_TOO_LONG: Reply = Reply::new(554, 6, 0, "The message has a line that is too long");
/// A parameter nobody announced.
pub const UNKNOWN_PARAMETER: Reply = Reply::new(555, 5, 4, "Unknown parameter");
