use super::{choices, pieces};
use policy::srs::{Srs, is_rewritten};
use proto::signing::{BodyHasher, INSTANCES_MAX, next_instance, publishes, says_failed};
use proto::smtp::header::{Field, fields};
use types::{Address, Domain};

/// What DNS says of a key, and what other forwarders left in a header: read without a panic, and never more than is there.
pub fn foreign(data: &[u8]) {
    assert!(!publishes(data, b""));
    publishes(data, b"key");
    let header: Vec<Field> = fields(data).collect();
    says_failed(&header);
    if let Some(next) = next_instance(&header) {
        assert!((1..=INSTANCES_MAX).contains(&next));
    }
}

/// A body has one hash, however it comes in pieces.
pub fn body(data: &[u8]) {
    let Some((choice, body)) = choices(data) else { return };
    let mut whole = BodyHasher::default();
    whole.feed(body);
    let mut cut = BodyHasher::default();
    for piece in pieces(body, choice) {
        cut.feed(piece);
    }
    assert_eq!(whole.finish(), cut.finish());
}

/// A sender that was rewritten is found again, in whatever capitals; what was not made here is refused.
pub fn srs(data: &[u8]) {
    let Ok(sender) = Address::parse(&String::from_utf8_lossy(data)) else { return };
    let domain = Domain::parse("home.test").expect("a domain");
    // Depends on every octet and nothing else: a keyed hash is not what is tried here.
    let mac = |input: &[u8]| {
        let sum =
            input.iter().fold(7u64, |sum, byte| (sum ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01B3));
        std::array::from_fn(|index| (sum >> (index % 8 * 8)) as u8)
    };
    let srs = Srs { domain: &domain, today: 20_000, mac: &mac };
    let Some(rewritten) = srs.rewrite(&sender) else { return };
    assert!(is_rewritten(&rewritten.local));
    assert!(Address::parse(&rewritten.to_string()).is_ok());
    assert!(srs.origin(&rewritten.local).is_ok(), "{rewritten}");
    let other = |input: &[u8]| mac(input).map(|byte| byte ^ 1);
    assert!(Srs { mac: &other, ..srs }.origin(&rewritten.local).is_err());
}
