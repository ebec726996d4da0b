use proto::mta_sts::{Policy, policy_id};

/// A policy that was understood is written and understood alike again, and names no more than it lists; the record's id is
/// what a log and a file may hold.
pub fn policy(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Some(id) = policy_id(text.lines()) {
        assert!(
            (1..=32).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_alphanumeric()),
            "{id:?}"
        );
    }
    let Some(policy) = Policy::parse(text) else { return };
    assert!(policy.mx.iter().all(|pattern| pattern.is_ascii() && !pattern.contains(char::is_whitespace)));
    assert_eq!(Policy::parse(&policy.lines().join("\r\n")), Some(policy.clone()));
    for pattern in &policy.mx {
        let host = pattern.replacen('*', "mx", 1);
        assert!(policy.names(&host), "{pattern} does not match {host}");
        assert!(!policy.names(&format!("x.y.{host}")) || policy.mx.len() > 1, "{pattern} matches too much");
    }
}
