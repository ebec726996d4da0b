use serde::{Deserialize, Serialize};

/// Every limit of the box, with its unit in its name. Defaults fit a 512 MB board; `[limits]` in `config.toml` changes them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Largest message, as SIZE announces it.
    pub message_bytes_max: u64,
    /// IMAP sessions at once.
    pub imap_sessions_max: usize,
    /// IMAP sessions of one account at once; the rest is left for the others.
    pub imap_sessions_per_account_max: usize,
    /// IMAP sessions without a login from one network address, other than this machine's, at once.
    pub imap_strangers_per_address_max: usize,
    /// Commands in a row that are no commands before an IMAP session is closed.
    pub imap_errors_max: u32,
    /// SMTP and submission sessions at once.
    pub smtp_sessions_max: usize,
    /// SMTP and submission sessions at once in which the client has said nothing yet.
    pub smtp_silent_max: usize,
    /// SMTP and submission sessions without a login from one network address, other than this machine's, at once.
    pub smtp_sessions_per_address_max: usize,
    /// The same for all addresses of an IPv4 /24 or an IPv6 /48 together.
    pub smtp_sessions_per_network_max: usize,
    /// Messages a second from one network address, in the long run, without a login.
    pub smtp_messages_per_s: u32,
    /// Messages from one network address at once, after a pause.
    pub smtp_messages_burst: u32,
    /// Messages being received at once; the next waits for a place.
    pub receiving_max: usize,
    /// Of these, for clients of one IPv4 /24 or IPv6 /48 without a login, other than this machine.
    pub receiving_per_network_max: usize,
    /// Longest SMTP command line, CRLF included (RFC 5321 section 4.5.3.1.4, with room for AUTH and ORCPT).
    pub smtp_line_bytes_max: usize,
    /// Longest line of a message, CRLF included; longer ones are accepted up to this and no further.
    pub message_line_bytes_max: usize,
    /// Recipients of one message.
    pub recipients_max: usize,
    /// Wrong commands before an SMTP session is closed.
    pub smtp_errors_max: u32,
    /// Failed logins before a session is closed.
    pub login_failures_max: u32,
    /// Different failed logins from one network address before it is banned; 0 bans nobody.
    pub ban_failures: u32,
    /// Seconds in which they have to come.
    pub ban_window_s: u64,
    /// Seconds of a first ban; each that follows is four times as long.
    pub ban_first_s: u64,
    /// Seconds no ban is longer than.
    pub ban_longest_s: u64,
    /// Seconds a client that makes mistakes waits for an answer at most; 0 makes nobody wait.
    pub tarpit_s: u64,
    /// Longest IMAP command line without its literals.
    pub imap_line_bytes_max: usize,
    /// All literals of one IMAP command together, APPEND's message aside.
    pub imap_literals_bytes_max: usize,
    /// Ranges in one IMAP sequence set.
    pub sequence_ranges_max: usize,
    /// Nested search keys.
    pub search_depth_max: usize,
    /// Search keys in one SEARCH.
    pub search_keys_max: usize,
    /// Output waiting in memory for a slow IMAP client.
    pub output_bytes_max: usize,
    /// Header of a message or part that is read for the index; the rest stays in the file.
    pub header_bytes_max: usize,
    /// Nesting of MIME parts that is told apart.
    pub mime_depth_max: usize,
    /// MIME parts of one message that are told apart.
    pub mime_parts_max: usize,
    /// Mailboxes of one account.
    pub mailboxes_max: usize,
    /// Idle seconds before an IMAP session ends (RFC 9051 section 5.4 asks for at least 30 minutes).
    pub imap_idle_s: u64,
    /// Idle seconds before an unauthenticated IMAP session ends.
    pub login_idle_s: u64,
    /// Seconds an IMAP session may last without a login, whatever it sends.
    pub login_s: u64,
    /// Seconds an IMAP command may take to come in, APPEND's messages aside.
    pub imap_command_s: u64,
    /// Seconds between words of an IMAP command that takes long (RFC 9585).
    pub imap_progress_s: u64,
    /// Seconds an IMAP client may take to read what one of its commands filled the output with.
    pub imap_send_s: u64,
    /// Idle seconds in an SMTP session (RFC 5321 section 4.5.3.2.7).
    pub smtp_idle_s: u64,
    /// Seconds a TLS handshake may take.
    pub tls_handshake_s: u64,
    /// Seconds one message may take to come in.
    pub smtp_data_s: u64,
    /// Seconds a graceful stop waits for mail in flight.
    pub drain_s: u64,
    /// Outbound deliveries at once.
    pub outbound_max: usize,
    /// Outbound deliveries at once to one destination.
    pub outbound_per_destination_max: usize,
    /// Queue entries held in memory, whatever the queue's length.
    pub queue_active_max: usize,
    /// Received: headers after which a message is looping (RFC 5321 section 6.3).
    pub hops_max: usize,
    /// Aliases and groups leading to one another.
    pub alias_depth_max: usize,
    /// Free bytes of the control group's memory below which mail from outside waits: the login of somebody who lives here
    /// hashes a password in 19 MiB.
    pub memory_free_bytes_min: u64,
    /// Percentage of time in which all work waits for memory from which mail from outside waits.
    pub memory_stalled_percent_max: u64,
    /// Free bytes on the disk below which mail from outside waits, where the percentage is not less.
    pub disk_free_bytes_min: u64,
    /// Free percentage of the disk below which mail from outside waits, where the bytes are not less.
    pub disk_free_percent_min: u64,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            message_bytes_max: 25 * 1024 * 1024,
            imap_sessions_max: 600,
            imap_sessions_per_account_max: 550,
            imap_strangers_per_address_max: 20,
            imap_errors_max: 50,
            smtp_sessions_max: 50,
            smtp_silent_max: 200,
            smtp_sessions_per_address_max: 10,
            smtp_sessions_per_network_max: 20,
            smtp_messages_per_s: 4,
            smtp_messages_burst: 10,
            receiving_max: 20,
            receiving_per_network_max: 10,
            smtp_line_bytes_max: 4096,
            message_line_bytes_max: 65_536,
            recipients_max: 1000,
            smtp_errors_max: 20,
            login_failures_max: 3,
            ban_failures: 10,
            ban_window_s: 10 * 60,
            ban_first_s: 10 * 60,
            ban_longest_s: 24 * 60 * 60,
            tarpit_s: 10,
            imap_line_bytes_max: 65_536,
            imap_literals_bytes_max: 262_144,
            sequence_ranges_max: 20_000,
            search_depth_max: 32,
            search_keys_max: 1000,
            output_bytes_max: 131_072,
            header_bytes_max: 262_144,
            mime_depth_max: 50,
            mime_parts_max: 1000,
            mailboxes_max: 2000,
            imap_idle_s: 30 * 60,
            login_idle_s: 3 * 60,
            login_s: 10 * 60,
            imap_command_s: 10 * 60,
            imap_progress_s: 5,
            imap_send_s: 10 * 60,
            smtp_idle_s: 5 * 60,
            tls_handshake_s: 60,
            smtp_data_s: 60 * 60,
            drain_s: 20,
            outbound_max: 10,
            outbound_per_destination_max: 2,
            queue_active_max: 100,
            hops_max: 50,
            alias_depth_max: 10,
            memory_free_bytes_min: 24 * 1024 * 1024,
            memory_stalled_percent_max: 30,
            disk_free_bytes_min: 200_000_000,
            disk_free_percent_min: 5,
        }
    }
}
