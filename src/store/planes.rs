//! The planes of a run: the counts of its points and whatever else is added up a pixel. Each is a pyramid of its own, all
//! wait in one vault, so that one budget and one file hold for all of them.

use std::sync::Arc;

use super::counts::CountStore;
use super::vault::Vault;
use crate::counts::{Operator, Plane, PlaneId, Value, Width};
use crate::error::{Error, Result};

/// The pyramid of one plane, as wide as its numbers are.
#[derive(Debug)]
pub enum Pyramid {
    /// Points.
    Bits32(CountStore),
    /// Sums.
    Bits64(CountStore<u64>),
}

/// A width that a plane can have.
pub trait Numbers: Value {
    /// The pyramid, if it is that wide.
    fn of(pyramid: &Pyramid) -> Option<&CountStore<Self>>;

    /// The pyramid to change, if it is that wide.
    fn of_mut(pyramid: &mut Pyramid) -> Option<&mut CountStore<Self>>;
}

impl Numbers for u32 {
    fn of(pyramid: &Pyramid) -> Option<&CountStore> {
        if let Pyramid::Bits32(store) = pyramid { Some(store) } else { None }
    }

    fn of_mut(pyramid: &mut Pyramid) -> Option<&mut CountStore> {
        if let Pyramid::Bits32(store) = pyramid { Some(store) } else { None }
    }
}

impl Numbers for u64 {
    fn of(pyramid: &Pyramid) -> Option<&CountStore<Self>> {
        if let Pyramid::Bits64(store) = pyramid { Some(store) } else { None }
    }

    fn of_mut(pyramid: &mut Pyramid) -> Option<&mut CountStore<Self>> {
        if let Pyramid::Bits64(store) = pyramid { Some(store) } else { None }
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
        let counts = Pyramid::Bits32(CountStore::in_vault(max, vault.clone()));
        Self { max, vault, planes: vec![(Plane::count(), counts)] }
    }

    /// Adds an empty plane. Fails when there are 65,536 already.
    pub fn add(&mut self, plane: Plane) -> Result<PlaneId> {
        let place = u16::try_from(self.planes.len());
        let place = place.map_err(|_| Error::Limit("a run has at most 65,536 planes; ask for fewer".into()))?;
        let pyramid = match plane.width {
            Width::Bits32 => Pyramid::Bits32(CountStore::in_vault(self.max, self.vault.clone())),
            Width::Bits64 => Pyramid::Bits64(CountStore::in_vault(self.max, self.vault.clone())),
        };
        self.planes.push((plane, pyramid));
        Ok(PlaneId::new(place))
    }

    /// All planes, counts first.
    pub fn planes(&self) -> impl Iterator<Item = (PlaneId, &Plane)> {
        (0..=u16::MAX).map(PlaneId::new).zip(self.planes.iter().map(|plane| &plane.0))
    }

    /// The pyramid of a plane whose numbers are of that type; an error where there is none.
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
            (Operator::Sum, Pyramid::Bits32(store)) => store.reduce(z),
            (Operator::Sum, Pyramid::Bits64(store)) => store.reduce(z),
        })
    }
}

