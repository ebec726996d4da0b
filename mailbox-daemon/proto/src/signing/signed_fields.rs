use crate::smtp::header::Field;

/// Fields a signature covers, each with every instance there is. `true`: and covers that there is no other, so that nobody
/// adds a second `Subject:` on the way (RFC 6376 section 8.15).
const SIGNED: [(&str, bool); 24] = [
    ("From", true),
    ("Reply-To", true),
    ("To", true),
    ("Cc", true),
    ("Subject", true),
    ("Date", true),
    ("Message-ID", true),
    ("In-Reply-To", true),
    ("References", true),
    ("MIME-Version", true),
    ("Content-Type", true),
    ("Content-Transfer-Encoding", true),
    // Lists and those who send again add these without changing what the author said.
    ("Sender", false),
    ("Resent-From", false),
    ("Resent-To", false),
    ("Resent-Date", false),
    ("Resent-Message-ID", false),
    ("List-Id", false),
    ("List-Unsubscribe", false),
    ("List-Unsubscribe-Post", false),
    ("Auto-Submitted", false),
    // Of reports about TLS (RFC 8460 section 5.3).
    ("TLS-Report-Domain", false),
    ("TLS-Report-Submitter", false),
    ("TLS-Required", false),
];

/// What a signature covers.
pub(super) struct Signed<'a> {
    /// `h=`, in order.
    pub(super) names: Vec<&'static str>,
    /// The fields behind the names that have one, in that order.
    pub(super) fields: Vec<Field<'a>>,
}

/// Chooses from a header. Of several fields with one name the last comes first (RFC 6376 section 5.4.2). A seal covers the
/// signatures below it as well (RFC 8617 section 4.1.2).
pub(super) fn choose<'a>(header: &[Field<'a>], with_signatures: bool) -> Signed<'a> {
    let mut signed = Signed { names: Vec::new(), fields: Vec::new() };
    let signatures = with_signatures.then_some(("DKIM-Signature", false));
    for (name, is_closed) in SIGNED.into_iter().chain(signatures) {
        let named = header.iter().rev().filter(|field| field.name.eq_ignore_ascii_case(name.as_bytes()));
        for field in named {
            signed.names.push(name);
            signed.fields.push(*field);
        }
        if is_closed {
            signed.names.push(name);
        }
    }
    signed
}
