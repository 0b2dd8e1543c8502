//! Where shader and host meet: constants, parameter structs and bindings are written once, here and in the stage
//! files, and become the head of every WGSL source. The test at the end reads the sources back with naga.
//!
//! Knows no device; `device.rs` turns kernels into pipelines.

use bytemuck::Pod;

use crate::counts::DISTINCT_LIMIT;
use crate::tile::{TILE_PIXELS, TILE_SIDE};

/// Invocations per workgroup, the most that every adapter grants.
pub(super) const WORKGROUP: u32 = 256;
/// Points per invocation of bin: enough to meet equal ones, few enough to fill a device.
pub(super) const RUN: u32 = 16;
/// No slot, no tile.
pub(super) const NONE: u32 = u32::MAX;
/// Places in a zoom's set of different counts: four times what a palette can show.
pub(super) const HASH_WORDS: u32 = 1024;
/// Words before that set: lit, largest, sum, different counts.
pub(super) const TOTALS_HEAD: u32 = 4;
/// Slot buffers bound at once; with points, table and parameters the bindings of bin stay below eight.
pub(super) const GROUP: usize = 4;

/// The constants every shader sees, from the ones above.
const CONSTANTS: [(&str, u32); 8] = [
    ("WORKGROUP", WORKGROUP),
    ("RUN", RUN),
    ("NONE", NONE),
    ("HASH_WORDS", HASH_WORDS),
    ("TOTALS_HEAD", TOTALS_HEAD),
    ("DISTINCT_LIMIT", DISTINCT_LIMIT as u32),
    ("TILE_SIDE", TILE_SIDE),
    ("TILE_PIXELS", TILE_PIXELS as u32),
];

/// A parameter struct that a shader reads as `params`; all its fields are u32.
pub(super) trait Params: Pod {
    /// Name of the struct in both languages.
    const NAME: &'static str;
    /// Field names with their offsets.
    const FIELDS: &'static [(&'static str, usize)];
}

/// Declares a parameter struct for Rust and describes it for WGSL.
macro_rules! params {
    ($(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident),+ $(,)? }) => {
        $(#[$doc])*
        #[repr(C)]
        #[derive(Debug, Clone, Copy, Default, bytemuck::Pod, bytemuck::Zeroable)]
        pub(super) struct $name { $($(#[$field_doc])* pub(super) $field: u32),+ }

        impl $crate::backend::gpu::shader::Params for $name {
            const NAME: &'static str = stringify!($name);
            const FIELDS: &'static [(&'static str, usize)] =
                &[$((stringify!($field), std::mem::offset_of!($name, $field))),+];
        }
    };
}
pub(super) use params;

/// How a shader uses a buffer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Access {
    /// Reads it.
    Read,
    /// Writes it, and may read what it wrote.
    Write,
}

/// One storage buffer of a kernel: name, use and WGSL type. The uniform `params` is binding 0, these follow.
pub(super) type Binding = (&'static str, Access, &'static str);

