//! The bucket for packages and templates, whose keys are hashes of their contents.

use anyhow::{Result, bail};
use aws_config::SdkConfig;
use aws_sdk_s3::{
    Client,
    error::{ProvideErrorMetadata as _, SdkError},
    primitives::ByteStream,
    types::{
        AbortIncompleteMultipartUpload, BucketLifecycleConfiguration, BucketLocationConstraint, BucketVersioningStatus,
        CreateBucketConfiguration, ExpirationStatus, LifecycleRule, LifecycleRuleFilter, NoncurrentVersionExpiration,
        ObjectOwnership, OwnershipControls, OwnershipControlsRule, PublicAccessBlockConfiguration,
        ServerSideEncryption, ServerSideEncryptionByDefault, ServerSideEncryptionConfiguration,
        ServerSideEncryptionRule, VersioningConfiguration,
    },
};
use serde_json::json;

use crate::{explain::explain, package::Package};

/// The days until an overwritten version is deleted, and an upload that was not finished.
const OLD_DAYS: i32 = 30;
const HALF_DAYS: i32 = 7;

/// The region of S3 that has no location constraint ("CreateBucket").
const NO_PLACE: &str = "us-east-1";

/// The bucket of a stack.
#[derive(Clone, Debug)]
pub(crate) struct Bucket {
    client: Client,
    pub name: String,
    account: String,
    region: String,
}

/// Returns the name of the bucket of a stack in an account and a region.
pub(crate) fn name(stack: &str, account: &str, region: &str) -> String {
    format!("{stack}-code-{account}-{region}").to_lowercase()
}

impl Bucket {
    /// Returns the bucket of a stack, which need not exist yet.
    pub fn new(sdk: &SdkConfig, stack: &str, account: &str, region: &str) -> Bucket {
        Bucket {
            client: Client::new(sdk),
            name: name(stack, account, region),
            account: account.to_owned(),
            region: region.to_owned(),
        }
    }

    /// Makes the bucket if it is missing. Returns whether it was.
    pub async fn ensure(&self) -> Result<bool> {
        let head = self.client.head_bucket().bucket(&self.name).expected_bucket_owner(&self.account).send().await;
        let missing = match head {
            Ok(_) => false,
            Err(error) => match status(&error) {
                Some(404) => true,
                Some(403) => bail!(self.foreign()),
                _ => return Err(explain("asking for the bucket of packages", &error)),
            },
        };
        if missing {
            self.make().await?;
        }
        // The policy is set last. Without it an earlier run was interrupted.
        let policy =
            self.client.get_bucket_policy().bucket(&self.name).expected_bucket_owner(&self.account).send().await;
        match policy {
            Ok(_) => {}
            Err(error) if error.code() == Some("NoSuchBucketPolicy") => self.secure().await?,
            Err(error) => return Err(explain("asking for the policy of the bucket of packages", &error)),
        }
        Ok(missing)
    }

    /// Uploads a package that is missing. Returns whether it was.
    pub async fn put(&self, package: &Package) -> Result<bool> {
        let head = self.client.head_object().bucket(&self.name).key(&package.key);
        match head.expected_bucket_owner(&self.account).send().await {
            Ok(_) => return Ok(false),
            Err(error) if status(&error) == Some(404) => {}
            Err(error) if status(&error) == Some(403) => bail!(self.foreign()),
            Err(error) => return Err(explain("asking for a package", &error)),
        }
        let put = self.client.put_object().bucket(&self.name).key(&package.key);
        let put = put.expected_bucket_owner(&self.account).body(ByteStream::from(package.bytes.clone()));
        put.send().await.map_err(|error| explain("uploading a package", &error))?;
        Ok(true)
    }

    /// Returns the URL of an object, for CloudFormation.
    pub fn url(&self, key: &str) -> String {
        format!("https://{}.s3.{}.amazonaws.com/{key}", self.name, self.region)
    }

    fn foreign(&self) -> String {
        format!(
            "the bucket `{}` is not to be used: it belongs to another account, or these credentials may not see it. \
             Choose another name for the stack (`stack` in `[aws]`), or other credentials by AWS_PROFILE",
            self.name
        )
    }

