//! The device: opens an adapter, makes pipelines and buffers, dispatches, submits and waits, and turns everything
//! a driver may report (lost, out of memory, invalid) into an error that names the adapter. Keeps the tally of
//! what each shader handled. Knows nothing of tiles.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::shader::{Access, Kernel, Params};
use super::{add, bin, blur, halo, pack, reduce, shade, spread, stats, widen};
use crate::backend::ShaderWork;
use crate::error::{Error, Result};

/// The shaders, in the order of the work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(usize)]
pub(super) enum Stage {
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

/// Every stage.
pub(super) const STAGES: [Stage; 10] = [
    Stage::Bin,
    Stage::Reduce,
    Stage::Add,
    Stage::Stats,
    Stage::Pack,
    Stage::Halo,
    Stage::Widen,
    Stage::Spread,
    Stage::Blur,
    Stage::Shade,
];

/// What a dispatch handles, for the report.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Handled {
    pub(super) points: u64,
    pub(super) tiles: u64,
}

impl Handled {
    /// Tiles, no points.
    pub(super) fn tiles(tiles: usize) -> Self {
        Self { points: 0, tiles: tiles as u64 }
    }
}

/// The compiled shaders.
#[derive(Debug)]
pub(super) struct Stages([(Kernel, wgpu::ComputePipeline, wgpu::BindGroupLayout); STAGES.len()]);

impl Stages {
    /// The shader of a stage.
    pub(super) const fn kernel(stage: Stage, subgroups: bool) -> Kernel {
        match stage {
            Stage::Bin => bin::kernel(subgroups),
            Stage::Reduce => reduce::KERNEL,
            Stage::Add => add::KERNEL,
            Stage::Stats => stats::KERNEL,
            Stage::Pack => pack::KERNEL,
            Stage::Halo => halo::KERNEL,
            Stage::Widen => widen::KERNEL,
            Stage::Spread => spread::KERNEL,
            Stage::Blur => blur::KERNEL,
            Stage::Shade => shade::KERNEL,
        }
    }

    fn new(device: &wgpu::Device, subgroups: bool) -> Self {
        Self(STAGES.map(|stage| {
            let kernel = Self::kernel(stage, subgroups);
            let (pipeline, layout) = pipeline(device, &kernel);
            (kernel, pipeline, layout)
        }))
    }
}

fn pipeline(device: &wgpu::Device, kernel: &Kernel) -> (wgpu::ComputePipeline, wgpu::BindGroupLayout) {
    let name = Some(kernel.name);
    let entry = |binding: usize, ty| wgpu::BindGroupLayoutEntry {
        binding: binding as u32,
        visibility: wgpu::ShaderStages::COMPUTE,
        ty: wgpu::BindingType::Buffer { ty, has_dynamic_offset: false, min_binding_size: None },
        count: None,
    };
    let mut entries = vec![entry(0, wgpu::BufferBindingType::Uniform)];
    entries.extend(kernel.bindings.iter().enumerate().map(|(at, (_, access, _))| {
        entry(at + 1, wgpu::BufferBindingType::Storage { read_only: *access == Access::Read })
    }));
    let group = device.create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor { label: name, entries: &entries });
    let layout = device.create_pipeline_layout(&wgpu::PipelineLayoutDescriptor {
        label: name,
        bind_group_layouts: &[Some(&group)],
        immediate_size: 0,
    });
    let module = device.create_shader_module(wgpu::ShaderModuleDescriptor {
        label: name,
        source: wgpu::ShaderSource::Wgsl(kernel.source().into()),
    });
    let pipeline = device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
        label: name,
        layout: Some(&layout),
        module: &module,
        entry_point: Some("main"),
        compilation_options: wgpu::PipelineCompilationOptions::default(),
        cache: None,
    });
    (pipeline, group)
}

#[derive(Debug, Default)]
struct Tally {
    points: AtomicU64,
    tiles: AtomicU64,
    dispatches: AtomicU64,
}

