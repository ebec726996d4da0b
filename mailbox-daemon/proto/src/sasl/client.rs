/// The one message of PLAIN (RFC 4616) for a name and password, asking to act as oneself.
pub fn plain_message(user: &str, password: &str) -> Vec<u8> {
    [b"\0", user.as_bytes(), b"\0", password.as_bytes()].concat()
}

/// The answer to LOGIN's challenge number `round`, counted from 0: the name, then the password, then nothing.
///
/// The words of the challenges differ between servers and say nothing; only their order does.
pub fn login_answer<'a>(round: usize, user: &'a str, password: &'a str) -> Option<&'a str> {
    [user, password].get(round).copied()
}
