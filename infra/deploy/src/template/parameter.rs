//! The names of the template's parameters.

/// The bucket of the packages.
pub const CODE_BUCKET: &str = "CodeBucket";
/// The key of the consumer's package.
pub const CONSUMER_KEY: &str = "ConsumerKey";
/// The key of the package with `config.toml` and `rules/`.
pub const RULES_KEY: &str = "RulesKey";
