//! Serde: fields that are left out.

/// Returns whether a field has its type's default value, for `#[serde(default, skip_serializing_if = "...")]`: what is
/// left out when it is written is the default when it is read.
pub fn is_default<T: Default + PartialEq>(field: &T) -> bool {
    *field == T::default()
}
