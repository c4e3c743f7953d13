//! Errors of AWS in words that say what to do.

use std::{error::Error, fmt};

use aws_sdk_cloudformation::error::{ProvideErrorMetadata, SdkError};
use dag_cloud::Fault;

use crate::login::{Login, NotLoggedIn};

/// A failed call to AWS.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what} failed: {}", .reason.text(None))]
struct FailedCall {
    /// The call: "asking for the stack".
    what: String,
    reason: Reason,
}

/// Why a call failed.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Reason {
    /// The credentials have expired.
    Expired,
    /// AWS does not know the credentials.
    Unknown,
    /// The credentials do not allow the call. Has AWS's message.
    Denied(String),
    /// Anything else, as a text.
    Other(String),
}

/// Returns the error of a failed call to AWS, in a sentence that says what to do. `what` names the call.
pub(crate) fn explain<E, R>(what: &str, error: &SdkError<E, R>) -> anyhow::Error
where
    E: ProvideErrorMetadata + Error + 'static,
    R: fmt::Debug,
{
    let message = dag_cloud::aws::describe_error(error);
    let reason = match error {
        SdkError::ServiceError(response) => {
            Reason::of_code(response.err().code().unwrap_or_default(), &message).unwrap_or(Reason::Other(message))
        }
        SdkError::TimeoutError(_) => Reason::Other(SLOW.to_owned()),
        SdkError::DispatchFailure(failure) if failure.is_timeout() => Reason::Other(SLOW.to_owned()),
        _ => Reason::Other(advice_for_no_answer(&message).unwrap_or(message)),
    };
    anyhow::Error::new(FailedCall { what: what.to_owned(), reason })
}

/// Returns an error with its causes as a sentence for people. `login` is where the credentials came from.
pub(crate) fn sentence(error: &anyhow::Error, login: Option<&Login>) -> String {
    let mut parts = Vec::new();
    for cause in error.chain() {
        // The texts of these have their causes in them.
        if let Some(fault) = cause.downcast_ref::<Fault>() {
            parts.push(explain_fault(fault, login));
            break;
        }
        if let Some(FailedCall { what, reason }) = cause.downcast_ref() {
            parts.push(format!("{what} failed: {}", reason.text(login)));
            break;
        }
        parts.push(cause.to_string());
    }
    parts.join(": ")
}

/// Returns a fault of the table as a sentence that says what to do. The fault itself has the service's `CODE: message`,
/// which is for the consumer's log.
pub(crate) fn explain_fault(fault: &Fault, login: Option<&Login>) -> String {
    let code = fault.error.split_once(": ").map_or(&*fault.error, |(code, _)| code);
    let advice = Reason::of_code(code, &fault.error).map(|reason| reason.text(login));
    let advice = advice.or_else(|| advice_for_no_answer(&fault.error));
    format!("{} failed: {}", fault.what, advice.as_ref().unwrap_or(&fault.error))
}

const SLOW: &str = "AWS did not answer in time. Look at the network (a firewall, a VPN, a proxy), then repeat the \
                    command: what was done already is found as it is";

/// The codes of throttling that do not contain "Throttl".
const THROTTLED: [&str; 4] =
    ["TooManyRequestsException", "RequestLimitExceeded", "SlowDown", "ProvisionedThroughputExceededException"];

impl Reason {
    /// Returns the reason for an error code of AWS, or `None` where its message says enough.
    fn of_code(code: &str, message: &str) -> Option<Reason> {
        Some(match code {
            "ExpiredToken"
            | "ExpiredTokenException"
            | "TokenRefreshRequired"
            | "RequestExpired"
            | "CredentialsExpiredException" => Reason::Expired,
            "InvalidClientTokenId" | "UnrecognizedClientException" | "InvalidAccessKeyId" | "AuthFailure" => {
                Reason::Unknown
            }
            "SignatureDoesNotMatch" | "RequestTimeTooSkewed" | "IncompleteSignature" => Reason::Other(
                "AWS does not accept the signature: the secret key was copied wrongly, or this machine's clock is \
                 wrong"
                    .to_owned(),
            ),
            "AccessDenied" | "AccessDeniedException" | "UnauthorizedOperation" | "AuthorizationError" | "Forbidden" => {
                Reason::Denied(message.to_owned())
            }
            "OptInRequired" | "SubscriptionRequiredException" => Reason::Other(
                "the account is not ready for this service: finish its sign-up in the console of AWS, then repeat \
                 the command"
                    .to_owned(),
            ),
            code if code.contains("Throttl") || THROTTLED.contains(&code) => Reason::Other(
                "AWS asks for fewer requests. Wait a minute and repeat the command: what was done already is found \
                 as it is"
                    .to_owned(),
            ),
            _ => return None,
        })
    }

