use super::choices;
use data_encoding::BASE64;
use proto::sasl::{ChannelBinding, Exchange, Mechanism, ScramRecord, Step, scram_keys};
use std::sync::LazyLock;

static KEYS: LazyLock<ScramRecord> = LazyLock::new(|| {
    let (salt, iterations) = (b"salt".to_vec(), 1);
    let keys = vec![scram_keys("secret", &salt, iterations)];
    ScramRecord { salt, iterations, keys }
});

/// A login of any mechanism, one line a message: it ends, and nobody gets in with SCRAM who does not know the password.
pub fn exchange(data: &[u8]) {
    let Some((choice, input)) = choices(data) else { return };
    let mechanism = match choice & 3 {
        0 => Mechanism::Plain,
        1 => Mechanism::Login,
        2 => Mechanism::ScramSha256,
        _ => Mechanism::ScramSha256Plus,
    };
    let binding = ChannelBinding {
        tls_exporter: (choice & 4 != 0).then_some([1; 32]),
        server_end_point: (choice & 8 != 0).then(|| vec![2; 32].into()),
        plus_offered: choice & 16 != 0,
    };
    let mut messages = input.split(|byte| *byte == b'\n');
    let initial = (choice & 32 != 0).then(|| messages.next()).flatten();
    let (mut exchange, mut step) = Exchange::start(mechanism, initial, binding, [7; 18]);
    for _ in 0..10 {
        step = match step {
            Step::Challenge(message) => {
                assert!(BASE64.encode(&message).len() < 12_288);
                let Some(answer) = messages.next() else { return };
                exchange.step(answer)
            }
            Step::Scram { .. } => exchange.give_keys(KEYS.clone()),
            Step::Done { .. } => panic!("somebody got in without the password"),
            Step::Password { .. } | Step::Failed(_) => return,
        };
    }
    panic!("a login does not end");
}
