//! One policy over HTTPS (RFC 8461 section 3.3).

use crate::dns::{Addresses, Resolver};
use crate::https;
use policy::config::Settings;
use proto::mta_sts::Policy;
use reqwest::header::CONTENT_TYPE;
use reqwest::{Response, StatusCode};
use std::error::Error;
use std::net::SocketAddr;
use std::time::Duration;
use thiserror::Error as ThisError;
use types::Domain;

/// How long a fetch may take in all.
const TIMEOUT: Duration = Duration::from_secs(30);
/// The largest policy.
const POLICY_BYTES_MAX: usize = 64 * 1024;

/// Why there is no policy.
#[derive(Debug, ThisError)]
pub(super) enum FetchError {
    #[error("the policy host has no address")]
    Nowhere,
    #[error("HTTPS cannot be set up: {0}")]
    Ours(String),
    #[error("the policy host's certificate does not hold: {0}")]
    Certificate(String),
    #[error("no answer: {0}")]
    NoAnswer(String),
    #[error("the answer is {0}")]
    Status(StatusCode),
    #[error("the answer is no plain text")]
    NotText,
    #[error("the policy is longer than {POLICY_BYTES_MAX} bytes")]
    TooLong,
    #[error("what was fetched is no policy")]
    NoPolicy,
}

/// The policy a domain's policy host serves now.
pub(super) async fn policy(
    settings: &Settings,
    resolver: &Resolver,
    domain: &Domain,
) -> Result<Policy, FetchError> {
    let host = format!("mta-sts.{domain}");
    let Addresses::Found(found) = resolver.addresses(&host).await else { return Err(FetchError::Nowhere) };
    let port = settings.outbound.mta_sts_port;
    let addresses: Vec<SocketAddr> =
        found.into_iter().map(|address| SocketAddr::new(address, port)).collect();
    let response = https::client(&host, &addresses, TIMEOUT)
        .map_err(|error| FetchError::Ours(error.to_string()))?
        .get(format!("https://{host}:{port}/.well-known/mta-sts.txt"))
        .send()
        .await
        .map_err(|error| unanswered(&error))?;
    if response.status() != StatusCode::OK {
        return Err(FetchError::Status(response.status()));
    }
    if !is_plain_text(&response) {
        return Err(FetchError::NotText);
    }
    let text = String::from_utf8(body(response).await?).map_err(|_| FetchError::NoPolicy)?;
    Policy::parse(&text).ok_or(FetchError::NoPolicy)
}

/// The last cause says most; a certificate's fault is told apart (RFC 8460 section 4.3.2.2).
fn unanswered(error: &reqwest::Error) -> FetchError {
    let mut cause: &dyn Error = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    let words = cause.to_string();
    match words.contains("certificate") {
        true => FetchError::Certificate(words),
        false => FetchError::NoAnswer(words),
    }
}

/// The media type is all that matters of the header (RFC 8461 section 3.2).
fn is_plain_text(response: &Response) -> bool {
    let value =
        response.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    value.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case("text/plain")
}

async fn body(mut response: Response) -> Result<Vec<u8>, FetchError> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| unanswered(&error))? {
        if body.len() + chunk.len() > POLICY_BYTES_MAX {
            return Err(FetchError::TooLong);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}
