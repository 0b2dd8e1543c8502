//! How the device's memory is shared out: a pure function of what the adapter grants, of what was found free on it and
//! of forced limits. Where the memory is the host's, nobody asks how much there is, and the default is a guess by kind
//! that most devices have. It is a bound, not a reservation: tiles take what they need, and an allocation that fails
//! turns the session to buckets.

use super::description::{AdapterDescription, AdapterKind};
use super::options::ForcedLimits;
use super::slots::{BufferSizes, MAX_SLOTS, TILE_BYTES};
use crate::error::{Error, Result};

/// Batches of points on their way at once.
pub(super) const RING: usize = 4;

/// Most that is taken unasked: the tiles that slots can number, with the zooms above them and what they need.
pub(super) const MOST: u64 = 35 << 30;

/// Most bytes of a binding: some drivers count them in 32 bits with a sign, others tell sizes that no binding may have.
const MOST_BINDING: u64 = (1 << 31) - 1;

/// Who gets what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct MemoryPlan {
    /// Bytes in all.
    pub(super) budget: u64,
    /// Dense tiles at once, over all zooms.
    pub(super) slots: u32,
    /// How pools of tiles grow.
    pub(super) sizes: BufferSizes,
    /// Points in a batch.
    pub(super) batch: usize,
    /// Bytes for packed counts of one readback.
    pub(super) pack_bytes: u64,
    /// Bytes for the tiles of one submission of shading.
    pub(super) shade_bytes: u64,
    /// Largest storage binding.
    pub(super) binding: u64,
}

impl MemoryPlan {
    /// Shares out what `adapter` has, of which `free` bytes were found, or what is forced.
    pub(super) fn new(adapter: &AdapterDescription, forced: &ForcedLimits, free: Option<u64>) -> Self {
        // On a real GPU the first buffers are large: a dispatch binds four of them, and one is better than two.
        let (guess, batch, first): (u64, _, _) = match adapter.kind {
            AdapterKind::Discrete => (6 << 30, 1 << 20, 512),
            AdapterKind::Virtual => (3 << 30, 1 << 20, 512),
            AdapterKind::Integrated | AdapterKind::Other => (2 << 30, 1 << 19, 256),
            AdapterKind::Software => (1 << 30, 1 << 17, 64),
        };
        let binding = adapter.max_binding.min(adapter.max_buffer).min(MOST_BINDING);
        // An eighth is left to whoever draws the screen, and to the driver.
        let budget = forced.device_memory.unwrap_or_else(|| free.map_or(guess, |free| (free / 8 * 7).min(MOST)));
        // The ring has each batch twice: where the host writes and where the device reads.
        let fitting = (budget / 8 / (2 * 8 * RING as u64)).min(binding / 8);
        let batch = forced.batch_points.unwrap_or((batch as u64).min(fitting) as usize).clamp(1, 1 << 24);
        let tiles = |bytes: u64| u32::try_from(bytes / TILE_BYTES).unwrap_or(u32::MAX);
        let granted = tiles(binding).clamp(1, MAX_SLOTS);
        // Bin numbers the slots of the highest zoom only; those above it are a third as many.
        let slots = tiles(budget / 8 * 5).clamp(1, MAX_SLOTS / 3 * 4);
        Self {
            budget,
            slots,
            sizes: BufferSizes {
                first: if free.is_some() { first.max(slots / 32) } else { first },
                most: forced.binding_tiles.unwrap_or(granted).clamp(1, granted),
                buffers: forced.slot_buffers.unwrap_or(usize::MAX),
            },
            batch,
            pack_bytes: (budget / 16).clamp(2 * TILE_BYTES, 64 << 20),
            shade_bytes: (budget / 16).min(128 << 20),
            binding,
        }
    }
}

