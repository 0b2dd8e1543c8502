//! The GPU session.