    /// Returns the reason as a text that says what to do. It names the log-in, if that is known.
    fn text(&self, login: Option<&Login>) -> String {
        let whose = || login.map_or_else(|| "these credentials".to_owned(), Login::to_string);
        match self {
            Reason::Expired => {
                let renewal = login.map_or_else(
                    || "Log in again (`aws login`, `aws sso login`, or take new keys)".to_owned(),
                    Login::renewal,
                );
                format!(
                    "{} have expired. {renewal}, then repeat the command: what was done already is found as it is",
                    whose()
                )
            }
            Reason::Unknown => format!(
                "AWS does not know {}. `aws configure list` shows which ones are used and AWS_PROFILE chooses others; \
                 if they are right, the account may not have the region of `[aws]` enabled (Account, then AWS \
                 Regions, in the console)",
                whose()
            ),
            Reason::Denied(message) => {
                // AWS names the action: "User: … is not authorized to perform: iot:CreateThing on resource: …".
                let action = message.split_once("not authorized to perform: ");
                let action = action.and_then(|(_, rest)| rest.split_whitespace().next());
                let action = action.map_or_else(|| "that".to_owned(), |action| format!("`{action}`"));
                format!(
                    "{} may not do {action}. Ask whoever looks after the account to allow it, or choose others by \
                     AWS_PROFILE ({message})",
                    whose()
                )
            }
            Reason::Other(text) => text.clone(),
        }
    }
}

/// Returns advice for a call that got no answer.
fn advice_for_no_answer(message: &str) -> Option<String> {
    let has = |text: &str| message.contains(text);
    // The credentials are loaded before a call. Their error says what to do.
    if let Some(start) = message.find(NotLoggedIn::PREFIX) {
        return message.get(start..).map(str::to_owned);
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
        insta::assert_snapshot!(says("ExpiredToken", "The security token included in the request is expired"), @"asking for the stack failed: these credentials have expired. Log in again (`aws login`, `aws sso login`, or take new keys), then repeat the command: what was done already is found as it is");
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
            sentence(&error.context("taking `cottage` from its account"), None)
        };
        insta::assert_snapshot!(says("ExpiredTokenException: The security token included in the request is expired"), @"taking `cottage` from its account: reading the table failed: these credentials have expired. Log in again (`aws login`, `aws sso login`, or take new keys), then repeat the command: what was done already is found as it is");
        insta::assert_snapshot!(says("ProvisionedThroughputExceededException: The level of configured throughput is exceeded"), @"taking `cottage` from its account: reading the table failed: AWS asks for fewer requests. Wait a minute and repeat the command: what was done already is found as it is");
        insta::assert_snapshot!(says("AccessDeniedException: User: arn:aws:iam::1:user/nor is not authorized to perform: dynamodb:GetItem on resource: *"), @"taking `cottage` from its account: reading the table failed: these credentials may not do `dynamodb:GetItem`. Ask whoever looks after the account to allow it, or choose others by AWS_PROFILE (AccessDeniedException: User: arn:aws:iam::1:user/nor is not authorized to perform: dynamodb:GetItem on resource: *)");
        insta::assert_snapshot!(says("dispatch failure: other: an error occurred while loading credentials: not logged in to AWS: the log-in of profile `work` has expired"), @"taking `cottage` from its account: reading the table failed: not logged in to AWS: the log-in of profile `work` has expired");
        insta::assert_snapshot!(says("a row has no `version`"), @"taking `cottage` from its account: reading the table failed: a row has no `version`");
    }

    #[test]
    fn refusals_name_the_log_in() {
        let says = |code: &str, message: &str| {
            let error = DescribeStacksError::generic(ErrorMetadata::builder().code(code).message(message).build());
            let error = explain("asking for the stack", &SdkError::service_error(error, ()));
            sentence(&error.context("deploying"), Some(&Login::Environment { hides_profile: true }))
        };
        insta::assert_snapshot!(says("ExpiredToken", "The security token included in the request is expired"), @"deploying: asking for the stack failed: the credentials in the environment (AWS_ACCESS_KEY_ID, which goes before AWS_PROFILE) have expired. Set new ones in AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN, or unset all three to use AWS_PROFILE, then repeat the command: what was done already is found as it is");
        insta::assert_snapshot!(says("InvalidClientTokenId", "The security token is invalid"), @"deploying: asking for the stack failed: AWS does not know the credentials in the environment (AWS_ACCESS_KEY_ID, which goes before AWS_PROFILE). `aws configure list` shows which ones are used and AWS_PROFILE chooses others; if they are right, the account may not have the region of `[aws]` enabled (Account, then AWS Regions, in the console)");
        insta::assert_snapshot!(says("AccessDenied", "Access Denied"), @"deploying: asking for the stack failed: the credentials in the environment (AWS_ACCESS_KEY_ID, which goes before AWS_PROFILE) may not do that. Ask whoever looks after the account to allow it, or choose others by AWS_PROFILE (AccessDenied: Access Denied)");
        insta::assert_snapshot!(says("ValidationError", "Template format error"), @"deploying: asking for the stack failed: ValidationError: Template format error");
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