/// Makes something for `most` tiles, or for half of them and so on where the device has no memory for more, or would
/// have no more than that: after it, `spare` looks for the memory that the rest of the work needs.
pub(super) fn as_many<T>(
    most: u32,
    mut make: impl FnMut(u32) -> Result<T>,
    spare: impl Fn() -> Result<()>,
) -> Result<T> {
    let mut tiles = most;
    loop {
        let made = match make(tiles) {
            Ok(made) if tiles > 1 => spare().map(|()| made),
            made => made,
        };
        match made {
            Err(Error::DeviceFull { .. }) if tiles > 1 => tiles /= 2,
            done => return done,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn adapter(kind: AdapterKind, max_binding: u64) -> AdapterDescription {
        AdapterDescription {
            name: String::new(),
            interface: String::new(),
            kind,
            driver: String::new(),
            vendor: 0,
            device: 0,
            max_binding,
            max_buffer: max_binding,
            workgroup_memory: 16 << 10,
            storage_buffers: 8,
            subgroups: false,
            subgroup_size: (4, 128),
        }
    }

    #[test]
    fn a_portable_binding_holds_512_tiles() {
        let plan = MemoryPlan::new(&adapter(AdapterKind::Software, 128 << 20), &ForcedLimits::default(), None);
        assert_eq!(plan.sizes.most, 512);
        assert!(u64::from(plan.slots) * TILE_BYTES <= 1 << 30);
    }

    /// A plan for a card that has `free` bytes, with bindings of at most `binding`.
    fn card(free: u64, binding: u64) -> MemoryPlan {
        MemoryPlan::new(&adapter(AdapterKind::Discrete, binding), &ForcedLimits::default(), Some(free))
    }

    /// What a device has counts, not how large a binding may be: through Vulkan no binding is larger than 2^31 - 1.
    #[test]
    fn a_large_card_is_used_through_small_bindings() {
        let portable = (1 << 31) - 1;
        for (free, gib) in [(4u64, 3), (8, 7), (24, 21), (80, 35), (140, 35)] {
            let plan = card(free << 30, portable);
            assert_eq!(plan.budget >> 30, gib, "{free} GiB");
            assert_eq!(plan.sizes.most, 8191);
        }
        // All tiles that bin can number, with their parents.
        assert_eq!(card(80 << 30, portable).slots, MAX_SLOTS / 3 * 4);
        // What is not asked is guessed.
        let guessed = |kind| MemoryPlan::new(&adapter(kind, portable), &ForcedLimits::default(), None).budget >> 30;
        assert_eq!([AdapterKind::Discrete, AdapterKind::Integrated, AdapterKind::Software].map(guessed), [6, 2, 1]);
    }

    /// Sizes that a driver saturates (all ones, or the largest there is) bind no more than any other driver allows.
    #[test]
    fn saturated_sizes_are_not_believed() {
        for size in [u64::MAX, u64::MAX / 2, 1 << 52, u64::from(u32::MAX), 1 << 31] {
            let plan = card(80 << 30, size);
            assert!(plan.binding < 1 << 31 && u64::from(plan.sizes.most) * TILE_BYTES < 1 << 31, "{plan:?}");
        }
    }

    #[test]
    fn forced_memory_bounds_the_sum_of_all_parts() {
        for memory in [16u64 << 20, 64 << 20, 1 << 30, 32 << 30] {
            let forced = ForcedLimits { device_memory: Some(memory), ..Default::default() };
            let plan = MemoryPlan::new(&adapter(AdapterKind::Discrete, 2 << 30), &forced, None);
            let sum = u64::from(plan.slots) * TILE_BYTES
                + (2 * 8 * RING * plan.batch) as u64
                + plan.pack_bytes
                + plan.shade_bytes;
            assert!(sum <= memory, "{memory}: {plan:?}");
        }
    }

    #[test]
    fn the_smallest_plan_still_works() {
        let forced = ForcedLimits {
            device_memory: Some(0),
            binding_tiles: Some(0),
            batch_points: Some(0),
            ..Default::default()
        };
        let plan = MemoryPlan::new(&adapter(AdapterKind::Other, 128 << 20), &forced, None);
        assert_eq!((plan.slots, plan.sizes.most, plan.batch), (1, 1, 1));
    }
}
