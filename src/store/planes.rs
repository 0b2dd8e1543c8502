//! The planes of a run: the counts of its points and whatever else is added up a pixel. Each is a pyramid of its own, all
//! wait in one vault, so that one budget and one file hold for all of them.

use std::sync::Arc;

use super::counts::CountStore;
use super::vault::Vault;
use crate::counts::{Holds, Operator, Plane, PlaneId, Value, Weighed};
use crate::error::{Error, Result};

/// The pyramid of one plane, by what its pixels hold.
#[derive(Debug)]
pub enum Pyramid {
    /// Points.
    Counts(CountStore),
    /// Points and sums.
    Sums(CountStore<Weighed>),
}

/// What pixels of a plane can hold.
pub trait Numbers: Value {
    /// The pyramid, if its pixels do.
    fn of(pyramid: &Pyramid) -> Option<&CountStore<Self>>;

    /// The pyramid to change, if they do.
    fn of_mut(pyramid: &mut Pyramid) -> Option<&mut CountStore<Self>>;
}

impl Numbers for u32 {
    fn of(pyramid: &Pyramid) -> Option<&CountStore> {
        if let Pyramid::Counts(store) = pyramid { Some(store) } else { None }
    }

    fn of_mut(pyramid: &mut Pyramid) -> Option<&mut CountStore> {
        if let Pyramid::Counts(store) = pyramid { Some(store) } else { None }
    }
}

impl Numbers for Weighed {
    fn of(pyramid: &Pyramid) -> Option<&CountStore<Self>> {
        if let Pyramid::Sums(store) = pyramid { Some(store) } else { None }
    }

    fn of_mut(pyramid: &mut Pyramid) -> Option<&mut CountStore<Self>> {
        if let Pyramid::Sums(store) = pyramid { Some(store) } else { None }
    }
}

/// All planes of a run. The counts are always there.
#[derive(Debug)]
pub struct PlaneStore {
    max: u8,
    vault: Arc<Vault>,
    planes: Vec<(Plane, Pyramid)>,
}

impl PlaneStore {
    /// Empty counts for zooms 0 to `max`, which wait in `vault` as all further planes do.
    pub fn in_vault(max: u8, vault: Arc<Vault>) -> Self {
        let counts = Pyramid::Counts(CountStore::in_vault(max, vault.clone()));
        Self { max, vault, planes: vec![(Plane::count(), counts)] }
    }

    /// Adds an empty plane. Fails when there are 65,536 already.
    pub fn add(&mut self, plane: Plane) -> Result<PlaneId> {
        let place = u16::try_from(self.planes.len());
        let place = place.map_err(|_| Error::Limit("a run has at most 65,536 planes; ask for fewer".into()))?;
        let pyramid = match plane.holds {
            Holds::Counts => Pyramid::Counts(CountStore::in_vault(self.max, self.vault.clone())),
            Holds::Sums => Pyramid::Sums(CountStore::in_vault(self.max, self.vault.clone())),
        };
        self.planes.push((plane, pyramid));
        Ok(PlaneId::new(place))
    }

    /// All planes, counts first.
    pub fn planes(&self) -> impl Iterator<Item = (PlaneId, &Plane)> {
        (0..=u16::MAX).map(PlaneId::new).zip(self.planes.iter().map(|plane| &plane.0))
    }

    /// The pyramid of a plane whose pixels hold that; an error where there is none.
    pub fn get<V: Numbers>(&self, id: PlaneId) -> Result<&CountStore<V>> {
        self.planes.get(id.place()).and_then(|plane| V::of(&plane.1)).ok_or_else(|| missing(id))
    }

    /// The same, to be filled.
    pub fn get_mut<V: Numbers>(&mut self, id: PlaneId) -> Result<&mut CountStore<V>> {
        self.planes.get_mut(id.place()).and_then(|plane| V::of_mut(&mut plane.1)).ok_or_else(|| missing(id))
    }

    /// Puts zoom `z + 1` of every plane together into its zoom `z`, by its operator; on all threads of the current pool.
    pub fn reduce(&mut self, z: u8) -> Result<()> {
        self.planes.iter_mut().try_for_each(|(plane, pyramid)| match (plane.operator, pyramid) {
            (Operator::Sum, Pyramid::Counts(store)) => store.reduce(z),
            (Operator::Sum, Pyramid::Sums(store)) => store.reduce(z),
        })
    }
}

