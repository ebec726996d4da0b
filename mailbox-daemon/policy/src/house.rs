//! Who may be in the house at once: sessions of one kind, counted by where they come from.
//!
//! Whoever has said nothing yet stands on the porch, whoever spoke has a place inside. No connection and no neighbourhood may have
//! all of them, and when it is full somebody makes room: of the neighbourhood with most guests the one who has been quiet longest.
//! People who logged in stay.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::Duration;
use types::Network;

/// How long a guest inside has to be quiet before he is asked to make room.
const QUIET: Duration = Duration::from_secs(10);

/// How many may be where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rule {
    /// On the porch.
    pub silent_max: usize,
    /// Inside, logged in or not.
    pub inside_max: usize,
    /// Of one connection to the internet, porch and inside together, without a login.
    pub per_connection_max: usize,
    /// Of one neighbourhood, likewise.
    pub per_neighbourhood_max: usize,
}

/// Who a guest is to the house.
pub type GuestId = u64;

/// Why there is no place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoRoom {
    /// The house is full of guests who are busy.
    House,
    /// Too many from this connection.
    Connection,
    /// Too many from this neighbourhood.
    Neighbourhood,
}

/// Who is there.
#[derive(Debug, Default)]
pub struct House {
    guests: HashMap<GuestId, Guest>,
    next_id: GuestId,
    on_porch: usize,
}

#[derive(Debug)]
struct Guest {
    from: IpAddr,
    stage: Stage,
    /// Whether nobody counts how many come from there.
    is_exempt: bool,
    /// Since when nothing was heard of him; `None` while the house is busy with him.
    quiet_since: Option<Duration>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Silent,
    Talking,
    Known,
}

impl House {
    /// Somebody comes at `now`, by any clock that only goes forward: his id, and who has to leave for him.
    pub fn enter(
        &mut self,
        from: IpAddr,
        is_exempt: bool,
        now: Duration,
        rule: &Rule,
    ) -> Result<(GuestId, Option<GuestId>), NoRoom> {
        if !is_exempt {
            self.check_share(from, rule)?;
        }
        let is_full = self.on_porch >= rule.silent_max;
        let leaving = if is_full { Some(self.make_room(Stage::Silent, now)?) } else { None };
        let id = self.next_id;
        self.next_id += 1;
        self.guests.insert(id, Guest { from, stage: Stage::Silent, is_exempt, quiet_since: Some(now) });
        self.on_porch += 1;
        Ok((id, leaving))
    }

    /// Somebody speaks, and is not to be disturbed until he is [`House::quiet`]. For his first words he needs a place inside: gives
    /// who has to leave for him.
    pub fn speaks(&mut self, id: GuestId, now: Duration, rule: &Rule) -> Result<Option<GuestId>, NoRoom> {
        let Some(guest) = self.guests.get_mut(&id) else { return Ok(None) };
        guest.quiet_since = None;
        if guest.stage != Stage::Silent {
            return Ok(None);
        }
        let is_full = self.guests.len() - self.on_porch >= rule.inside_max;
        let leaving = if is_full { Some(self.make_room(Stage::Talking, now)?) } else { None };
        self.set_stage(id, Stage::Talking);
        Ok(leaving)
    }

    /// The house waits for somebody's next word.
    pub fn quiet(&mut self, id: GuestId, now: Duration) {
        if let Some(guest) = self.guests.get_mut(&id).filter(|guest| guest.stage != Stage::Silent) {
            guest.quiet_since = Some(now);
        }
    }

    /// Somebody logged in.
    pub fn logged_in(&mut self, id: GuestId) {
        self.set_stage(id, Stage::Known);
    }

    /// Somebody is a stranger again.
    pub fn logged_out(&mut self, id: GuestId) {
        self.set_stage(id, Stage::Talking);
    }

    /// Somebody is gone.
    pub fn leave(&mut self, id: GuestId) {
        if let Some(guest) = self.guests.remove(&id) {
            self.on_porch -= usize::from(guest.stage == Stage::Silent);
        }
    }

    /// How many are there.
    pub fn len(&self) -> usize {
        self.guests.len()
    }

    /// Whether nobody is.
    pub fn is_empty(&self) -> bool {
        self.guests.is_empty()
    }

    fn set_stage(&mut self, id: GuestId, stage: Stage) {
        if let Some(guest) = self.guests.get_mut(&id) {
            self.on_porch -= usize::from(guest.stage == Stage::Silent);
            self.on_porch += usize::from(stage == Stage::Silent);
            guest.stage = stage;
        }
    }

    fn check_share(&self, from: IpAddr, rule: &Rule) -> Result<(), NoRoom> {
        let (connection, neighbourhood) = (Network::of_connection(from), Network::of_neighbourhood(from));
        let strangers = self.guests.values().filter(|guest| guest.stage != Stage::Known && !guest.is_exempt);
        let (mut same, mut near) = (0, 0);
        for guest in strangers {
            same += usize::from(connection.contains(guest.from));
            near += usize::from(neighbourhood.contains(guest.from));
        }
        match (same >= rule.per_connection_max, near >= rule.per_neighbourhood_max) {
            (true, _) => Err(NoRoom::Connection),
            (false, true) => Err(NoRoom::Neighbourhood),
            (false, false) => Ok(()),
        }
    }

    fn make_room(&mut self, stage: Stage, now: Duration) -> Result<GuestId, NoRoom> {
        let leaving = self.leaver(stage, now).ok_or(NoRoom::House)?;
        self.leave(leaving);
        Ok(leaving)
    }