/// An open device with its compiled shaders.
#[derive(Debug)]
pub(super) struct Gpu {
    device: wgpu::Device,
    queue: wgpu::Queue,
    stages: Stages,
    adapter: String,
    trouble: Arc<Mutex<Option<String>>>,
    tally: [Tally; STAGES.len()],
    /// What the device grants.
    pub(super) limits: wgpu::Limits,
    /// Whether shaders use subgroup operations.
    pub(super) subgroups: bool,
}

impl Gpu {
    /// Opens `adapter` with all the buffer sizes it grants. `subgroups: None` uses them where there are any, but not
    /// on software adapters: there a subgroup operation costs more than the atomics it saves (binning 5 M clustered
    /// points took lavapipe 1.5 s with them and 0.8 s without).
    pub(super) fn open(adapter: &wgpu::Adapter, subgroups: Option<bool>) -> Result<Self> {
        let name = adapter.get_info().name;
        let error = |problem: String| Error::Device { adapter: name.clone(), problem };
        let offered = adapter.features().contains(wgpu::Features::SUBGROUP);
        if subgroups == Some(true) && !offered {
            return Err(error("has no subgroup operations".into()));
        }
        let software = adapter.get_info().device_type == wgpu::DeviceType::Cpu;
        let subgroups = subgroups.unwrap_or(offered && !software);
        let granted = adapter.limits();
        // The portable contract, and more only in what buys speed: larger buffers.
        let limits = wgpu::Limits {
            max_storage_buffer_binding_size: granted.max_storage_buffer_binding_size,
            max_buffer_size: granted.max_buffer_size,
            ..wgpu::Limits::default().or_worse_values_from(&granted)
        };
        let (device, queue) = pollster::block_on(adapter.request_device(&wgpu::DeviceDescriptor {
            label: Some("tilefire"),
            required_features: if subgroups { wgpu::Features::SUBGROUP } else { wgpu::Features::empty() },
            required_limits: limits.clone(),
            experimental_features: wgpu::ExperimentalFeatures::disabled(),
            memory_hints: wgpu::MemoryHints::Performance,
            trace: wgpu::Trace::Off,
        }))
        .map_err(|e| error(format!("cannot be opened: {e}")))?;

        let trouble: Arc<Mutex<Option<String>>> = Arc::default();
        let note = |trouble: &Mutex<Option<String>>, problem: String| {
            // The first problem is the cause, later ones follow from it.
            trouble.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(problem);
        };
        let heard = trouble.clone();
        device.on_uncaptured_error(Arc::new(move |e: wgpu::Error| {
            let what = match &e {
                wgpu::Error::OutOfMemory { .. } => {
                    "ran out of device memory; lower --memory or use --backend cpu".to_string()
                }
                wgpu::Error::Validation { description, .. } => format!("refused a command: {description}"),
                wgpu::Error::Internal { description, .. } => format!("failed: {description}"),
            };
            note(&heard, what);
        }));
        let heard = trouble.clone();
        device.set_device_lost_callback(move |reason, message| {
            note(&heard, format!("the device was lost ({reason:?}): {message}; try again or use --backend cpu"));
        });
        let stages = Stages::new(&device, subgroups);
        let gpu = Self { device, queue, stages, adapter: name, trouble, tally: Default::default(), limits, subgroups };
        gpu.check()?;
        Ok(gpu)
    }

    /// The adapter's name as its driver gives it.
    pub(super) fn adapter(&self) -> &str {
        &self.adapter
    }

    /// An error if the device reported one.
    pub(super) fn check(&self) -> Result<()> {
        match &*self.trouble.lock().unwrap_or_else(PoisonError::into_inner) {
            Some(problem) => Err(self.error(problem.clone())),
            None => Ok(()),
        }
    }

    fn error(&self, problem: String) -> Error {
        Error::Device { adapter: self.adapter.clone(), problem }
    }

    /// The error for a device without memory for a single tile.
    pub(super) fn exhausted(&self) -> Error {
        self.error("has no memory for a single tile of counts; use --backend cpu".into())
    }

