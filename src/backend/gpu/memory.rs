//! How the device's memory is shared out: a pure function of what the adapter grants and of forced limits.
//! wgpu does not tell how much memory there is, so the default is a guess by kind that most devices have, or four
//! of the largest bindings where those are huge. It is a bound, not a reservation: tiles take what they need, and an
//! allocation that fails turns the session to buckets.

use super::ForcedLimits;
use super::adapter::{AdapterDescription, AdapterKind};
use super::slots::{BufferSizes, MAX_SLOTS, TILE_BYTES};

/// Batches of points on their way at once.
pub(super) const RING: usize = 4;

/// Most that is taken unasked.
const MOST: u64 = 24 << 30;

/// Who gets what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct MemoryPlan {
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
    /// Shares out what `adapter` has, or what is forced.
    pub(super) fn new(adapter: &AdapterDescription, forced: &ForcedLimits) -> Self {
        // On a real GPU the first buffers are large: a dispatch binds four of them, and one is better than two.
        let (guess, batch, first) = match adapter.kind {
            AdapterKind::Discrete => (6 << 30, 1 << 20, 512),
            AdapterKind::Virtual => (3 << 30, 1 << 20, 512),
            AdapterKind::Integrated | AdapterKind::Other => (2 << 30, 1 << 19, 256),
            AdapterKind::Software => (1 << 30, 1 << 17, 64),
        };
        let binding = adapter.max_binding.min(adapter.max_buffer);
        let guess: u64 = match adapter.kind {
            AdapterKind::Discrete | AdapterKind::Virtual => binding.saturating_mul(4).clamp(guess, MOST),
            _ => guess,
        };
        let budget = forced.device_memory.unwrap_or(guess);
        // The ring has each batch twice: where the host writes and where the device reads.
        let fitting = (budget / 8 / (2 * 8 * RING as u64)).min(binding / 8);
        let batch = forced.batch_points.unwrap_or((batch as u64).min(fitting) as usize).clamp(1, 1 << 24);
        let tiles = |bytes: u64| u32::try_from(bytes / TILE_BYTES).unwrap_or(u32::MAX);
        let granted = tiles(binding).clamp(1, MAX_SLOTS);
        Self {
            slots: tiles(budget / 8 * 5).clamp(1, MAX_SLOTS),
            sizes: BufferSizes {
                first,
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
        let plan = MemoryPlan::new(&adapter(AdapterKind::Software, 128 << 20), &ForcedLimits::default());
        assert_eq!(plan.sizes.most, 512);
        assert!(u64::from(plan.slots) * TILE_BYTES <= 1 << 30);
    }

    #[test]
    fn large_bindings_tell_of_large_devices() {
        let slots = |kind, binding| MemoryPlan::new(&adapter(kind, binding), &ForcedLimits::default()).slots;
        let gib = |slots: u32| (u64::from(slots) * TILE_BYTES * 8 / 5).div_ceil(1 << 30);
        assert_eq!(gib(slots(AdapterKind::Discrete, 128 << 20)), 6);
        assert_eq!(gib(slots(AdapterKind::Discrete, 4 << 30)), 16);
        assert_eq!(gib(slots(AdapterKind::Discrete, u64::MAX)), 24);
        assert_eq!(gib(slots(AdapterKind::Integrated, 4 << 30)), 2);
    }

    #[test]
    fn forced_memory_bounds_the_sum_of_all_parts() {
        for memory in [16u64 << 20, 64 << 20, 1 << 30, 32 << 30] {
            let forced = ForcedLimits { device_memory: Some(memory), ..Default::default() };
            let plan = MemoryPlan::new(&adapter(AdapterKind::Discrete, 2 << 30), &forced);
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
        let plan = MemoryPlan::new(&adapter(AdapterKind::Other, 128 << 20), &forced);
        assert_eq!((plan.slots, plan.sizes.most, plan.batch), (1, 1, 1));
    }
}
