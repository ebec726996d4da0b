use super::{SaslError, Step};
use std::borrow::Cow;
use zeroize::Zeroizing;

/// Reads PLAIN's `[authzid] NUL authcid NUL passwd` (RFC 4616 section 2).
pub(super) fn read_plain(message: &[u8]) -> Step {
    let parse = || {
        let text = std::str::from_utf8(message).map_err(|_| SaslError::Malformed)?;
        let mut fields = text.split('\0');
        let (Some(authzid), Some(authcid), Some(password), None) =
            (fields.next(), fields.next(), fields.next(), fields.next())
        else {
            return Err(SaslError::Malformed);
        };
        credentials(authzid, authcid, password)
    };
    parse().unwrap_or_else(Step::Failed)
}

/// Puts LOGIN's two answers together.
pub(super) fn read_login(user: &[u8], password: &[u8]) -> Step {
    let parse = || {
        let user = std::str::from_utf8(user).map_err(|_| SaslError::Malformed)?;
        let password = std::str::from_utf8(password).map_err(|_| SaslError::Malformed)?;
        credentials("", user, password)
    };
    parse().unwrap_or_else(Step::Failed)
}

fn credentials(authzid: &str, authcid: &str, password: &str) -> Result<Step, SaslError> {
    if authcid.is_empty() || password.is_empty() {
        return Err(SaslError::Malformed);
    }
    let has_control = |text: &str| text.chars().any(char::is_control);
    if has_control(authzid) || has_control(authcid) || has_control(password) {
        return Err(SaslError::ControlCharacter);
    }
    if !authzid.is_empty() && !same_name(authzid, authcid) {
        return Err(SaslError::OtherIdentity);
    }
    Ok(Step::Password { user: authcid.to_owned(), password: Zeroizing::new(password.to_owned()) })
}

/// Whether an authorisation name is the name that logs in.
pub(super) fn same_name(authzid: &str, authcid: &str) -> bool {
    let fold = |name: &str| -> String { super::prepare(name).unwrap_or(Cow::Borrowed(name)).to_lowercase() };
    fold(authzid) == fold(authcid)
}
