//! From coordinates to world points: the last place where a position is a float.
