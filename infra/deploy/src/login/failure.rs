//! Failed log-ins in words that say what to run.

use std::error::Error;

use aws_config::meta::ProviderChainError;
use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_sts::{
    error::SdkError,
    operation::{assume_role::AssumeRoleError, assume_role_with_web_identity::AssumeRoleWithWebIdentityError},
};
use dag_cloud::aws::{describe_causes, describe_error};

use super::method::{Login, Method, ProfileLogin, for_profile};
use crate::words::{first_quoted, visible};

/// There are no credentials. The text says why, and what to run.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{prefix}{0}", prefix = Self::PREFIX)]
pub(crate) struct NotLoggedIn(pub(super) String);

/// The end of advice. A command finds what is done already as it is.
const AGAIN: &str = ", then repeat the command";

/// The most characters that are shown of what a command of the user printed.
const SHOWN: usize = 300;

impl NotLoggedIn {
    /// The beginning of the text. It is found again where an error is text only.
    pub const PREFIX: &'static str = "not logged in to AWS: ";

    /// Explains why the SDK has no credentials of a log-in.
    pub fn new(login: &Login, error: &CredentialsError) -> NotLoggedIn {
        if let Some((_, mistake)) = causes(error).split_once("ProfileFile provider could not be built: ") {
            return NotLoggedIn(format!("{mistake}. Look at ~/.aws/config"));
        }
        NotLoggedIn(match login {
            Login::Environment { .. } => format!("{login} cannot be used ({})", causes(error)),
            Login::Profile(profile) => of_profile(profile, of_attempt(error, "Profile")),
            Login::WebIdentity => match found::<SdkError<AssumeRoleWithWebIdentityError>>(error) {
                Some(refused) => format!(
                    "the token in AWS_WEB_IDENTITY_TOKEN_FILE does not give the role in AWS_ROLE_ARN ({})",
                    describe_error(refused)
                ),
                None => format!(
                    "the token in AWS_WEB_IDENTITY_TOKEN_FILE cannot be used ({})",
                    causes(of_attempt(error, "WebIdentityToken"))
                ),
            },
            Login::Container => format!(
                "this container gives no credentials. Look at AWS_CONTAINER_CREDENTIALS_FULL_URI or \
                 AWS_CONTAINER_CREDENTIALS_RELATIVE_URI, and at AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE ({})",
                causes(of_attempt(error, "EcsContainer"))
            ),
            Login::Machine { empty_profile, profiles } => nothing(empty_profile.as_deref(), profiles, error),
        })
    }
}

/// The beginnings of the SDK's errors that say no more than that there is one.
const EMPTY: [&str; 5] = [
    "an error occurred while loading credentials: ",
    "an error occurred while loading an access token: ",
    "the credentials provider was not properly configured: ",
    "unexpected credentials error: ",
    "service error: ",
];

/// Returns an error with its causes, without those that say nothing.
fn causes(error: &CredentialsError) -> String {
    let text = describe_causes(error);
    let mut rest = text.as_str();
    while let Some(inner) = EMPTY.into_iter().find_map(|empty| rest.strip_prefix(empty)) {
        rest = inner;
    }
    rest.to_owned()
}

/// Returns the error of one provider, where a chain has errors of all.
fn of_attempt<'a>(error: &'a CredentialsError, provider: &str) -> &'a CredentialsError {
    let chain = found::<ProviderChainError<CredentialsError>>(error);
    let attempt = chain.and_then(|chain| chain.attempts().iter().find(|attempt| attempt.name() == provider));
    attempt.map_or(error, |attempt| attempt.error())
}

/// Returns the first cause of a type.
fn found<T: Error + 'static>(error: &CredentialsError) -> Option<&T> {
    let mut cause: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(error) = cause {
        if let Some(found) = error.downcast_ref() {
            return Some(found);
        }
        cause = error.source();
    }
    None
}

/// Explains that nothing is set up.
fn nothing(empty_profile: Option<&str>, profiles: &[String], error: &CredentialsError) -> String {
    let others: Vec<String> = profiles.iter().filter(|name| Some(name.as_str()) != empty_profile).cloned().collect();
    let choice = match others.as_slice() {
        [] => "set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY".to_owned(),
        [other] => format!("set AWS_PROFILE to `{other}`"),
        others => format!("set AWS_PROFILE to one of {}", first_quoted(others)),
    };
    let found = match empty_profile {
        Some(profile) => format!("profile `{profile}` has no credentials"),
        None if causes(error).contains("404 from IMDS") => "this machine has no role".to_owned(),
        None => "no credentials are found".to_owned(),
    };
    format!("{found}. Log in by `aws login`, `aws sso login` or `aws configure`, or {choice}")
}

