//! Being written: where readings come from.
