//! From palette indices to tiles on disk.