fn of_profile(profile: &ProfileLogin, error: &CredentialsError) -> String {
    let text = causes(error);
    if let CredentialsError::ProviderTimedOut(details) = error {
        return timed_out(profile, details.timeout_duration().as_secs());
    }
    if let Some(refused) = found::<SdkError<AssumeRoleError>>(error) {
        return of_role(profile, &describe_error(refused));
    }
    match profile.method {
        Method::Sso => of_sso(profile, &text),
        Method::Console => of_console(profile, &text),
        Method::Process => of_process(profile, &text),
        Method::Keys | Method::WebIdentity | Method::Source => {
            format!("profile `{}` has no credentials that can be used ({text})", profile.source)
        }
    }
}

fn timed_out(profile: &ProfileLogin, seconds: u64) -> String {
    match profile.method {
        Method::Process => format!(
            "the command of `credential_process` in profile `{}` gave nothing in {seconds} seconds. Run it by itself, \
             to see what it waits for",
            profile.source
        ),
        _ => format!("the credentials of profile `{}` did not come in {seconds} seconds", profile.name),
    }
}

/// Explains that AWS refused the role of a profile.
fn of_role(profile: &ProfileLogin, text: &str) -> String {
    let ProfileLogin { name, source, .. } = profile;
    if profile.role.as_ref().is_some_and(|role| role.mfa) {
        let export = for_profile("aws configure export-credentials", name);
        return format!(
            "profile `{name}` asks for a code (`mfa_serial`), which only the AWS command line can ask for. Run `eval \
             \"$({export} --format env)\"`{AGAIN} ({text})"
        );
    }
    format!("the credentials of profile `{source}` do not give the role of profile `{name}` ({text})")
}

fn of_sso(profile: &ProfileLogin, text: &str) -> String {
    let ProfileLogin { source, .. } = profile;
    let login = profile.command("aws sso login");
    let has = |part: &str| text.contains(part);
    if has("token has expired") {
        format!("the log-in of profile `{source}` has expired. Run {login}{AGAIN}")
    } else if has("cached SSO token") || has("failed to read `") {
        format!("profile `{source}` needs a log-in by `aws sso login`, and there is none here. Run {login}{AGAIN}")
    } else if has("Unauthorized") {
        // It was ended before its time: by a log-out elsewhere, or by an administrator.
        format!("IAM Identity Center does not accept the log-in of profile `{source}` any more. Run {login}{AGAIN}")
    } else if has("Forbidden") || has("ResourceNotFound") {
        let configure = profile.command("aws configure sso");
        format!(
            "IAM Identity Center does not give you the account and the role of profile `{source}` (`sso_account_id`, \
             `sso_role_name`). {configure} shows those that you have"
        )
    } else if is_unreachable(text) {
        format!(
            "IAM Identity Center cannot be reached. Look at the network (a firewall, a VPN, a proxy), and at \
             `sso_region` of profile `{source}` ({text})"
        )
    } else {
        format!("profile `{source}` has no credentials ({text}). Run {login}{AGAIN}")
    }
}

fn of_console(profile: &ProfileLogin, text: &str) -> String {
    let ProfileLogin { source, .. } = profile;
    let login = profile.command("aws login");
    let has = |part: &str| text.contains(part);
    if has("session has expired") || has("token is expired") {
        format!("the log-in of profile `{source}` has expired. Run {login}{AGAIN}")
    } else if has("failed to read `") {
        format!("profile `{source}` needs a log-in by `aws login`, and there is none here. Run {login}{AGAIN}")
    } else if has("change in your password") {
        format!("the log-in of profile `{source}` ended when the password changed. Run {login}{AGAIN}")
    } else if has("insufficient permissions") {
        format!(
            "the log-in of profile `{source}` cannot be renewed, since its user may not do \
             `signin:CreateOAuth2Token`. The policy SignInLocalDevelopmentAccess allows it"
        )
    } else if is_unreachable(text) {
        format!("AWS Sign-In cannot be reached. Look at the network (a firewall, a VPN, a proxy) ({text})")
    } else {
        format!("the log-in of profile `{source}` cannot be used ({text}). Run {login}{AGAIN}")
    }
}

fn of_process(profile: &ProfileLogin, text: &str) -> String {
    let command = format!("the command of `credential_process` in profile `{}`", profile.source);
    if let Some((_, ended)) = text.split_once("exited with code ") {
        let (status, printed) = ended.split_once(". Stderr: ").unwrap_or((ended, ""));
        // A program says what is wrong in its last line.
        let last = printed.lines().rev().map(str::trim).find(|line| !line.is_empty()).unwrap_or("it printed no error");
        return format!("{command} failed ({status}): {}", visible(&shortened(last)));
    }
    if let Some((_, problem)) = text.split_once("could not parse response: ") {
        return format!(
            "{command} did not print credentials ({}). It has to print what `aws configure export-credentials \
             --format process` prints",
            visible(&shortened(problem))
        );
    }
    format!("{command} cannot be run ({})", visible(&shortened(text)))
}

fn shortened(text: &str) -> String {
    let short: String = text.chars().take(SHOWN).collect();
    if short.len() < text.len() { short + "…" } else { short }
}

/// Returns whether a service gave no answer.
fn is_unreachable(text: &str) -> bool {
    ["dispatch failure", "timeout", "timed out", "io error"].into_iter().any(|part| text.contains(part))
}