    /// The error for a call that failed: the device's own report if there is one, since it names the cause.
    pub(super) fn failed(&self, cause: &dyn std::error::Error) -> Error {
        // A lost device is not reported by the call that met it, but by a poll after its queue has run empty.
        let timeout = Some(Duration::from_secs(1));
        let _ = self.poll(wgpu::PollType::Wait { submission_index: None, timeout });
        self.check().err().unwrap_or_else(|| self.error(cause.to_string()))
    }

    /// A new buffer, all zero.
    pub(super) fn buffer(&self, label: &str, size: u64, usage: wgpu::BufferUsages) -> Result<wgpu::Buffer> {
        let descriptor = wgpu::BufferDescriptor { label: Some(label), size, usage, mapped_at_creation: false };
        let buffer = self.device.create_buffer(&descriptor);
        self.check().map(|()| buffer)
    }

    /// A new zeroed buffer, or `None` when the device has no memory left for it.
    pub(super) fn try_buffer(&self, label: &str, size: u64, usage: wgpu::BufferUsages) -> Result<Option<wgpu::Buffer>> {
        let scope = self.device.push_error_scope(wgpu::ErrorFilter::OutOfMemory);
        let buffer = self.buffer(label, size, usage);
        let refused = pollster::block_on(scope.pop()).is_some();
        if refused { Ok(None) } else { buffer.map(Some) }
    }

    /// A new buffer that can be written at once.
    pub(super) fn mapped(&self, label: &str, size: u64, usage: wgpu::BufferUsages) -> Result<wgpu::Buffer> {
        let descriptor = wgpu::BufferDescriptor { label: Some(label), size, usage, mapped_at_creation: true };
        let buffer = self.device.create_buffer(&descriptor);
        self.check().map(|()| buffer)
    }

    /// A new buffer that holds `bytes`.
    pub(super) fn upload(&self, label: &str, bytes: &[u8], usage: wgpu::BufferUsages) -> Result<wgpu::Buffer> {
        // Bindings of no bytes are invalid.
        let buffer = self.mapped(label, (bytes.len() as u64).max(4), usage)?;
        if !bytes.is_empty() {
            buffer.get_mapped_range_mut(..bytes.len() as u64).map_err(|e| self.failed(&e))?.copy_from_slice(bytes);
        }
        buffer.unmap();
        Ok(buffer)
    }

    /// A new buffer that holds `parts` one after the other.
    pub(super) fn upload_parts(
        &self,
        label: &str,
        parts: &[&[u32]],
        usage: wgpu::BufferUsages,
    ) -> Result<wgpu::Buffer> {
        let bytes: usize = parts.iter().map(|part| size_of_val(*part)).sum();
        let buffer = self.mapped(label, bytes as u64, usage)?;
        let mut view = buffer.get_mapped_range_mut(..).map_err(|e| self.failed(&e))?;
        let mut from = 0;
        for part in parts {
            let bytes: &[u8] = bytemuck::cast_slice(part);
            view.slice(from..from + bytes.len()).copy_from_slice(bytes);
            from += bytes.len();
        }
        drop(view);
        buffer.unmap();
        Ok(buffer)
    }

    /// Writes into a buffer before the next submission.
    pub(super) fn write(&self, buffer: &wgpu::Buffer, offset: u64, bytes: &[u8]) {
        self.queue.write_buffer(buffer, offset, bytes);
    }

    /// A new list of commands.
    pub(super) fn encoder(&self) -> wgpu::CommandEncoder {
        self.device.create_command_encoder(&wgpu::CommandEncoderDescriptor::default())
    }