    /// Who of that stage makes room: on the porch anybody, inside only who is quiet.
    fn leaver(&self, stage: Stage, now: Duration) -> Option<GuestId> {
        let here = || self.guests.iter().filter(move |(_, guest)| guest.stage == stage);
        let mut counts: HashMap<Network, usize> = HashMap::new();
        for (_, guest) in here() {
            *counts.entry(Network::of_neighbourhood(guest.from)).or_default() += 1;
        }
        let patience = if stage == Stage::Silent { Duration::ZERO } else { QUIET };
        let quiet = here().filter_map(|(id, guest)| {
            let since = guest.quiet_since.filter(|since| now.saturating_sub(*since) >= patience)?;
            let count = counts.get(&Network::of_neighbourhood(guest.from)).copied().unwrap_or(0);
            Some((count, since, *id))
        });
        let first = quiet.min_by_key(|(count, since, id)| (std::cmp::Reverse(*count), *since, *id));
        first.map(|(_, _, id)| id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const RULE: Rule = Rule { silent_max: 6, inside_max: 4, per_connection_max: 3, per_neighbourhood_max: 4 };

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn s(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn enter(house: &mut House, text: &str, now: u64) -> GuestId {
        let (id, leaving) = house.enter(ip(text), false, s(now), &RULE).unwrap();
        assert_eq!(leaving, None);
        id
    }

    #[test]
    fn one_connection_and_one_neighbourhood_have_their_share() {
        let mut house = House::default();
        let first = enter(&mut house, "192.0.2.1", 0);
        enter(&mut house, "192.0.2.1", 0);
        enter(&mut house, "192.0.2.1", 0);
        let refused = |house: &mut House, text| house.enter(ip(text), false, s(0), &RULE).unwrap_err();
        assert_eq!(refused(&mut house, "192.0.2.1"), NoRoom::Connection);
        enter(&mut house, "192.0.2.2", 0);
        assert_eq!(refused(&mut house, "192.0.2.3"), NoRoom::Neighbourhood);
        assert!(house.enter(ip("192.0.2.3"), true, s(0), &RULE).is_ok(), "exempt");
        enter(&mut house, "198.51.100.1", 0);
        house.logged_in(first);
        enter(&mut house, "192.0.2.1", 0);
        assert_eq!(house.len(), 7);
    }

    #[test]
    fn on_a_full_porch_the_biggest_neighbourhood_makes_room_first() {
        let mut house = House::default();
        let lone = enter(&mut house, "203.0.113.1", 0);
        let crowd: Vec<_> = (1..=3).map(|n| enter(&mut house, &format!("192.0.2.{n}"), n)).collect();
        enter(&mut house, "198.51.100.1", 4);
        enter(&mut house, "198.51.100.2", 4);
        let mut leaves = |text| house.enter(ip(text), false, s(5), &RULE).unwrap().1;
        assert_eq!(leaves("203.0.114.1"), Some(crowd[0]));
        assert_eq!(leaves("203.0.115.1"), Some(crowd[1]), "as many as the other, and earlier");
        assert!(leaves("203.0.116.1") > Some(crowd[2]));
        assert_eq!(leaves("203.0.117.1"), Some(lone), "all alike: the first");
    }

    #[test]
    fn inside_only_the_quiet_make_room_and_never_who_logged_in() {
        let mut house = House::default();
        let inside: Vec<_> = (1..=4).map(|n| enter(&mut house, &format!("192.0.{n}.1"), 0)).collect();
        for id in &inside {
            assert_eq!(house.speaks(*id, s(1), &RULE), Ok(None));
        }
        let late = enter(&mut house, "203.0.113.1", 1);
        assert_eq!(house.speaks(late, s(100), &RULE), Err(NoRoom::House), "all are busy");
        house.quiet(inside[2], s(100));
        house.quiet(inside[0], s(101));
        assert_eq!(house.speaks(late, s(109), &RULE), Err(NoRoom::House), "not yet");
        house.logged_in(inside[2]);
        assert_eq!(house.speaks(late, s(111), &RULE), Ok(Some(inside[0])));
        assert_eq!(house.speaks(late, s(111), &RULE), Ok(None), "he has his place");
        house.leave(inside[0]);
        house.logged_out(inside[2]);
        let last = enter(&mut house, "203.0.114.1", 111);
        assert_eq!(house.speaks(last, s(112), &RULE), Ok(Some(inside[2])));
        assert_eq!(house.len(), 4);
    }

    proptest! {
        #[test]
        fn nobody_is_counted_twice_and_no_limit_is_passed(
            steps in prop::collection::vec((0u8..6, any::<u8>(), 0u64..20), 1..300)
        ) {
            let mut house = House::default();
            let (mut ids, mut now) = (Vec::new(), 0);
            for (step, pick, pause) in steps {
                now += pause;
                let id = ids.get(pick as usize % ids.len().max(1)).copied().unwrap_or(0);
                match step {
                    0 | 1 => {
                        let from = ip(&format!("192.0.{}.{}", pick % 4, pick / 64));
                        ids.extend(house.enter(from, false, s(now), &RULE).map(|(id, _)| id));
                    }
                    2 => drop(house.speaks(id, s(now), &RULE)),
                    3 => house.quiet(id, s(now)),
                    4 => house.leave(id),
                    _ => house.logged_in(id),
                }
                let silent = house.guests.values().filter(|guest| guest.stage == Stage::Silent).count();
                let talking = house.guests.values().filter(|guest| guest.stage == Stage::Talking).count();
                prop_assert_eq!(silent, house.on_porch);
                prop_assert!(silent <= RULE.silent_max && talking <= RULE.inside_max);
                let most = house.guests.values().filter(|guest| guest.stage != Stage::Known)
                    .filter(|guest| Network::of_neighbourhood(guest.from).contains(ip("192.0.1.1"))).count();
                prop_assert!(most <= RULE.per_neighbourhood_max);
            }
        }
    }
}
