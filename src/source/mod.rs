//! From files to coordinates.