    /// Encodes one dispatch of `size` workgroups; `buffers` in the order of the kernel's bindings.
    pub(super) fn dispatch<P: Params>(
        &self,
        encoder: &mut wgpu::CommandEncoder,
        stage: Stage,
        params: &P,
        buffers: &[&wgpu::Buffer],
        size: (u32, u32),
        handled: Handled,
    ) -> Result<()> {
        let (kernel, pipeline, layout) = &self.stages.0[stage as usize];
        debug_assert_eq!((kernel.params.0, kernel.bindings.len()), (P::NAME, buffers.len()));
        let most = self.limits.max_compute_workgroups_per_dimension;
        if size.0 > most || size.1 > most {
            return Err(Error::Internal(format!("{}: {size:?} workgroups in one dispatch", kernel.name)));
        }
        let uniform = self.upload(P::NAME, bytemuck::bytes_of(params), wgpu::BufferUsages::UNIFORM)?;
        let entries: Vec<_> = std::iter::once(&uniform)
            .chain(buffers.iter().copied())
            .enumerate()
            .map(|(at, buffer)| wgpu::BindGroupEntry { binding: at as u32, resource: buffer.as_entire_binding() })
            .collect();
        let group = self.device.create_bind_group(&wgpu::BindGroupDescriptor {
            label: Some(kernel.name),
            layout,
            entries: &entries,
        });
        let mut pass = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor::default());
        pass.set_pipeline(pipeline);
        pass.set_bind_group(0, &group, &[]);
        pass.dispatch_workgroups(size.0, size.1, 1);
        drop(pass);
        let tally = &self.tally[stage as usize];
        tally.points.fetch_add(handled.points, Ordering::Relaxed);
        tally.tiles.fetch_add(handled.tiles, Ordering::Relaxed);
        tally.dispatches.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    /// Hands the commands to the device.
    pub(super) fn submit(&self, encoder: wgpu::CommandEncoder) -> Result<wgpu::SubmissionIndex> {
        let index = self.queue.submit([encoder.finish()]);
        self.check().map(|()| index)
    }

    /// Waits for a submission; mappings asked for after it are done then.
    pub(super) fn wait(&self, submission: &wgpu::SubmissionIndex) -> Result<()> {
        self.check()?;
        let wait = wgpu::PollType::Wait { submission_index: Some(submission.clone()), timeout: None };
        match self.poll(wait) {
            None => self.check(),
            Some(problem) => Err(self.failed(&problem)),
        }
    }

    /// Lets the device report; what went wrong, if something did.
    fn poll(&self, how: wgpu::PollType) -> Option<std::io::Error> {
        // wgpu panics when a device is lost while it waits; that is the user's trouble, not the program's end.
        match catch_unwind(AssertUnwindSafe(|| self.device.poll(how))) {
            Ok(Ok(_)) => None,
            Ok(Err(e)) => Some(std::io::Error::other(e)),
            Err(_) => Some(std::io::Error::other("the device was lost")),
        }
    }

    /// What each shader handled so far.
    pub(super) fn work(&self) -> Vec<ShaderWork> {
        STAGES
            .map(|stage| {
                let tally = &self.tally[stage as usize];
                ShaderWork {
                    shader: self.stages.0[stage as usize].0.name,
                    points: tally.points.load(Ordering::Relaxed),
                    tiles: tally.tiles.load(Ordering::Relaxed),
                    dispatches: tally.dispatches.load(Ordering::Relaxed),
                }
            })
            .to_vec()
    }

    /// Takes the device away, as a driver reset would.
    pub(super) fn destroyer(&self) -> impl Fn() + use<> {
        let device = self.device.clone();
        move || device.destroy()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::gpu::adapter;

    /// A call that the device refuses is an error that names the adapter.
    #[test]
    fn a_validation_error_comes_back() {
        let Some((adapter, description)) = adapter::enumerate().pop() else {
            assert!(std::env::var("TILEFIRE_REQUIRE_GPU").is_err(), "a_validation_error_comes_back: no adapter");
            eprintln!("skipped: a_validation_error_comes_back: no adapter");
            return;
        };
        let gpu = Gpu::open(&adapter, Some(false)).unwrap();
        let error = gpu.buffer("too large", gpu.limits.max_buffer_size + 4, wgpu::BufferUsages::STORAGE).unwrap_err();
        assert!(error.to_string().contains(&description.name), "{error}");
        assert!(error.to_string().contains("refused"), "{error}");
        assert!(gpu.check().is_err(), "the device goes on as if nothing had happened");
    }
}
