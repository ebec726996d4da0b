use std::cell::{Cell, OnceCell};

/// Most things of one kind a script of tests sets.
const THINGS_MAX: usize = 2000;

/// Keeps things that are only added, so that they can be looked at for as long as the shelf is there.
#[derive(Debug)]
pub struct Shelf<T> {
    places: Vec<OnceCell<T>>,
    next: Cell<usize>,
}

impl<T> Default for Shelf<T> {
    fn default() -> Shelf<T> {
        Shelf { places: (0..THINGS_MAX).map(|_| OnceCell::new()).collect(), next: Cell::new(0) }
    }
}

impl<T> Shelf<T> {
    /// Keeps one more; `None` when the shelf is full.
    pub fn keep(&self, thing: T) -> Option<&T> {
        let place = self.places.get(self.next.get())?;
        self.next.set(self.next.get() + 1);
        Some(place.get_or_init(|| thing))
    }
}