fn missing(id: PlaneId) -> Error {
    Error::Internal(format!("there is no plane {} of that kind", id.place()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::account::Account;
    use crate::counts::Lit;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    type Tiles<V> = BTreeMap<u64, BTreeMap<u16, V>>;

    fn fill<V: Numbers>(store: &mut CountStore<V>, parts: &[Tiles<V>]) -> Result<()> {
        let mut filled = Vec::new();
        for tiles in parts {
            let mut part = store.part();
            for (code, pixels) in tiles {
                let lit: Vec<_> = pixels.iter().map(|(&pixel, &count)| Lit { pixel, count }).collect();
                part.push(*code, &lit)?;
            }
            filled.push(part);
        }
        store.set_zoom_summed(store.max_zoom(), filled)
    }

    fn read<V: Numbers>(store: &CountStore<V>, z: u8) -> Tiles<V> {
        let mut tiles = Tiles::new();
        for chunk in 0..store.chunks(z).unwrap() {
            let each = |code, lit: &[Lit<V>]| {
                tiles.insert(code, lit.iter().map(|l| (l.pixel, l.count)).collect());
                Ok(())
            };
            store.read_chunk(z, chunk, &mut Vec::new(), each).unwrap();
        }
        tiles
    }

    /// What a plane must be: numbers added up in a map.
    fn sum<V: Numbers>(tiles: impl IntoIterator<Item = (u64, BTreeMap<u16, V>)>) -> Tiles<V> {
        let mut all = Tiles::<V>::new();
        for (code, pixels) in tiles {
            for (pixel, value) in pixels {
                let to = all.entry(code).or_default().entry(pixel).or_default();
                *to = V::new(to.count() + value.count(), to.sum() + value.sum());
            }
        }
        all
    }

    fn parents<V: Numbers>(tiles: &Tiles<V>) -> Tiles<V> {
        let parent = |(code, pixels): (&u64, &BTreeMap<u16, V>)| {
            let place = |pixel: u16| ((code & 3) << 14) as u16 | (pixel >> 2);
            let pixels = pixels.iter().map(|(&pixel, &count)| (code >> 2, [(place(pixel), count)].into()));
            pixels.collect::<Vec<_>>()
        };
        sum::<V>(tiles.iter().flat_map(parent))
    }

    fn tiles<V: Numbers>(value: impl Strategy<Value = V>) -> impl Strategy<Value = Vec<Tiles<V>>> {
        let pixels = proptest::collection::btree_map(any::<u16>(), value, 1..20);
        proptest::collection::vec(proptest::collection::btree_map(0u64..1024, pixels, 1..100), 1..4)
    }

    proptest! {
        /// Planes of either kind add up and reduce each on its own, in memory and in a file.
        #[test]
        fn planes_add_up_and_reduce_each_on_its_own(
            counts in tiles(1u32..1000),
            sums in tiles(
                (1u32..9, prop_oneof![-1000i64..1000, -(1i64 << 45)..1 << 45])
                    .prop_map(|(count, sum)| Weighed { sum, count })),
            category in tiles(1u32..5),
            budget in 0u64..20_000,
        ) {
            let folder = tempfile::tempdir().unwrap();
            let mut store = PlaneStore::in_vault(5, Arc::new(vault(budget, folder.path())));
            let weight = store.add(Plane::sum("weight", 0.01)).unwrap();
            let cars = store.add(Plane { name: "cars".into(), ..Plane::count() }).unwrap();
            let names: Vec<_> = store.planes().map(|(id, plane)| (id, plane.name.as_str())).collect();
            prop_assert_eq!(names, [(PlaneId::COUNT, "count"), (weight, "weight"), (cars, "cars")]);
            fill(store.get_mut(PlaneId::COUNT).unwrap(), &counts).unwrap();
            fill(store.get_mut(weight).unwrap(), &sums).unwrap();
            fill(store.get_mut(cars).unwrap(), &category).unwrap();
            let mut expected = [sum(counts.into_iter().flatten()), sum(category.into_iter().flatten())];
            let mut weighed = sum(sums.into_iter().flatten());
            for z in (0..=5).rev() {
                if z < 5 {
                    store.reduce(z).unwrap();
                    expected = expected.map(|tiles| parents(&tiles));
                    weighed = parents(&weighed);
                }
                let narrow = |id| store.get::<u32>(id).unwrap();
                prop_assert_eq!([read(narrow(PlaneId::COUNT), z), read(narrow(cars), z)], expected.clone());
                let heavy = store.get::<Weighed>(weight).unwrap();
                prop_assert_eq!(&read(heavy, z), &weighed);
                let points = || weighed.values().flat_map(|pixels| pixels.values().map(|value| value.count));
                let stats = heavy.stats(z).unwrap();
                prop_assert_eq!((stats.sum, Some(stats.max)), (points().map(u64::from).sum(), points().max()));
                prop_assert_eq!(narrow(cars).stats(z).unwrap().tiles, expected[1].len() as u64);
            }
        }
    }

    fn vault(budget: u64, folder: &std::path::Path) -> Vault {
        Vault::new(Account::unbounded(), budget, folder)
    }

    /// Two sums that fit, of which the sum does not: never a wrap, neither of two parts nor of a family.
    #[test]
    fn beyond_64_bits_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let at = |code: u64, pixel: u16, sum: i64| {
            Tiles::from([(code, BTreeMap::from([(pixel, Weighed { sum, count: 1 })]))])
        };
        let with = |parts: &[Tiles<Weighed>]| {
            let mut store = PlaneStore::in_vault(1, Arc::new(vault(0, folder.path())));
            let weight = store.add(Plane::sum("weight", 1.0)).unwrap();
            fill(store.get_mut(weight).unwrap(), parts)?;
            store.reduce(0)?;
            Ok::<_, Error>(read(store.get::<Weighed>(weight)?, 0))
        };
        let half = 1i64 << 62;
        let all = with(&[at(0, 5, half), at(0, 5, half - 1)]).unwrap();
        assert_eq!(all[&0][&1], Weighed { sum: i64::MAX, count: 2 });
        assert!(matches!(with(&[at(0, 5, half), at(0, 5, half)]), Err(Error::Limit(_))), "a pixel");
        assert!(matches!(with(&[at(0, 5, half), at(0, 6, half)]), Err(Error::Limit(_))), "a family");
        assert!(matches!(with(&[at(0, 5, -half), at(0, 5, -half), at(0, 5, -1)]), Err(Error::Limit(_))), "below 0");
    }

    #[test]
    fn a_plane_of_another_kind_is_not_found() {
        let folder = tempfile::tempdir().unwrap();
        let store = PlaneStore::in_vault(1, Arc::new(vault(0, folder.path())));
        assert!(store.get::<u32>(PlaneId::COUNT).is_ok());
        assert!(store.get::<Weighed>(PlaneId::COUNT).is_err() && store.get::<u32>(PlaneId::new(1)).is_err());
    }
}
