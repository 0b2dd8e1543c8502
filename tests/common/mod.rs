//! What several integration tests share.

#[allow(unreachable_pub, reason = "each test binary is a crate of its own")]
pub mod gpu;