/// A compute shader as text and data.
#[derive(Debug, Clone, Copy)]
pub(super) struct Kernel {
    /// Name of the stage and of its file.
    pub(super) name: &'static str,
    pub(super) params: (&'static str, &'static [(&'static str, usize)]),
    pub(super) bindings: &'static [Binding],
    /// Shared sources, then the stage's own.
    pub(super) sources: &'static [&'static str],
    /// Whether the sources use subgroup operations; naga knows them without an `enable`, and refuses that.
    #[cfg_attr(not(test), expect(dead_code, reason = "what the device must offer is checked when it is opened"))]
    pub(super) subgroups: bool,
}

impl Kernel {
    /// The parameter struct's description for [`Kernel::params`].
    pub(super) const fn params_of<P: Params>() -> (&'static str, &'static [(&'static str, usize)]) {
        (P::NAME, P::FIELDS)
    }

    /// The complete WGSL source.
    pub(super) fn source(&self) -> String {
        let mut text = String::new();
        for (name, value) in CONSTANTS {
            text.push_str(&format!("const {name}: u32 = {value}u;\n"));
        }
        let (name, fields) = self.params;
        text.push_str(&format!("struct {name} {{\n"));
        for (field, _) in fields {
            text.push_str(&format!("    {field}: u32,\n"));
        }
        text.push_str(&format!("}}\n@group(0) @binding(0) var<uniform> params: {name};\n"));
        for (at, (name, access, ty)) in self.bindings.iter().enumerate() {
            let access = if *access == Access::Read { "read" } else { "read_write" };
            let binding = at + 1;
            text.push_str(&format!("@group(0) @binding({binding}) var<storage, {access}> {name}: {ty};\n"));
        }
        for source in self.sources {
            text.push_str(source);
        }
        text
    }
}

/// Shared WGSL: Morton order.
pub(super) const MORTON: &str = include_str!("../../../shaders/shared/morton.wgsl");

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::gpu::device::{STAGES, Stages};
    use naga::valid::{Capabilities, ValidationFlags, Validator};

    fn kernels() -> Vec<Kernel> {
        [false, true].into_iter().flat_map(|subgroups| STAGES.map(|stage| Stages::kernel(stage, subgroups))).collect()
    }

    /// Every shader as a driver will see it is valid, and its layout is the one the host fills.
    #[test]
    fn shaders_agree_with_the_host() {
        for kernel in kernels() {
            let source = kernel.source();
            let module = naga::front::wgsl::parse_str(&source)
                .unwrap_or_else(|e| panic!("{}: {}", kernel.name, e.emit_to_string(&source)));
            let capabilities = if kernel.subgroups { Capabilities::SUBGROUP } else { Capabilities::empty() };
            let info = Validator::new(ValidationFlags::all(), capabilities)
                .validate(&module)
                .unwrap_or_else(|e| panic!("{}: {}", kernel.name, e.emit_to_string(&source)));
            assert_eq!(module.entry_points.len(), 1, "{}", kernel.name);
            assert_eq!(module.entry_points[0].name, "main");
            assert_eq!(module.entry_points[0].workgroup_size, [WORKGROUP, 1, 1], "{}", kernel.name);

            let (name, fields) = kernel.params;
            let (_, ty) = module.types.iter().find(|(_, ty)| ty.name.as_deref() == Some(name)).unwrap();
            let naga::TypeInner::Struct { members, span } = &ty.inner else { panic!("{name} is no struct") };
            let read: Vec<_> = members.iter().map(|m| (m.name.clone().unwrap(), m.offset as usize)).collect();
            let written: Vec<_> = fields.iter().map(|&(field, offset)| (field.to_string(), offset)).collect();
            assert_eq!(read, written, "{}", kernel.name);
            assert_eq!(*span as usize, 4 * fields.len());

            let mut storage = 0;
            for (handle, global) in module.global_variables.iter() {
                let Some(binding) = &global.binding else { continue };
                assert_eq!(binding.group, 0);
                assert!(
                    !info.get_entry_point(0)[handle].is_empty(),
                    "{}: {:?} is bound but unused",
                    kernel.name,
                    global.name
                );
                if binding.binding == 0 {
                    assert_eq!(global.space, naga::AddressSpace::Uniform);
                    continue;
                }
                storage += 1;
                let (name, access, _) = kernel.bindings[binding.binding as usize - 1];
                assert_eq!(global.name.as_deref(), Some(name));
                let naga::AddressSpace::Storage { access: read } = global.space else { panic!("{name}") };
                assert_eq!(read.contains(naga::StorageAccess::STORE), access == Access::Write, "{name}");
            }
            assert_eq!(storage, kernel.bindings.len());
            assert!(storage <= 8, "{}: the portable contract has eight storage buffers", kernel.name);

            let workgroup: u32 = module
                .global_variables
                .iter()
                .filter(|(_, g)| g.space == naga::AddressSpace::WorkGroup)
                .map(|(_, g)| module.types[g.ty].inner.size(module.to_ctx()))
                .sum();
            assert!(workgroup <= 16 << 10, "{}: {workgroup} bytes of workgroup memory", kernel.name);
        }
    }

    #[test]
    fn a_wrong_offset_would_be_seen() {
        params! {
            /// Two fields.
            Pair { one, two }
        }
        assert_eq!(Pair::FIELDS, &[("one", 0), ("two", 4)]);
        let mut kernel = kernels()[0];
        kernel.params = (Pair::NAME, Pair::FIELDS);
        assert!(naga::front::wgsl::parse_str(&kernel.source()).is_err(), "a missing field went unnoticed");
    }
}
