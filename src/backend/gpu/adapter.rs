//! The adapters there are and the choice between them: a pure function of their descriptions, so that it can be tested
//! without any. Opening one is left to `device.rs`.

use super::description::{AdapterDescription, AdapterKind, Choice};
use super::loader::nothing_found;
use crate::error::{Error, Result};

impl AdapterDescription {
    fn new(adapter: &wgpu::Adapter) -> Self {
        let (info, limits) = (adapter.get_info(), adapter.limits());
        let kind = match info.device_type {
            wgpu::DeviceType::DiscreteGpu => AdapterKind::Discrete,
            wgpu::DeviceType::IntegratedGpu => AdapterKind::Integrated,
            wgpu::DeviceType::VirtualGpu => AdapterKind::Virtual,
            wgpu::DeviceType::Cpu => AdapterKind::Software,
            wgpu::DeviceType::Other if software_name(&info.name) => AdapterKind::Software,
            wgpu::DeviceType::Other => AdapterKind::Other,
        };
        Self {
            kind,
            interface: info.backend.to_str().to_string(),
            driver: format!("{} {}", info.driver, info.driver_info).trim().to_string(),
            vendor: info.vendor,
            device: info.device,
            name: info.name,
            max_binding: limits.max_storage_buffer_binding_size,
            max_buffer: limits.max_buffer_size,
            workgroup_memory: limits.max_compute_workgroup_storage_size,
            storage_buffers: limits.max_storage_buffers_per_shader_stage,
            subgroups: adapter.features().contains(wgpu::Features::SUBGROUP),
            subgroup_size: (info.subgroup_min_size, info.subgroup_max_size),
        }
    }

    /// Whether the shaders can run on it: the portable contract.
    fn fits(&self) -> bool {
        self.max_binding >= 1 << 24 && self.workgroup_memory >= 16 << 10 && self.storage_buffers >= 6
    }

    /// Whether it may be taken for that choice.
    pub(super) fn satisfies(&self, wanted: Choice<'_>) -> bool {
        self.fits()
            && match wanted {
                Choice::Auto => self.kind != AdapterKind::Software,
                Choice::Named(part) => self.name.to_lowercase().contains(&part.to_lowercase()),
            }
    }

    /// Interfaces in order of preference; GL is a last resort, and often a second view of the same device.
    fn interface_rank(&self) -> u8 {
        match self.interface.as_str() {
            "vulkan" | "metal" => 0,
            "dx12" => 1,
            "gl" => 3,
            _ => 2,
        }
    }
}

/// GL cannot tell a software renderer by its type.
fn software_name(name: &str) -> bool {
    let name = name.to_lowercase();
    ["llvmpipe", "softpipe", "swiftshader", "swrast", "warp", "basic render"].iter().any(|s| name.contains(s))
}

