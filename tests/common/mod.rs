//! What several integration tests share.

#[allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::panic,
    reason = "test code, though not within a test function; not every test binary uses all of it"
)]
pub mod gpu;
