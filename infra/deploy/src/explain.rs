//! Errors of AWS in words that say what to do.

use std::error::Error;

use aws_sdk_cloudformation::error::{ProvideErrorMetadata, SdkError};
use dag_cloud::Fault;

/// Returns the error of a failed call to AWS, in a sentence that says what to do. `what` names the call.
pub(crate) fn explain<E, R>(what: &str, error: &SdkError<E, R>) -> anyhow::Error
where
    E: ProvideErrorMetadata + Error + 'static,
    R: std::fmt::Debug,
{
    let message = dag_cloud::aws::describe_error(error);
    let advice = match error {
        SdkError::ServiceError(response) => advice_for_code(response.err().code().unwrap_or_default(), &message),
        SdkError::TimeoutError(_) => Some(SLOW.to_owned()),
        SdkError::DispatchFailure(failure) if failure.is_timeout() => Some(SLOW.to_owned()),
        _ => advice_for_no_answer(&message),
    };
    anyhow::anyhow!("{what} failed: {}", advice.unwrap_or(message))
}

/// Returns an error with its causes as a sentence for people.
pub(crate) fn sentence(error: &anyhow::Error) -> String {
    let mut parts = Vec::new();
    for cause in error.chain() {
        match cause.downcast_ref::<Fault>() {
            // The text of a fault has its causes in it.
            Some(fault) => {
                parts.push(explain_fault(fault));
                break;
            }
            None => parts.push(cause.to_string()),
        }
    }
    parts.join(": ")
}

/// Returns a fault of the table as a sentence that says what to do. The fault itself has the service's `CODE: message`,
/// which is for the consumer's log.
pub(crate) fn explain_fault(fault: &Fault) -> String {
    let code = fault.error.split_once(": ").map_or(&*fault.error, |(code, _)| code);
    let advice = advice_for_code(code, &fault.error).or_else(|| advice_for_no_answer(&fault.error));
    format!("{} failed: {}", fault.what, advice.as_ref().unwrap_or(&fault.error))
}

const SLOW: &str = "AWS did not answer in time. Look at the network (a firewall, a VPN, a proxy), then repeat the \
                    command: what was done already is found as it is";

/// Returns advice for an error code of AWS, or `None` where its message says enough.
fn advice_for_code(code: &str, message: &str) -> Option<String> {
    Some(match code {
        "ExpiredToken"
        | "ExpiredTokenException"
        | "TokenRefreshRequired"
        | "RequestExpired"
        | "CredentialsExpiredException" => EXPIRED.to_owned(),
        "InvalidClientTokenId" | "UnrecognizedClientException" | "InvalidAccessKeyId" | "AuthFailure" => {
            "AWS does not know these credentials. `aws configure list` shows which ones are used and AWS_PROFILE \
             chooses others; if they are right, the account may not have the region of `[aws]` enabled (Account, then \
             AWS Regions, in the console)"
                .to_owned()
        }
        "SignatureDoesNotMatch" | "RequestTimeTooSkewed" | "IncompleteSignature" => {
            "AWS does not accept the signature: the secret key was copied wrongly, or this machine's clock is wrong"
                .to_owned()
        }
        "AccessDenied" | "AccessDeniedException" | "UnauthorizedOperation" | "AuthorizationError" | "Forbidden" => {
            denied(message)
        }
        "OptInRequired" | "SubscriptionRequiredException" => {
            "the account is not ready for this service: finish its sign-up in the console of AWS, then repeat the \
             command"
                .to_owned()
        }
        code if code.contains("Throttl") || THROTTLED.contains(&code) => {
            "AWS asks for fewer requests. Wait a minute and repeat the command: what was done already is found as it is"
                .to_owned()
        }
        _ => return None,
    })
}

const EXPIRED: &str = "the credentials have expired. Log in again (`aws sso login`, or take new ones), then repeat the \
                       command: what was done already is found as it is";

/// The codes of throttling that do not contain "Throttl".
const THROTTLED: [&str; 4] =
    ["TooManyRequestsException", "RequestLimitExceeded", "SlowDown", "ProvisionedThroughputExceededException"];

