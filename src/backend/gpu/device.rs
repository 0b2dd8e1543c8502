//! The device: opens an adapter, makes pipelines when they are first used, makes buffers, dispatches, submits and
//! waits, and turns everything a driver may report (lost, out of memory, invalid) into an error that names the
//! adapter. A buffer there is no memory for is an answer, not the device's end. Knows nothing of tiles, nor which
//! shaders there are: whoever opens it hands over their table.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use super::buffer::{Account, Buffer};
use super::options::ForcedLimits;
use super::shader::{Access, Params, Pass, Shader, Table};
use super::tally::{Handled, Move, Tally};
use super::timing::{Clock, Commands, Times};
use crate::backend::{ShaderWork, Transfers};
use crate::error::{Error, Result};
use crate::monitor::Monitor;

/// How long the device is waited for before it is asked whether the person wants to stop.
const PATIENCE: Duration = Duration::from_millis(100);

/// A compiled shader and the layout of what it binds.
type Pipeline = (wgpu::ComputePipeline, wgpu::BindGroupLayout);

/// Commands that can be submitted, with the times that come with them.
type Ready = (wgpu::CommandBuffer, Times);

/// An open device.
#[derive(Debug)]
pub(super) struct Gpu {
    device: wgpu::Device,
    queue: wgpu::Queue,
    table: Table,
    pipelines: [OnceLock<Pipeline>; Pass::ALL.len()],
    adapter: String,
    trouble: Arc<Mutex<Option<String>>>,
    monitor: Arc<Monitor>,
    clock: Option<Arc<Clock>>,
    pub(super) tally: Arc<Tally>,
    pub(super) account: Arc<Account>,
    /// What the device grants.
    pub(super) limits: wgpu::Limits,
    /// Whether shaders use subgroup operations.
    pub(super) subgroups: bool,
    /// Lanes of a subgroup, the fewest there may be.
    pub(super) lanes: usize,
}

/// How a wait ended.
enum Polled {
    Done,
    NotYet,
    Failed(std::io::Error),
}