/// The index of the adapter to take, or why there is none. Ties are broken by the name, then by the place in the
/// list, so that the same machine always gives the same adapter.
pub fn choose(adapters: &[AdapterDescription], wanted: Choice<'_>) -> Result<usize> {
    let rank = |&at: &usize| {
        let a = &adapters[at];
        (a.kind, a.interface_rank(), a.name.clone(), at)
    };
    let found = (0..adapters.len()).filter(|&at| adapters[at].satisfies(wanted)).min_by_key(rank);
    found.ok_or_else(|| {
        let listed = match adapters {
            [] => nothing_found(),
            some => format!("found: {}", some.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")),
        };
        Error::NoAdapter(match wanted {
            Choice::Auto => {
                format!("no GPU can be used; software adapters are taken only when named with --adapter; {listed}")
            }
            Choice::Named(part) => format!("no adapter that can be used is called '{part}'; {listed}"),
        })
    })
}

/// The adapters as wgpu sees them, with their descriptions, in a fixed order. GL is asked only when no other
/// interface knows any adapter: it lists the same devices again, and on machines without a display its loaders
/// write to stderr and may crash the process at its end.
pub(super) fn enumerate() -> Vec<(wgpu::Adapter, AdapterDescription)> {
    let mut described = seen_through(wgpu::Backends::VULKAN | wgpu::Backends::METAL | wgpu::Backends::DX12);
    if described.is_empty() {
        described = seen_through(wgpu::Backends::GL);
    }
    described.sort_by_key(|(_, d)| (d.kind, d.interface_rank(), d.name.clone()));
    described
}

fn seen_through(backends: wgpu::Backends) -> Vec<(wgpu::Adapter, AdapterDescription)> {
    let mut descriptor = wgpu::InstanceDescriptor::new_without_display_handle();
    descriptor.backends = backends;
    descriptor.flags = wgpu::InstanceFlags::empty();
    // An allocation that would push the system to its edge fails, and the session turns to buckets.
    descriptor.memory_budget_thresholds =
        wgpu::MemoryBudgetThresholds { for_resource_creation: Some(95), for_device_loss: None };
    let adapters = pollster::block_on(wgpu::Instance::new(descriptor).enumerate_adapters(backends));
    let describe = |adapter| {
        let description = AdapterDescription::new(&adapter);
        (adapter, description)
    };
    adapters.into_iter().map(describe).collect()
}

/// The adapters of this machine; a device seen through several interfaces is listed once for each.
pub fn adapters() -> Vec<AdapterDescription> {
    enumerate().into_iter().map(|(_, description)| description).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn adapter(name: &str, interface: &str, kind: AdapterKind) -> AdapterDescription {
        AdapterDescription {
            name: name.into(),
            interface: interface.into(),
            kind,
            driver: String::new(),
            vendor: 0,
            device: 0,
            max_binding: 128 << 20,
            max_buffer: 256 << 20,
            workgroup_memory: 16 << 10,
            storage_buffers: 8,
            subgroups: false,
            subgroup_size: (4, 128),
        }
    }

    use AdapterKind::{Discrete, Integrated, Other, Software, Virtual};

    #[test]
    fn auto_takes_the_most_real_gpu() {
        let mut list = vec![
            adapter("llvmpipe (LLVM 15)", "vulkan", Software),
            adapter("Strange", "vulkan", Other),
            adapter("Cloud GPU", "vulkan", Virtual),
            adapter("Built-in", "vulkan", Integrated),
            adapter("Card", "gl", Discrete),
            adapter("Card", "vulkan", Discrete),
        ];
        for expected in ["Card", "Built-in", "Cloud GPU", "Strange"] {
            let chosen = choose(&list, Choice::Auto).unwrap();
            assert_eq!((list[chosen].name.as_str(), list[chosen].interface.as_str()), (expected, "vulkan"));
            list.retain(|a| a.name != expected);
        }
        let error = choose(&list, Choice::Auto).unwrap_err().to_string();
        assert!(error.contains("llvmpipe") && error.contains("--adapter"), "{error}");
    }

    #[test]
    fn software_is_taken_when_named() {
        let list = [adapter("Card", "vulkan", Discrete), adapter("llvmpipe (LLVM 15)", "vulkan", Software)];
        assert_eq!(choose(&list, Choice::Named("LLVMpipe")).unwrap(), 1);
    }

    #[test]
    fn one_device_seen_twice_is_taken_through_the_better_interface() {
        let list =
            [adapter("Card", "gl", Other), adapter("Card", "dx12", Discrete), adapter("Card", "vulkan", Discrete)];
        assert_eq!(choose(&list, Choice::Auto).unwrap(), 2);
        assert_eq!(choose(&list, Choice::Named("card")).unwrap(), 2);
    }

    #[test]
    fn ties_go_by_name_then_place() {
        let list =
            [adapter("B", "vulkan", Discrete), adapter("A", "vulkan", Discrete), adapter("A", "vulkan", Discrete)];
        assert_eq!(choose(&list, Choice::Auto).unwrap(), 1);
        assert_eq!(choose(&list, Choice::Named("b")).unwrap(), 0);
    }

    #[test]
    fn an_unknown_name_lists_what_there_is() {
        let list = [adapter("Card", "vulkan", Discrete), adapter("Built-in", "vulkan", Integrated)];
        let error = choose(&list, Choice::Named("radeon")).unwrap_err().to_string();
        assert!(error.contains("'radeon'") && error.contains("Card") && error.contains("Built-in"), "{error}");
        assert!(choose(&[], Choice::Auto).unwrap_err().to_string().contains("no adapter was found"));
    }

    #[test]
    fn adapters_below_the_contract_are_passed_over() {
        let mut weak = adapter("Weak", "vulkan", Discrete);
        weak.storage_buffers = 4;
        assert_eq!(choose(&[weak, adapter("Built-in", "vulkan", Integrated)], Choice::Auto).unwrap(), 1);
    }
}
