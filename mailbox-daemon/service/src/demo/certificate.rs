//! A throw-away CA and a certificate for loopback.

use super::{DOMAIN, DemoError, replace};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, KeyUsagePurpose};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// Makes `ca.pem`, `cert.pem` and `key.pem` unless they are there.
pub(super) fn ensure(dir: &Path) -> Result<(), DemoError> {
    if dir.join("cert.pem").exists() && dir.join("key.pem").exists() {
        return Ok(());
    }
    let authority = authority()?;
    let key = KeyPair::generate()?;
    let names = [
        format!("mail.{DOMAIN}"),
        DOMAIN.to_owned(),
        "localhost".to_owned(),
        "127.0.0.1".to_owned(),
        "::1".to_owned(),
    ];
    let mut params = CertificateParams::new(names)?;
    params.distinguished_name.push(DnType::CommonName, format!("mail.{DOMAIN}"));
    params.use_authority_key_identifier_extension = true;
    let certificate = params.signed_by(&key, &authority)?;

    replace(&dir.join("ca.pem"), authority.pem().as_bytes())?;
    let key_file = dir.join("key.pem");
    replace(&key_file, key.serialize_pem().as_bytes())?;
    std::fs::set_permissions(&key_file, std::fs::Permissions::from_mode(0o600))
        .map_err(|source| DemoError::File { path: key_file, source })?;
    replace(&dir.join("cert.pem"), certificate.pem().as_bytes())
}

fn authority() -> Result<CertifiedIssuer<'static, KeyPair>, DemoError> {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, "Demo box throw-away CA");
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    Ok(CertifiedIssuer::self_signed(params, KeyPair::generate()?)?)
}
