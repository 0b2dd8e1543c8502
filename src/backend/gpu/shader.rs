//! Where shader and host meet: constants, parameter structs and bindings are written once, here and in the files of the
//! passes, and become the head of every WGSL source. `passes.rs` lists them all and reads the sources back with naga.
//!
//! Knows no device; `device.rs` turns shaders into pipelines.

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

/// The passes over the device's data, in the order of the work; each is one shader.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(usize)]
pub(super) enum Pass {
    Bin,
    Reduce,
    Add,
    Stats,
    Pack,
    Halo,
    Widen,
    Spread,
    Blur,
    Shade,
}

impl Pass {
    /// Every pass.
    pub(super) const ALL: [Self; 10] = [
        Self::Bin,
        Self::Reduce,
        Self::Add,
        Self::Stats,
        Self::Pack,
        Self::Halo,
        Self::Widen,
        Self::Spread,
        Self::Blur,
        Self::Shade,
    ];
}

/// The shader of every pass, in the order of [`Pass::ALL`].
pub(super) type Table = [Shader; Pass::ALL.len()];

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

/// One storage buffer of a shader: name, use and WGSL type. The uniform `params` is binding 0, these follow.
pub(super) type Binding = (&'static str, Access, &'static str);

/// A compute shader as text and data.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shader {
    /// Name of the pass and of its file.
    pub(super) name: &'static str,
    pub(super) params: (&'static str, &'static [(&'static str, usize)]),
    pub(super) bindings: &'static [Binding],
    /// Shared sources, then the pass's own.
    pub(super) sources: &'static [&'static str],
    /// Whether the sources use subgroup operations; naga knows them without an `enable`, and refuses that.
    #[cfg_attr(not(test), expect(dead_code, reason = "what the device must offer is checked when it is opened"))]
    pub(super) subgroups: bool,
}

impl Shader {
    /// The parameter struct's description for [`Shader::params`].
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