impl Gpu {
    /// Opens `adapter` with all the buffer sizes it grants. Subgroup operations are used where there are any, if
    /// `forced` does not say otherwise, but not on software adapters: there one costs more than the atomics it saves
    /// (binning 5 M clustered points took lavapipe 1.5 s with them and 0.8 s without). `table` gives the shaders, with
    /// or without them. Passes are timed if `timestamps` and the adapter has a clock.
    pub(super) fn open(
        adapter: &wgpu::Adapter,
        forced: &ForcedLimits,
        timestamps: bool,
        table: fn(bool) -> Table,
        monitor: &Arc<Monitor>,
    ) -> Result<Self> {
        let name = adapter.get_info().name;
        let error = |problem: String| Error::Device { adapter: name.clone(), problem };
        let offered = adapter.features();
        if forced.subgroups == Some(true) && !offered.contains(wgpu::Features::SUBGROUP) {
            return Err(error("has no subgroup operations".into()));
        }
        let software = adapter.get_info().device_type == wgpu::DeviceType::Cpu;
        let subgroups = forced.subgroups.unwrap_or(offered.contains(wgpu::Features::SUBGROUP) && !software);
        let timed = timestamps && offered.contains(wgpu::Features::TIMESTAMP_QUERY);
        let mut features = wgpu::Features::empty();
        features.set(wgpu::Features::SUBGROUP, subgroups);
        features.set(wgpu::Features::TIMESTAMP_QUERY, timed);
        let granted = adapter.limits();
        // The portable contract, and more only in what buys speed: larger buffers.
        let limits = wgpu::Limits {
            max_storage_buffer_binding_size: granted.max_storage_buffer_binding_size,
            max_buffer_size: granted.max_buffer_size,
            ..wgpu::Limits::default().or_worse_values_from(&granted)
        };
        let (device, queue) = pollster::block_on(adapter.request_device(&wgpu::DeviceDescriptor {
            label: Some("tilefire"),
            required_features: features,
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
        let gpu = Self {
            clock: timed.then(|| Arc::new(Clock::new(queue.get_timestamp_period()))),
            device,
            queue,
            table: table(subgroups),
            pipelines: Default::default(),
            adapter: name,
            trouble,
            monitor: monitor.clone(),
            tally: Arc::default(),
            account: Account::new(forced.device_holds, forced.upload_window),
            limits,
            subgroups,
            lanes: adapter.get_info().subgroup_min_size as usize,
        };
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

    /// The error for a device without memory for `bytes` more.
    pub(super) fn full(&self, bytes: u64) -> Error {
        Error::DeviceFull { adapter: self.adapter.clone(), bytes }
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

    /// Ok where there is memory for `bytes` more now.
    pub(super) fn room(&self, label: &str, bytes: u64) -> Result<()> {
        self.buffer(label, bytes, wgpu::BufferUsages::STORAGE).map(|_| ())
    }

    /// A new buffer, all zero, or with `mapped` ready to be written; `None` when the device has no memory for it.
    pub(super) fn create(
        &self,
        label: &str,
        size: u64,
        usage: wgpu::BufferUsages,
        mapped: bool,
    ) -> Result<Option<Buffer>> {
        // What the host writes at creation goes through memory of its own, of the same size.
        let fits = !mapped || self.account.stage(size);
        let Some(charge) = self.account.take(size).filter(|_| fits) else {
            self.account.note_refusal();
            return Ok(None);
        };
        let descriptor = wgpu::BufferDescriptor { label: Some(label), size, usage, mapped_at_creation: mapped };
        let scope = self.device.push_error_scope(wgpu::ErrorFilter::OutOfMemory);
        let raw = self.device.create_buffer(&descriptor);
        if pollster::block_on(scope.pop()).is_some() {
            self.account.note_refusal();
            return self.check().map(|()| None);
        }
        self.tally.note(Move::Buffers, 1);
        self.check().map(|()| Some(Buffer::new(raw, charge)))
    }

    /// Writes into a buffer before the next submission.
    pub(super) fn write(&self, buffer: &Buffer, offset: u64, bytes: &[u8]) {
        self.queue.write_buffer(buffer, offset, bytes);
        self.tally.note(Move::Up, bytes.len() as u64);
        self.tally.note(Move::Host, bytes.len() as u64);
    }

    /// A new list of commands.
    pub(super) fn encoder(&self) -> Commands {
        Commands::new(&self.device)
    }

    /// Copies the first `bytes` of a buffer to another; `what` says over which way.
    pub(super) fn copy(&self, commands: &mut Commands, from: &Buffer, to: &Buffer, bytes: u64, what: Move) {
        commands.copy_buffer_to_buffer(from, 0, to, 0, bytes);
        self.tally.note(what, bytes);
    }

    /// Sets the first `bytes` of a buffer to zero.
    pub(super) fn clear(&self, commands: &mut Commands, buffer: &Buffer, bytes: u64) {
        commands.clear_buffer(buffer, 0, Some(bytes));
        self.tally.note(Move::Copied, bytes);
    }

    fn pipeline(&self, pass: Pass) -> &Pipeline {
        self.pipelines[pass as usize].get_or_init(|| pipeline(&self.device, &self.table[pass as usize]))
    }

    /// Encodes one dispatch of `size` workgroups; `buffers` in the order of the shader's bindings.
    pub(super) fn dispatch<P: Params>(
        &self,
        commands: &mut Commands,
        pass: Pass,
        params: &P,
        buffers: &[&Buffer],
        size: (u32, u32),
        handled: Handled,
    ) -> Result<()> {
        let shader = &self.table[pass as usize];
        debug_assert_eq!((shader.params.0, shader.bindings.len()), (P::NAME, buffers.len()));
        let most = self.limits.max_compute_workgroups_per_dimension;
        if size.0 > most || size.1 > most {
            return Err(Error::Internal(format!("{}: {size:?} workgroups in one dispatch", shader.name)));
        }
        let (pipeline, layout) = self.pipeline(pass);
        let uniform = self.upload(P::NAME, bytemuck::bytes_of(params), wgpu::BufferUsages::UNIFORM)?;
        let entries: Vec<_> = std::iter::once(&uniform)
            .chain(buffers.iter().copied())
            .enumerate()
            .map(|(at, buffer)| wgpu::BindGroupEntry { binding: at as u32, resource: buffer.as_entire_binding() })
            .collect();
        let group = self.device.create_bind_group(&wgpu::BindGroupDescriptor {
            label: Some(shader.name),
            layout,
            entries: &entries,
        });
        let mut encoded = commands.begin(&self.device, self.clock.as_deref(), pass);
        encoded.set_pipeline(pipeline);
        encoded.set_bind_group(0, &group, &[]);
        encoded.dispatch_workgroups(size.0, size.1, 1);
        drop(encoded);
        self.tally.dispatched(pass, handled);
        Ok(())
    }

    /// Hands the commands to the device.
    pub(super) fn submit(&self, commands: Commands) -> Result<wgpu::SubmissionIndex> {
        self.send(self.ready(commands))
    }

    /// Commands with nothing left to do for the host.
    #[expect(clippy::unused_self, reason = "asked of the device, as everything about commands is")]
    pub(super) fn ready(&self, commands: Commands) -> Ready {
        commands.finish()
    }

    /// Hands ready commands to the device.
    pub(super) fn send(&self, (commands, times): Ready) -> Result<wgpu::SubmissionIndex> {
        let index = self.queue.submit([commands]);
        self.tally.note(Move::Submits, 1);
        if let Some(clock) = &self.clock {
            times.ask(clock, &self.tally);
        }
        self.check().map(|()| index)
    }

    /// Waits for a submission; mappings asked for after it are done then.
    pub(super) fn wait(&self, submission: &wgpu::SubmissionIndex) -> Result<()> {
        self.wait_for(Some(submission))
    }

    /// Waits for all that was submitted, so that what was needed for it is free again.
    pub(super) fn drain(&self) -> Result<()> {
        self.wait_for(None)?;
        self.account.arrived();
        Ok(())
    }

    fn wait_for(&self, submission: Option<&wgpu::SubmissionIndex>) -> Result<()> {
        loop {
            self.check()?;
            let wait = wgpu::PollType::Wait { submission_index: submission.cloned(), timeout: Some(PATIENCE) };
            match self.poll(wait) {
                Polled::Done => return self.check(),
                Polled::NotYet => self.monitor.check()?,
                Polled::Failed(problem) => return Err(self.failed(&problem)),
            }
        }
    }

    /// Lets the device report; what went wrong, if something did.
    fn poll(&self, how: wgpu::PollType) -> Polled {
        // wgpu panics when a device is lost while it waits; that is the user's trouble, not the program's end.
        match catch_unwind(AssertUnwindSafe(|| self.device.poll(how))) {
            Ok(Ok(_)) => Polled::Done,
            Ok(Err(wgpu::PollError::Timeout)) => Polled::NotYet,
            Ok(Err(e)) => Polled::Failed(std::io::Error::other(e)),
            Err(_) => Polled::Failed(std::io::Error::other("the device was lost")),
        }
    }

    /// What each shader handled so far, and what each step moved.
    pub(super) fn work(&self) -> (Vec<ShaderWork>, Vec<Transfers>) {
        if self.clock.is_some() {
            // The last times may still be under way; a device that is lost has told so already.
            let _ = self.drain();
        }
        (self.tally.work(&self.table, self.clock.is_some()), self.tally.transfers())
    }

    /// Whether passes are timed.
    pub(super) fn has_clock(&self) -> bool {
        self.clock.is_some()
    }

    /// Nanoseconds that bin took on the device so far, where it has a clock.
    pub(super) fn bin_nanoseconds(&self) -> Option<u64> {
        self.clock.is_some().then(|| self.tally.nanoseconds(Pass::Bin))
    }

    /// Shaders that were compiled so far.
    pub(super) fn compiled(&self) -> u64 {
        self.pipelines.iter().filter(|pipeline| pipeline.get().is_some()).count() as u64
    }

    /// Takes the device away, as a driver reset would.
    pub(super) fn destroyer(&self) -> impl Fn() + use<> {
        let device = self.device.clone();
        move || device.destroy()
    }
}

impl Gpu {
    /// A new buffer, all zero.
    pub(super) fn buffer(&self, label: &str, size: u64, usage: wgpu::BufferUsages) -> Result<Buffer> {
        self.insist(label, size, usage, false)
    }

    /// A new zeroed buffer, or `None` when the device has no memory left for it.
    pub(super) fn try_buffer(&self, label: &str, size: u64, usage: wgpu::BufferUsages) -> Result<Option<Buffer>> {
        self.create(label, size, usage, false)
    }

    /// A new buffer that can be written at once.
    pub(super) fn mapped(&self, label: &str, size: u64, usage: wgpu::BufferUsages) -> Result<Buffer> {
        self.insist(label, size, usage, true)
    }

    /// A new buffer; where there is no memory for it, once more when all that is under way has arrived.
    fn insist(&self, label: &str, size: u64, usage: wgpu::BufferUsages, mapped: bool) -> Result<Buffer> {
        if let Some(buffer) = self.create(label, size, usage, mapped)? {
            return Ok(buffer);
        }
        self.drain()?;
        self.create(label, size, usage, mapped)?.ok_or_else(|| self.full(size))
    }

    /// A new buffer that holds `bytes`.
    pub(super) fn upload(&self, label: &str, bytes: &[u8], usage: wgpu::BufferUsages) -> Result<Buffer> {
        // Bindings of no bytes are invalid.
        let buffer = self.mapped(label, (bytes.len() as u64).max(4), usage)?;
        if !bytes.is_empty() {
            buffer.get_mapped_range_mut(..bytes.len() as u64).map_err(|e| self.failed(&e))?.copy_from_slice(bytes);
        }
        buffer.unmap();
        self.tally.note(Move::Up, bytes.len() as u64);
        self.tally.note(Move::Host, bytes.len() as u64);
        Ok(buffer)
    }

    /// A new buffer that holds `parts` one after the other.
    pub(super) fn upload_parts(&self, label: &str, parts: &[&[u32]], usage: wgpu::BufferUsages) -> Result<Buffer> {
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
        self.tally.note(Move::Up, bytes as u64);
        self.tally.note(Move::Host, bytes as u64);
        Ok(buffer)
    }
}

fn pipeline(device: &wgpu::Device, shader: &Shader) -> Pipeline {
    let name = Some(shader.name);
    let entry = |binding: usize, ty| wgpu::BindGroupLayoutEntry {
        binding: binding as u32,
        visibility: wgpu::ShaderStages::COMPUTE,
        ty: wgpu::BindingType::Buffer { ty, has_dynamic_offset: false, min_binding_size: None },
        count: None,
    };
    let mut entries = vec![entry(0, wgpu::BufferBindingType::Uniform)];
    entries.extend(shader.bindings.iter().enumerate().map(|(at, (_, access, _))| {
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
        source: wgpu::ShaderSource::Wgsl(shader.source().into()),
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

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::backend::gpu::adapter;
    use crate::backend::gpu::description::AdapterDescription;
    use crate::backend::gpu::passes;

    /// The device of the adapter under test, or `None` with a line that says that `test` was skipped.
    pub(in crate::backend::gpu) fn device(
        test: &str,
        forced: ForcedLimits,
        table: fn(bool) -> Table,
    ) -> Option<(Gpu, AdapterDescription)> {
        let wanted = std::env::var("TILEFIRE_TEST_ADAPTER").unwrap_or_else(|_| "llvmpipe".into()).to_lowercase();
        let found = adapter::enumerate().into_iter().find(|(_, d)| d.name.to_lowercase().contains(&wanted));
        let Some((adapter, description)) = found else {
            assert!(std::env::var("TILEFIRE_REQUIRE_GPU").is_err(), "{test}: no adapter '{wanted}'");
            eprintln!("skipped: {test}: no adapter");
            return None;
        };
        let gpu = Gpu::open(&adapter, &forced, true, table, &Arc::default()).unwrap();
        Some((gpu, description))
    }

    /// A call that the device refuses is an error that names the adapter.
    #[test]
    fn a_validation_error_comes_back() {
        let Some((gpu, description)) = device("a_validation_error_comes_back", ForcedLimits::default(), passes::table)
        else {
            return;
        };
        let error = gpu.buffer("too large", gpu.limits.max_buffer_size + 4, wgpu::BufferUsages::STORAGE).unwrap_err();
        assert!(error.to_string().contains(&description.name), "{error}");
        assert!(error.to_string().contains("refused"), "{error}");
        assert!(gpu.check().is_err(), "the device goes on as if nothing had happened");
    }

    /// No memory is an answer: the device goes on, and what is given back can be had again.
    #[test]
    fn a_full_device_goes_on() {
        let forced = ForcedLimits { device_holds: Some(1 << 20), upload_window: Some(512 << 10), ..Default::default() };
        let Some((gpu, _)) = device("a_full_device_goes_on", forced, passes::table) else { return };
        let usage = wgpu::BufferUsages::STORAGE;
        let first = gpu.buffer("first", 900 << 10, usage).unwrap();
        assert!(gpu.try_buffer("second", 900 << 10, usage).unwrap().is_none());
        let error = gpu.upload("third", &vec![0; 200 << 10], usage).unwrap_err();
        assert!(matches!(error, Error::DeviceFull { bytes, .. } if bytes == 200 << 10), "{error}");
        drop(first);
        // More uploads than the window holds, one after the other.
        for _ in 0..8 {
            gpu.upload("fourth", &vec![0; 300 << 10], usage).unwrap();
        }
        assert!(gpu.upload("fifth", &vec![0; 600 << 10], usage).is_err(), "no window has room for it");
        gpu.check().unwrap();
        assert!(gpu.account.refused() > 8, "{:?}", gpu.account);
    }
}
