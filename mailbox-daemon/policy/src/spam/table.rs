use super::hash::stirred;

/// Places in a bucket. A feature lies in one bucket, whoever taught it, so that one look finds what everybody knows of it.
const WAYS: usize = 16;
/// Octets of a place: feature, counts, owner and age.
const PLACE_BYTES: usize = 10;
/// How many messages make a feature one step older.
const MESSAGES_PER_AGE: u32 = 128;
/// A feature seen twice as often may be this many steps older before it makes room.
const AGES_PER_DOUBLING: i32 = 16;
/// Counts never go beyond.
const COUNT_MAX: u16 = u16::MAX;

/// How often a feature was in learnt messages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    pub spam: u16,
    pub ham: u16,
}

/// What one owner knows of one feature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    pub feature: u32,
    pub owner: u8,
    pub age: u8,
    pub counts: Counts,
}

/// Counts of features by owner in a fixed number of places. Where a bucket is full, the rarest and oldest makes room.
#[derive(Clone, Debug)]
pub struct Table {
    /// Which features share a bucket depends on it, so that nobody outside can aim.
    key: u64,
    features: Vec<[u32; WAYS]>,
    counts: Vec<[[u16; 2]; WAYS]>,
    owners_and_ages: Vec<[[u8; 2]; WAYS]>,
    /// Messages learnt, for the age.
    messages: u32,
}

impl Table {
    /// An empty one that takes at most `bytes_max`.
    pub fn new(bytes_max: usize, key: u64, messages: u32) -> Table {
        let buckets = (bytes_max / (WAYS * PLACE_BYTES)).max(1);
        Table {
            key,
            features: vec![[0; WAYS]; buckets],
            counts: vec![[[0; 2]; WAYS]; buckets],
            owners_and_ages: vec![[[0; 2]; WAYS]; buckets],
            messages,
        }
    }

    pub fn key(&self) -> u64 {
        self.key
    }

    pub fn messages(&self) -> u32 {
        self.messages
    }

    /// Another message is learnt.
    pub fn count_message(&mut self) {
        self.messages = self.messages.wrapping_add(1);
    }

    /// Calls `found` with every owner's counts of a feature.
    pub fn look(&self, feature: u32, mut found: impl FnMut(u8, Counts)) {
        let bucket = self.bucket(feature);
        for (way, _) in self.features[bucket].iter().enumerate().filter(|(_, known)| **known == feature) {
            let counts = self.counts_at(bucket, way);
            if counts != Counts::default() {
                found(self.owners_and_ages[bucket][way][0], counts);
            }
        }
    }

    /// Changes an owner's counts of a feature; one that was unknown takes a place only if `change` leaves it counts.
    pub fn change(&mut self, feature: u32, owner: u8, change: impl FnOnce(&mut Counts)) {
        let bucket = self.bucket(feature);
        let known = (0..WAYS).find(|way| {
            self.features[bucket][*way] == feature
                && self.owners_and_ages[bucket][*way][0] == owner
                && self.counts_at(bucket, *way) != Counts::default()
        });
        let mut counts = known.map(|way| self.counts_at(bucket, way)).unwrap_or_default();
        change(&mut counts);
        let way = match known {
            Some(way) => way,
            None if counts == Counts::default() => return,
            None => self.least_missed(bucket),
        };
        let age = self.age_now();
        self.put(bucket, way, Place { feature, owner, age, counts });
    }

    /// Takes in a place as it was stored, if there is room for it.
    pub fn restore(&mut self, place: Place) {
        let bucket = self.bucket(place.feature);
        let way = self.least_missed(bucket);
        if self.counts_at(bucket, way) == Counts::default()
            || self.worth(bucket, way) < self.worth_of(place.counts, place.age)
        {
            self.put(bucket, way, place);
        }
    }

    /// Every place in use.
    pub fn places(&self) -> impl Iterator<Item = Place> + '_ {
        (0..self.features.len() * WAYS)
            .map(|at| self.place(at / WAYS, at % WAYS))
            .filter(|place| place.counts != Counts::default())
    }

    /// Changes the counts of all places of one owner.
    pub fn change_all(&mut self, owner: u8, change: impl Fn(Counts) -> Counts) {
        for (counts, owners) in self.counts.iter_mut().zip(&self.owners_and_ages) {
            for (counts, _) in counts.iter_mut().zip(owners).filter(|(_, [of, _])| *of == owner) {
                let changed = change(Counts { spam: counts[0], ham: counts[1] });
                *counts = [changed.spam, changed.ham];
            }
        }
    }

    fn bucket(&self, feature: u32) -> usize {
        let stirred = stirred(u64::from(feature) ^ self.key);
        ((u128::from(stirred) * self.features.len() as u128) >> 64) as usize
    }

    fn counts_at(&self, bucket: usize, way: usize) -> Counts {
        let [spam, ham] = self.counts[bucket][way];
        Counts { spam, ham }
    }

    fn place(&self, bucket: usize, way: usize) -> Place {
        let [owner, age] = self.owners_and_ages[bucket][way];
        Place { feature: self.features[bucket][way], owner, age, counts: self.counts_at(bucket, way) }
    }

    fn put(&mut self, bucket: usize, way: usize, place: Place) {
        self.features[bucket][way] = place.feature;
        self.counts[bucket][way] = [place.counts.spam, place.counts.ham];
        self.owners_and_ages[bucket][way] = [place.owner, place.age];
    }

    /// An empty place of a bucket, or the one that is missed least.
    fn least_missed(&self, bucket: usize) -> usize {
        (0..WAYS).min_by_key(|way| self.worth(bucket, *way)).unwrap_or_default()
    }

    fn worth(&self, bucket: usize, way: usize) -> i32 {
        self.worth_of(self.counts_at(bucket, way), self.owners_and_ages[bucket][way][1])
    }

    fn worth_of(&self, counts: Counts, age: u8) -> i32 {
        let steps = i32::from(self.age_now().wrapping_sub(age));
        let seen = u32::from(counts.spam) + u32::from(counts.ham);
        seen.checked_ilog2().map_or(i32::MIN, |doublings| doublings as i32 * AGES_PER_DOUBLING - steps)
    }

    fn age_now(&self) -> u8 {
        (self.messages / MESSAGES_PER_AGE) as u8
    }
}

impl Counts {
    /// One more or one less of a class.
    pub fn spam_changed(self, by: i32) -> Counts {
        Counts { spam: changed(self.spam, by), ..self }
    }

    /// The same for ham.
    pub fn ham_changed(self, by: i32) -> Counts {
        Counts { ham: changed(self.ham, by), ..self }
    }
}

fn changed(count: u16, by: i32) -> u16 {
    (i32::from(count) + by).clamp(0, i32::from(COUNT_MAX)) as u16
}
