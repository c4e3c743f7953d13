//! What AWS says, as what to do.

use std::error::Error;

use aws_sdk_cloudformation::error::{ProvideErrorMetadata, SdkError};

/// A call of AWS that failed, in a sentence that says what to do.
pub(crate) fn explain<E, R>(what: &str, error: &SdkError<E, R>) -> anyhow::Error
where
    E: ProvideErrorMetadata + Error + 'static,
    R: std::fmt::Debug,
{
    anyhow::anyhow!("{what} failed: {}", dag_cloud::aws::told(error))
}
