//! What a person or a test may choose about a device.

/// What the person chose.
#[derive(Debug, Clone, Default)]
pub struct GpuOptions {
    /// Part of the adapter's name, in any case; `None` takes the best real GPU.
    pub adapter: Option<String>,
    /// Limits below the adapter's own.
    pub limits: ForcedLimits,
    /// Whether each pass is timed on the device, where the adapter can; the times are in the report.
    pub timestamps: bool,
}

/// Limits forced on a session, by flags or by tests; `None` is what the adapter grants, or the default.
#[derive(Debug, Clone, Copy, Default)]
pub struct ForcedLimits {
    /// Bytes of device memory that the session plans with.
    pub device_memory: Option<u64>,
    /// Bytes of all buffers beyond which the device refuses one as if it were full.
    pub device_holds: Option<u64>,
    /// Bytes of uploads under way beyond which the device refuses one, as cards do whose memory the host sees through
    /// a small window.
    pub upload_window: Option<u64>,
    /// Dense tiles in one buffer.
    pub binding_tiles: Option<u32>,
    /// Points in a batch.
    pub batch_points: Option<usize>,
    /// Zoom of the bucket tiles.
    pub bucket_zoom: Option<u8>,
    /// Whether to use subgroup operations; by default where a real GPU has them.
    pub subgroups: Option<bool>,
    /// Points below which a tile is counted by the host.
    pub dense_min: Option<usize>,
    /// Points that come to a bucket before it is looked through for dense tiles.
    pub review_points: Option<usize>,
    /// Buffers of dense tiles after which the device has no memory for more.
    pub slot_buffers: Option<usize>,
}
