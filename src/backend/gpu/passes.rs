//! The table of passes: which shader does what. Whoever opens a device hands it over, so that neither a pass nor the
//! device needs to know who runs it.

use super::shader::Table;
use super::{add, bin, blur, halo, pack, reduce, shade, spread, stats, widen};

/// The shader of every pass, with or without subgroup operations.
pub(super) const fn table(subgroups: bool) -> Table {
    [
        bin::shader(subgroups),
        reduce::SHADER,
        add::SHADER,
        stats::SHADER,
        pack::SHADER,
        halo::SHADER,
        widen::SHADER,
        spread::SHADER,
        blur::SHADER,
        shade::SHADER,
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::gpu::options::ForcedLimits;
    use crate::backend::gpu::shader::{Access, Params, Pass, Shader, WORKGROUP, params};
    use crate::backend::gpu::slots::{BufferSizes, SlotPool, TILE_BYTES};
    use crate::backend::gpu::table::TileTable;
    use crate::backend::gpu::{device, readback};
    use crate::tile::WorldPoint;
    use naga::valid::{Capabilities, ValidationFlags, Validator};

    fn shaders() -> Vec<Shader> {
        [false, true].into_iter().flat_map(table).collect()
    }

    /// Every shader as a driver will see it is valid, and its layout is the one the host fills.
    #[test]
    fn shaders_agree_with_the_host() {
        for shader in shaders() {
            let source = shader.source();
            let module = naga::front::wgsl::parse_str(&source)
                .unwrap_or_else(|e| panic!("{}: {}", shader.name, e.emit_to_string(&source)));
            let capabilities = if shader.subgroups { Capabilities::SUBGROUP } else { Capabilities::empty() };
            let info = Validator::new(ValidationFlags::all(), capabilities)
                .validate(&module)
                .unwrap_or_else(|e| panic!("{}: {}", shader.name, e.emit_to_string(&source)));
            assert_eq!(module.entry_points.len(), 1, "{}", shader.name);
            assert_eq!(module.entry_points[0].name, "main");
            assert_eq!(module.entry_points[0].workgroup_size, [WORKGROUP, 1, 1], "{}", shader.name);

            let (name, fields) = shader.params;
            let (_, ty) = module.types.iter().find(|(_, ty)| ty.name.as_deref() == Some(name)).unwrap();
            let naga::TypeInner::Struct { members, span } = &ty.inner else { panic!("{name} is no struct") };
            let read: Vec<_> = members.iter().map(|m| (m.name.clone().unwrap(), m.offset as usize)).collect();
            let written: Vec<_> = fields.iter().map(|&(field, offset)| (field.to_string(), offset)).collect();
            assert_eq!(read, written, "{}", shader.name);
            assert_eq!(*span as usize, 4 * fields.len());

            let mut storage = 0;
            for (handle, global) in module.global_variables.iter() {
                let Some(binding) = &global.binding else { continue };
                assert_eq!(binding.group, 0);
                assert!(
                    !info.get_entry_point(0)[handle].is_empty(),
                    "{}: {:?} is bound but unused",
                    shader.name,
                    global.name
                );
                if binding.binding == 0 {
                    assert_eq!(global.space, naga::AddressSpace::Uniform);
                    continue;
                }
                storage += 1;
                let (name, access, _) = shader.bindings[binding.binding as usize - 1];
                assert_eq!(global.name.as_deref(), Some(name));
                let naga::AddressSpace::Storage { access: read } = global.space else { panic!("{name}") };
                assert_eq!(read.contains(naga::StorageAccess::STORE), access == Access::Write, "{name}");
            }
            assert_eq!(storage, shader.bindings.len());
            assert!(storage <= 8, "{}: the portable contract has eight storage buffers", shader.name);

            let workgroup: u32 = module
                .global_variables
                .iter()
                .filter(|(_, g)| g.space == naga::AddressSpace::WorkGroup)
                .map(|(_, g)| module.types[g.ty].inner.size(module.to_ctx()))
                .sum();
            assert!(workgroup <= 16 << 10, "{}: {workgroup} bytes of workgroup memory", shader.name);
        }
    }

    /// Bin whose first lanes do not take part, as where a driver runs the branches of a subgroup one after the other.
    fn without_first_lanes(subgroups: bool) -> Table {
        let mut table = table(subgroups);
        let sources = table[Pass::Bin as usize].sources.iter().map(|source| {
            let apart = source.replace("    bin(group.x", "    if (own_lane >= 3u) { bin(group.x");
            let apart =
                if apart == *source { apart } else { apart.replace("place, WORKGROUP);", "place, WORKGROUP); }") };
            &*apart.leak()
        });
        table[Pass::Bin as usize].sources = sources.collect::<Vec<_>>().leak();
        table
    }

    /// Merging by subgroups adds once for the lanes that are there, whichever those are.
    #[test]
    fn lanes_that_run_apart_lose_no_point() {
        let test = "lanes_that_run_apart_lose_no_point";
        let forced = ForcedLimits { subgroups: Some(true), ..Default::default() };
        let Some((gpu, description)) = device::tests::device(test, forced, without_first_lanes) else { return };
        let (lanes, most) = description.subgroup_size;
        assert_eq!(lanes, most, "this test wants to know the lanes of a subgroup");
        let points = vec![WorldPoint { x: 5, y: 9 }; (16 * WORKGROUP) as usize];
        let usage = wgpu::BufferUsages::STORAGE;
        let buffer = gpu.upload("points", bytemuck::cast_slice(&points), usage).unwrap();
        let mut table = TileTable::new(&gpu, 0).unwrap();
        table.insert(0, 0);
        table.upload(&gpu).unwrap();
        let mut pool = SlotPool::new(&gpu, BufferSizes { first: 1, most: 1, buffers: 1 }).unwrap();
        assert!(pool.ensure(&gpu, 1, 0).unwrap());
        let mut commands = gpu.encoder();
        bin::encode(&gpu, &mut commands, (&buffer, points.len() as u32), 0, &table, &pool, 1).unwrap();
        let copy = readback::start(&gpu, &mut commands, pool.buffer(0).unwrap(), TILE_BYTES).unwrap();
        let view = copy.map(gpu.submit(commands).unwrap()).view(&gpu).unwrap();
        let counts: &[u32] = bytemuck::cast_slice(&view);
        let expected = points.len() as u32 / lanes * (lanes - 3);
        assert_eq!((counts[0], counts.iter().sum::<u32>()), (expected, expected), "{lanes} lanes");
    }

    /// Each shader stands at the place of the pass that asks for it.
    #[test]
    fn the_table_is_in_the_order_of_the_passes() {
        for subgroups in [false, true] {
            for (pass, shader) in Pass::ALL.into_iter().zip(table(subgroups)) {
                assert_eq!(format!("{pass:?}").to_lowercase(), shader.name);
            }
        }
    }

    #[test]
    fn a_wrong_offset_would_be_seen() {
        params! {
            /// Two fields.
            Pair { one, two }
        }
        assert_eq!(Pair::FIELDS, &[("one", 0), ("two", 4)]);
        let mut shader = shaders()[0];
        shader.params = (Pair::NAME, Pair::FIELDS);
        assert!(naga::front::wgsl::parse_str(&shader.source()).is_err(), "a missing field went unnoticed");
    }
}
