//! Being written: what survives a restart.