    async fn make(&self) -> Result<()> {
        let place = (self.region != NO_PLACE).then(|| {
            let place = BucketLocationConstraint::from(self.region.as_str());
            CreateBucketConfiguration::builder().location_constraint(place).build()
        });
        let create = self.client.create_bucket().bucket(&self.name);
        let create =
            create.object_ownership(ObjectOwnership::BucketOwnerEnforced).set_create_bucket_configuration(place);
        match create.send().await {
            Ok(_) => Ok(()),
            Err(error) if error.code() == Some("BucketAlreadyOwnedByYou") => Ok(()),
            Err(error) if error.code() == Some("BucketAlreadyExists") => bail!(self.foreign()),
            Err(error) => Err(explain("making the bucket of packages", &error)),
        }
    }

    /// Restricts the bucket to the account and to TLS, and keeps overwritten versions for [`OLD_DAYS`].
    async fn secure(&self) -> Result<()> {
        let (client, bucket, owner) = (&self.client, self.name.as_str(), self.account.as_str());
        let setting = "setting up the bucket of packages";

        let all = PublicAccessBlockConfiguration::builder().block_public_acls(true).ignore_public_acls(true);
        let all = all.block_public_policy(true).restrict_public_buckets(true).build();
        let request = client.put_public_access_block().bucket(bucket).expected_bucket_owner(owner);
        let done = request.public_access_block_configuration(all).send().await;
        done.map_err(|error| explain(setting, &error))?;

        let rule = OwnershipControlsRule::builder().object_ownership(ObjectOwnership::BucketOwnerEnforced).build()?;
        let request = client.put_bucket_ownership_controls().bucket(bucket).expected_bucket_owner(owner);
        let done = request.ownership_controls(OwnershipControls::builder().rules(rule).build()?).send().await;
        done.map_err(|error| explain(setting, &error))?;

        let rule = ServerSideEncryptionByDefault::builder().sse_algorithm(ServerSideEncryption::Aes256).build()?;
        let rule = ServerSideEncryptionRule::builder().apply_server_side_encryption_by_default(rule).build();
        let request = client.put_bucket_encryption().bucket(bucket).expected_bucket_owner(owner);
        let rules = ServerSideEncryptionConfiguration::builder().rules(rule).build()?;
        let done = request.server_side_encryption_configuration(rules).send().await;
        done.map_err(|error| explain(setting, &error))?;

        let versions = VersioningConfiguration::builder().status(BucketVersioningStatus::Enabled).build();
        let request = client.put_bucket_versioning().bucket(bucket).expected_bucket_owner(owner);
        let done = request.versioning_configuration(versions).send().await;
        done.map_err(|error| explain(setting, &error))?;

        let old = NoncurrentVersionExpiration::builder().noncurrent_days(OLD_DAYS).build();
        let half = AbortIncompleteMultipartUpload::builder().days_after_initiation(HALF_DAYS).build();
        let rule = LifecycleRule::builder().id("old-versions").status(ExpirationStatus::Enabled);
        let rule = rule.filter(LifecycleRuleFilter::builder().prefix("").build());
        let rule = rule.noncurrent_version_expiration(old).abort_incomplete_multipart_upload(half).build()?;
        let request = client.put_bucket_lifecycle_configuration().bucket(bucket).expected_bucket_owner(owner);
        let rules = BucketLifecycleConfiguration::builder().rules(rule).build()?;
        let done = request.lifecycle_configuration(rules).send().await;
        done.map_err(|error| explain(setting, &error))?;

        let arn = format!("arn:aws:s3:::{bucket}");
        let policy = json!({
            "Version": "2012-10-17",
            "Statement": [{
                "Sid": "TlsOnly",
                "Effect": "Deny",
                "Principal": "*",
                "Action": "s3:*",
                "Resource": [arn, format!("{arn}/*")],
                "Condition": { "Bool": { "aws:SecureTransport": "false" } },
            }],
        });
        let request = client.put_bucket_policy().bucket(bucket).expected_bucket_owner(owner);
        let done = request.policy(policy.to_string()).send().await;
        done.map_err(|error| explain(setting, &error))?;
        Ok(())
    }
}

/// Returns the HTTP status. Answers to HEAD have no body with an error code.
fn status<E>(error: &SdkError<E, aws_sdk_s3::config::http::HttpResponse>) -> Option<u16> {
    error.raw_response().map(|response| response.status().as_u16())
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_buckets_name_is_in_lower_case_and_never_too_long() {
        assert_eq!(super::name("Trial", "123456789012", "eu-west-1"), "trial-code-123456789012-eu-west-1");
        // The longest of each: `[aws]` accepts 28 characters for a stack, and S3 63 for a bucket.
        assert!(super::name(&"s".repeat(28), "123456789012", "ap-northeast-1").len() <= 63);
    }
}