fn missing(id: PlaneId) -> Error {
    Error::Internal(format!("there is no plane {} of that width", id.place()))
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
    fn sum<V: Numbers>(tiles: impl IntoIterator<Item = (u64, BTreeMap<u16, V>)>) -> Tiles<u64> {
        let mut all = Tiles::new();
        for (code, pixels) in tiles {
            for (pixel, count) in pixels {
                let number: u64 = count.into();
                *all.entry(code).or_default().entry(pixel).or_default() += number;
            }
        }
        all
    }

    fn parents(tiles: &Tiles<u64>) -> Tiles<u64> {
        let parent = |(code, pixels): (&u64, &BTreeMap<u16, u64>)| {
            let place = |pixel: u16| ((code & 3) << 14) as u16 | (pixel >> 2);
            let pixels = pixels.iter().map(|(&pixel, &count)| (code >> 2, [(place(pixel), count)].into()));
            pixels.collect::<Vec<_>>()
        };
        sum::<u64>(tiles.iter().flat_map(parent))
    }

    fn wide<V: Numbers>(tiles: Tiles<V>) -> Tiles<u64> {
        sum(tiles)
    }

    fn tiles<V: Numbers>(number: impl Strategy<Value = V>) -> impl Strategy<Value = Vec<Tiles<V>>> {
        let pixels = proptest::collection::btree_map(any::<u16>(), number, 1..20);
        proptest::collection::vec(proptest::collection::btree_map(0u64..1024, pixels, 1..100), 1..4)
    }

    proptest! {
        /// Planes of either width add up and reduce each on its own, in memory and in a file.
        #[test]
        fn planes_add_up_and_reduce_each_on_its_own(
            counts in tiles(1u32..1000),
            sums in tiles(prop_oneof![1u64..1000, 1u64 << 30..1 << 45]),
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
            let mut expected =
                [sum(counts.into_iter().flatten()), sum(sums.into_iter().flatten()), sum(category.into_iter().flatten())];
            for z in (0..=5).rev() {
                if z < 5 {
                    store.reduce(z).unwrap();
                    expected = expected.map(|tiles| parents(&tiles));
                }
                let narrow = |id| store.get::<u32>(id).unwrap();
                let found = [
                    wide(read(narrow(PlaneId::COUNT), z)),
                    read(store.get::<u64>(weight).unwrap(), z),
                    wide(read(narrow(cars), z)),
                ];
                prop_assert_eq!(&found, &expected);
                let stats = store.get::<u64>(weight).unwrap().stats(z).unwrap();
                let numbers = || expected[1].values().flat_map(|pixels| pixels.values().copied());
                prop_assert_eq!((stats.sum, Some(stats.max)), (numbers().sum(), numbers().max()));
                prop_assert_eq!(narrow(cars).stats(z).unwrap().tiles, expected[2].len() as u64);
            }
        }
    }

    fn vault(budget: u64, folder: &std::path::Path) -> Vault {
        Vault::new(Account::unbounded(), budget, folder)
    }

    /// Two numbers that fit, of which the sum does not: never a wrap, neither of two parts nor of a family nor of a zoom.
    #[test]
    fn beyond_64_bits_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let half = 1u64 << 63;
        let at = |code: u64, pixel: u16, count: u64| Tiles::from([(code, BTreeMap::from([(pixel, count)]))]);
        let with = |parts: &[Tiles<u64>]| {
            let mut store = PlaneStore::in_vault(1, Arc::new(vault(0, folder.path())));
            let weight = store.add(Plane::sum("weight", 1.0)).unwrap();
            fill(store.get_mut(weight).unwrap(), parts)?;
            store.reduce(0)?;
            Ok::<_, Error>(read(store.get::<u64>(weight)?, 0))
        };
        assert_eq!(with(&[at(0, 5, half), at(0, 5, half - 1)]).unwrap(), at(0, 1, u64::MAX));
        assert!(matches!(with(&[at(0, 5, half), at(0, 5, half)]), Err(Error::Limit(_))), "a pixel");
        assert!(matches!(with(&[at(0, 5, half), at(0, 6, half)]), Err(Error::Limit(_))), "a family");
        assert!(matches!(with(&[at(0, 5, half), at(1, 500, half)]), Err(Error::Limit(_))), "a zoom");
    }

    #[test]
    fn a_plane_of_another_width_is_not_found() {
        let folder = tempfile::tempdir().unwrap();
        let store = PlaneStore::in_vault(1, Arc::new(vault(0, folder.path())));
        assert!(store.get::<u32>(PlaneId::COUNT).is_ok());
        assert!(store.get::<u64>(PlaneId::COUNT).is_err() && store.get::<u32>(PlaneId::new(1)).is_err());
    }
}
