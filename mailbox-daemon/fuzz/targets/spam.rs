use policy::spam::{Class, Features, Knowledge, Learner};

const BYTES_MAX: usize = 32 * 1024;

/// Whatever a message is, its features are few, and can be learnt and judged in bounded room.
pub fn message(data: &[u8]) {
    let features = Features::of(data);
    assert!(features.hashes().len() <= Features::COUNT_MAX);
    assert!(features.hashes().is_sorted_by(|a, b| a < b));
    let mut knowledge = Knowledge::new(BYTES_MAX);
    knowledge.learn(Learner(1), Class::Spam, &features);
    knowledge.learn(Learner::HOUSEHOLD, Class::Ham, &features);
    assert!(knowledge.opinion(Learner(1), &features).probability.is_finite());
    assert!(knowledge.encode().len() <= BYTES_MAX + 1024);
}

/// A checkpoint is whole or refused.
pub fn knowledge(data: &[u8]) {
    if let Some(knowledge) = Knowledge::decode(data, BYTES_MAX) {
        let bytes = knowledge.encode();
        assert!(Knowledge::decode(&bytes, BYTES_MAX).is_some());
    }
    Knowledge::new(BYTES_MAX).import(Learner(1), data);
}