/// Returns advice for a missing permission. AWS names the action in its message: "User: … is not authorized to perform:
/// iot:CreateThing on resource: …".
fn denied(message: &str) -> String {
    let action = message.split_once("not authorized to perform: ").map(|(_, rest)| rest);
    match action.and_then(|rest| rest.split_whitespace().next()) {
        Some(action) => format!(
            "these credentials may not do `{action}`. Ask whoever looks after the account to allow it, or choose \
             others by AWS_PROFILE ({message})"
        ),
        None => format!(
            "these credentials may not do that. Ask whoever looks after the account to allow it, or choose others by \
             AWS_PROFILE ({message})"
        ),
    }
}

/// Returns advice for a call that got no answer.
fn advice_for_no_answer(message: &str) -> Option<String> {
    let has = |text: &str| message.contains(text);
    // An expired SSO login fails while the credentials are loaded, before the call.
    if has("expired") && (has("SSO") || has("sso") || has("token")) {
        return Some(EXPIRED.to_owned());
    }
    // The SDK asks the metadata service of EC2 (IMDS) last, when no other provider has credentials.
    let none = ["no providers in chain provided credentials", "credential provider was not enabled", "IMDS"];
    if none.into_iter().any(has) {
        return Some(
            "no credentials for AWS are found. Log in by `aws sso login` or `aws configure`, or set AWS_PROFILE, or \
             AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
                .to_owned(),
        );
    }
    if has("credentials") {
        return Some(format!(
            "the credentials for AWS cannot be loaded: look at AWS_PROFILE and ~/.aws/config ({message})"
        ));
    }
    if has("dns error") || has("failed to lookup address") {
        return Some(
            "the service's name is not found. Look whether this machine is online, and whether AWS_ENDPOINT_URL, if it \
             is set, is right"
                .to_owned(),
        );
    }
    if has("timeout") || has("timed out") {
        return Some(SLOW.to_owned());
    }
    let refused = has("Connection refused") || has("unreachable") || has("Connection reset");
    refused.then(|| {
        "nobody answers there. Look whether this machine is online, and whether AWS_ENDPOINT_URL, if it is set, is \
         right"
            .to_owned()
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use aws_config::{BehaviorVersion, Region, SdkConfig, retry::RetryConfig, timeout::TimeoutConfig};
    use aws_sdk_cloudformation::{
        config::Credentials, error::ErrorMetadata, operation::describe_stacks::DescribeStacksError,
    };

    use super::*;

    fn says(code: &str, message: &str) -> String {
        let error = DescribeStacksError::generic(ErrorMetadata::builder().code(code).message(message).build());
        explain("asking for the stack", &SdkError::service_error(error, ())).to_string()
    }

    /// Returns the error of a real call to an endpoint that does not answer.
    async fn call(endpoint: &str, timeout: Duration) -> String {
        let sdk: SdkConfig = dag_cloud::aws::sdk(Some("eu-west-1")).await;
        let mut config = aws_sdk_sts::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("eu-west-1"))
            .endpoint_url(endpoint)
            .retry_config(RetryConfig::disabled())
            .timeout_config(TimeoutConfig::builder().operation_timeout(timeout).build());
        config.set_http_client(sdk.http_client());
        config = config.credentials_provider(Credentials::new("test", "test", None, None, "test"));
        let error = aws_sdk_sts::Client::from_conf(config.build()).get_caller_identity().send().await.unwrap_err();
        explain("asking AWS whose account this is", &error).to_string()
    }

    #[test]
    fn errors_of_aws_say_what_to_do() {
        insta::assert_snapshot!(says("ExpiredToken", "The security token included in the request is expired"), @"asking for the stack failed: the credentials have expired. Log in again (`aws sso login`, or take new ones), then repeat the command: what was done already is found as it is");
        insta::assert_snapshot!(says("UnrecognizedClientException", "The security token is invalid"), @"asking for the stack failed: AWS does not know these credentials. `aws configure list` shows which ones are used and AWS_PROFILE chooses others; if they are right, the account may not have the region of `[aws]` enabled (Account, then AWS Regions, in the console)");
        insta::assert_snapshot!(says("SignatureDoesNotMatch", "Signature expired"), @"asking for the stack failed: AWS does not accept the signature: the secret key was copied wrongly, or this machine's clock is wrong");
        let denied = "User: arn:aws:iam::123456789012:user/nor is not authorized to perform: \
                      cloudformation:DescribeStacks on resource: * because no policy allows it";
        insta::assert_snapshot!(says("AccessDenied", denied), @"asking for the stack failed: these credentials may not do `cloudformation:DescribeStacks`. Ask whoever looks after the account to allow it, or choose others by AWS_PROFILE (AccessDenied: User: arn:aws:iam::123456789012:user/nor is not authorized to perform: cloudformation:DescribeStacks on resource: * because no policy allows it)");
        insta::assert_snapshot!(says("AccessDenied", "Access Denied"), @"asking for the stack failed: these credentials may not do that. Ask whoever looks after the account to allow it, or choose others by AWS_PROFILE (AccessDenied: Access Denied)");
        insta::assert_snapshot!(says("Throttling", "Rate exceeded"), @"asking for the stack failed: AWS asks for fewer requests. Wait a minute and repeat the command: what was done already is found as it is");
        insta::assert_snapshot!(says("OptInRequired", "You are not subscribed"), @"asking for the stack failed: the account is not ready for this service: finish its sign-up in the console of AWS, then repeat the command");
        insta::assert_snapshot!(says("ValidationError", "Template format error"), @"asking for the stack failed: ValidationError: Template format error");
    }

    #[test]
    fn faults_of_the_table_say_what_to_do() {
        let says = |error: &str| {
            let error = anyhow::Error::new(Fault { what: "reading the table", error: error.to_owned() });
            sentence(&error.context("taking `cottage` from its account"))
        };
        insta::assert_snapshot!(says("ExpiredTokenException: The security token included in the request is expired"), @"taking `cottage` from its account: reading the table failed: the credentials have expired. Log in again (`aws sso login`, or take new ones), then repeat the command: what was done already is found as it is");
        insta::assert_snapshot!(says("ProvisionedThroughputExceededException: The level of configured throughput is exceeded"), @"taking `cottage` from its account: reading the table failed: AWS asks for fewer requests. Wait a minute and repeat the command: what was done already is found as it is");
        insta::assert_snapshot!(says("AccessDeniedException: User: arn:aws:iam::1:user/nor is not authorized to perform: dynamodb:GetItem on resource: *"), @"taking `cottage` from its account: reading the table failed: these credentials may not do `dynamodb:GetItem`. Ask whoever looks after the account to allow it, or choose others by AWS_PROFILE (AccessDeniedException: User: arn:aws:iam::1:user/nor is not authorized to perform: dynamodb:GetItem on resource: *)");
        insta::assert_snapshot!(says("dispatch failure: other: the credential provider was not enabled: no providers in chain provided credentials"), @"taking `cottage` from its account: reading the table failed: no credentials for AWS are found. Log in by `aws sso login` or `aws configure`, or set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY");
        insta::assert_snapshot!(says("a row has no `version`"), @"taking `cottage` from its account: reading the table failed: a row has no `version`");
    }

    #[test]
    fn an_expired_login_is_found_before_the_call() {
        let message = "dispatch failure: other: an error occurred while loading credentials: the SSO token has expired";
        assert_eq!(advice_for_no_answer(message).as_deref(), Some(EXPIRED));
        let message = "dispatch failure: other: an error occurred while loading credentials: failed to load IMDS session \
                    token: service error: request forbidden: IMDS is disabled or the caller has insufficient \
                    permissions.";
        assert!(
            advice_for_no_answer(message).is_some_and(|advice| advice.starts_with("no credentials for AWS are found"))
        );
    }

    #[tokio::test]
    async fn calls_that_do_not_reach_aws_say_what_to_do() {
        let long = Duration::from_secs(30);
        insta::assert_snapshot!(call("http://127.0.0.1:1", long).await, @"asking AWS whose account this is failed: nobody answers there. Look whether this machine is online, and whether AWS_ENDPOINT_URL, if it is set, is right");
        insta::assert_snapshot!(call("http://nobody.invalid", long).await, @"asking AWS whose account this is failed: the service's name is not found. Look whether this machine is online, and whether AWS_ENDPOINT_URL, if it is set, is right");
        // It accepts connections and never answers.
        let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let endpoint = format!("http://{}", silent.local_addr().unwrap());
        insta::assert_snapshot!(call(&endpoint, Duration::from_millis(50)).await, @"asking AWS whose account this is failed: AWS did not answer in time. Look at the network (a firewall, a VPN, a proxy), then repeat the command: what was done already is found as it is");
    }
}
