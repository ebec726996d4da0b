use policy::house::{GuestId, House, NoRoom, Rule};
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;
use tokio::time::Instant;

/// The sessions of one kind.
#[derive(Default)]
pub(super) struct Rooms {
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    house: House,
    /// How each guest is asked to leave.
    doors: HashMap<GuestId, Arc<Notify>>,
}

/// A session's place, given back when it is dropped.
pub struct Guest {
    rooms: Arc<Rooms>,
    id: GuestId,
    rule: Rule,
    opened_at: Instant,
    door: Arc<Notify>,
}

impl Rooms {
    /// Lets somebody onto the porch.
    pub(super) fn enter(
        rooms: &Arc<Rooms>,
        from: IpAddr,
        is_exempt: bool,
        opened_at: Instant,
        rule: Rule,
    ) -> Result<Guest, NoRoom> {
        let mut inner = rooms.lock();
        let (id, leaving) = inner.house.enter(from, is_exempt, opened_at.elapsed(), &rule)?;
        inner.show_out(leaving);
        let door = Arc::new(Notify::new());
        inner.doors.insert(id, Arc::clone(&door));
        drop(inner);
        Ok(Guest { rooms: Arc::clone(rooms), id, rule, opened_at, door })
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn show_out(&mut self, leaving: Option<GuestId>) {
        if let Some(door) = leaving.and_then(|id| self.doors.remove(&id)) {
            door.notify_one();
        }
    }
}

impl Guest {
    /// Something was heard from the client: until it is waited for again, its session is not asked to make room.
    pub fn speaks(&self) -> Result<(), NoRoom> {
        let mut inner = self.rooms.lock();
        let leaving = inner.house.speaks(self.id, self.opened_at.elapsed(), &self.rule)?;
        inner.show_out(leaving);
        Ok(())
    }

    /// The session waits for the client.
    pub fn waits(&self) {
        self.rooms.lock().house.quiet(self.id, self.opened_at.elapsed());
    }

    /// Somebody logged in: from now on the place is his.
    pub fn logged_in(&self) {
        self.rooms.lock().house.logged_in(self.id);
    }

    /// Nobody is logged in any more.
    pub fn logged_out(&self) {
        self.rooms.lock().house.logged_out(self.id);
        self.waits();
    }

    /// Resolves when somebody else needs the place more.
    pub async fn asked_to_leave(&self) {
        self.door.notified().await;
    }

    /// The same for whoever does not keep the guest.
    pub fn door(&self) -> Arc<Notify> {
        Arc::clone(&self.door)
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        let mut inner = self.rooms.lock();
        inner.house.leave(self.id);
        inner.doors.remove(&self.id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;
    use std::time::Duration;

    const RULE: Rule =
        Rule { silent_max: 2, inside_max: 1, per_connection_max: 10, per_neighbourhood_max: 10 };

    #[tokio::test(start_paused = true)]
    async fn whoever_says_nothing_makes_room_for_the_next() {
        let rooms: Arc<Rooms> = Arc::default();
        let opened_at = Instant::now();
        let enter =
            || Rooms::enter(&rooms, Ipv4Addr::LOCALHOST.into(), false, opened_at, RULE).expect("a place");
        let first = enter();
        let second = enter();
        let third = enter();
        first.asked_to_leave().await;
        assert!(second.speaks().is_ok(), "there is a place inside");
        second.waits();
        let fourth = enter();
        assert_eq!(fourth.speaks(), Err(NoRoom::House));
        tokio::time::sleep(Duration::from_secs(11)).await;
        assert_eq!(fourth.speaks(), Ok(()));
        second.asked_to_leave().await;
        fourth.logged_in();
        drop((first, second, fourth, third));
        assert!(rooms.lock().house.is_empty() && rooms.lock().doors.is_empty());
    }
}
