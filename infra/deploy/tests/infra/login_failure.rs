//! Log-ins that fail, and what is said. None of them gets as far as a call with credentials.

use std::{
    net::TcpListener,
    time::{Duration, Instant},
};

use serde_json::json;

use crate::{
    login::{FUTURE, LOGIN, PAST, SSO, login_file, login_token, metadata, sso_file},
    login_services::Services,
    work_folder::WorkFolder,
};

/// An endpoint at which nobody listens.
const NOBODY: &str = "http://127.0.0.1:1";

/// Returns a work folder whose owner has profiles.
fn user(config: &str) -> WorkFolder {
    let folder = WorkFolder::new();
    folder.write(".aws/config", config);
    folder
}

/// Returns the error of `dag-infra list` after "asking for the stack failed".
fn said(folder: &WorkFolder, environment: &[(&str, &str)]) -> String {
    let environment = [&[("AWS_ENDPOINT_URL", NOBODY)][..], environment].concat();
    let said = folder.run_with(&environment, &["list"], None);
    assert_eq!((said.code, said.out.as_str()), (1, ""), "{said:?}");
    let err = said.err.replace(&folder.path("").display().to_string(), "…/");
    err.strip_prefix("asking for the stack failed: ").unwrap_or(&err).to_owned()
}

#[test]
fn aws_sso_login() {
    let folder = user(SSO);
    // The portal knows no token.
    let services = Services::start(|request| match request.line.as_str() {
        "POST /token" => ("400 InvalidGrantException", json!({ "error": "invalid_grant" }).to_string()),
        _ => ("401 UnauthorizedException", json!({ "message": "Session token not found or invalid" }).to_string()),
    });
    let endpoint = services.endpoint();
    let set = [("AWS_ENDPOINT_URL_SSO", endpoint.as_str()), ("AWS_ENDPOINT_URL_SSO_OIDC", &endpoint)];
    let said = |profile: &'static str| said(&folder, &[&set[..], &[("AWS_PROFILE", profile)]].concat());
    insta::assert_snapshot!(said("work"), @"not logged in to AWS: profile `work` needs a log-in by `aws sso login`, and there is none here. Run `aws sso login --profile work`, then repeat the command");
    insta::assert_snapshot!(said("legacy"), @"not logged in to AWS: profile `legacy` needs a log-in by `aws sso login`, and there is none here. Run `aws sso login --profile legacy`, then repeat the command");
    insta::assert_snapshot!(said("deploy"), @"not logged in to AWS: profile `work` needs a log-in by `aws sso login`, and there is none here. Run `aws sso login --profile work`, then repeat the command");

    let write = |token: serde_json::Value| folder.write(&sso_file("home"), &token.to_string());
    write(json!({ "accessToken": "token", "expiresAt": PAST }));
    insta::assert_snapshot!(said("work"), @"not logged in to AWS: the log-in of profile `work` has expired. Run `aws sso login --profile work`, then repeat the command");
    assert_eq!(services.lines().len(), 0, "an old token is not shown to anybody");

    // It could have been renewed, but the session is over.
    write(json!({
        "accessToken": "token",
        "expiresAt": PAST,
        "refreshToken": "refresh",
        "clientId": "client",
        "clientSecret": "secret",
        "registrationExpiresAt": FUTURE,
    }));
    insta::assert_snapshot!(said("work"), @"not logged in to AWS: IAM Identity Center does not accept the log-in of profile `work` any more. Run `aws sso login --profile work`, then repeat the command");

    // By its file the token is good, but an administrator has ended the session.
    write(json!({ "accessToken": "token", "expiresAt": FUTURE }));
    insta::assert_snapshot!(said("work"), @"not logged in to AWS: IAM Identity Center does not accept the log-in of profile `work` any more. Run `aws sso login --profile work`, then repeat the command");
    folder.write(&sso_file("https://home.awsapps.com/start"), "no JSON");
    insta::assert_snapshot!(said("legacy"), @"not logged in to AWS: profile `legacy` needs a log-in by `aws sso login`, and there is none here. Run `aws sso login --profile legacy`, then repeat the command");
}

#[test]
fn aws_sso_login_without_the_role_or_the_network() {
    let folder = user(SSO);
    folder.write(&sso_file("home"), &json!({ "accessToken": "token", "expiresAt": FUTURE }).to_string());
    let services = Services::start(|_| ("403 ForbiddenException", json!({ "message": "No access" }).to_string()));
    let endpoint = services.endpoint();
    let work = ("AWS_PROFILE", "work");
    insta::assert_snapshot!(said(&folder, &[work, ("AWS_ENDPOINT_URL_SSO", &endpoint)]), @"not logged in to AWS: IAM Identity Center does not give you the account and the role of profile `work` (`sso_account_id`, `sso_role_name`). `aws configure sso --profile work` shows those that you have");
    insta::assert_snapshot!(said(&folder, &[work, ("AWS_ENDPOINT_URL_SSO", NOBODY)]), @"not logged in to AWS: IAM Identity Center cannot be reached. Look at the network (a firewall, a VPN, a proxy), and at `sso_region` of profile `work` (dispatch failure: io error: client error (Connect): tcp connect error: Connection refused (os error 111))");

    let folder = user("[profile work]\nsso_session = home\nsso_account_id = 1\nsso_role_name = x\n");
    insta::assert_snapshot!(said(&folder, &[work]), @"not logged in to AWS: sso-session named `home` (referenced by profile `work`) was not found. Look at ~/.aws/config");
}

#[test]
fn aws_login() {
    let folder = user(LOGIN);
    let work = ("AWS_PROFILE", "work");
    insta::assert_snapshot!(said(&folder, &[work]), @"not logged in to AWS: profile `work` needs a log-in by `aws login`, and there is none here. Run `aws login --profile work`, then repeat the command");

    folder.write(&login_file(), &login_token(PAST));
    let refused = |error: &'static str| {
        let services = Services::start(move |_| {
            ("400 AccessDeniedException", json!({ "error": error, "message": "refused" }).to_string())
        });
        said(&folder, &[work, ("AWS_ENDPOINT_URL_SIGNIN", &services.endpoint())])
    };
    insta::assert_snapshot!(refused("TOKEN_EXPIRED"), @"not logged in to AWS: the log-in of profile `work` has expired. Run `aws login --profile work`, then repeat the command");
    insta::assert_snapshot!(refused("USER_CREDENTIALS_CHANGED"), @"not logged in to AWS: the log-in of profile `work` ended when the password changed. Run `aws login --profile work`, then repeat the command");
    insta::assert_snapshot!(refused("INSUFFICIENT_PERMISSIONS"), @"not logged in to AWS: the log-in of profile `work` cannot be renewed, since its user may not do `signin:CreateOAuth2Token`. The policy SignInLocalDevelopmentAccess allows it");
    insta::assert_snapshot!(refused("INVALID_REQUEST"), @"not logged in to AWS: the log-in of profile `work` cannot be used (failed to refresh cached Login token: AccessDeniedException: refused). Run `aws login --profile work`, then repeat the command");
    insta::assert_snapshot!(said(&folder, &[work, ("AWS_ENDPOINT_URL_SIGNIN", NOBODY)]), @"not logged in to AWS: AWS Sign-In cannot be reached. Look at the network (a firewall, a VPN, a proxy) (failed to refresh cached Login token: unhandled error: dispatch failure: io error: client error (Connect): tcp connect error: Connection refused (os error 111))");
    folder.write(&login_file(), "{}");
    insta::assert_snapshot!(said(&folder, &[work]), @"not logged in to AWS: the log-in of profile `work` cannot be used (missing field `accessKeyId` in cached Login token file). Run `aws login --profile work`, then repeat the command");

    // The profile `default` needs no option.
    let folder = user("[default]\nlogin_session = arn:aws:iam::123456789012:user/nor\n");
    folder.write(&login_file(), &login_token(PAST));
    let services = Services::start(|_| ("400 AccessDeniedException", json!({ "error": "TOKEN_EXPIRED" }).to_string()));
    insta::assert_snapshot!(said(&folder, &[("AWS_ENDPOINT_URL_SIGNIN", &services.endpoint())]), @"not logged in to AWS: the log-in of profile `default` has expired. Run `aws login`, then repeat the command");
}

#[test]
fn credential_process() {
    let said = |command: &str| {
        let folder = user(&format!("[profile work]\ncredential_process = {command}\n"));
        said(&folder, &[("AWS_PROFILE", "work")])
    };
    insta::assert_snapshot!(said("echo 'Looking for a key' >&2; echo 'no key \x1b[31mis there' >&2; exit 3"), @r"not logged in to AWS: the command of `credential_process` in profile `work` failed (exit status: 3): no key \u{1b}[31mis there");
    insta::assert_snapshot!(said("false"), @"not logged in to AWS: the command of `credential_process` in profile `work` failed (exit status: 1): it printed no error");
    // The words are the shell's. The command itself is not shown, since it may have secrets in it.
    let lost = said("no-such-program --secret hunter2");
    assert!(lost.contains("failed (exit status: 127): sh: ") && lost.contains("no-such-program"), "{lost}");
    assert!(!lost.contains("hunter2"), "{lost}");
    insta::assert_snapshot!(said("kill -9 $$"), @"not logged in to AWS: the command of `credential_process` in profile `work` failed (signal: 9 (SIGKILL)): it printed no error");
    insta::assert_snapshot!(said("echo Please log in"), @r#"not logged in to AWS: the command of `credential_process` in profile `work` did not print credentials (invalid JSON in response: Error at offset 0: unexpected token 'P'. Expected one of '{', '[', '"', 'null', 'true', 'false', <number>). It has to print what `aws configure export-credentials --format process` prints"#);
    insta::assert_snapshot!(said("true"), @"not logged in to AWS: the command of `credential_process` in profile `work` did not print credentials (invalid JSON in response: expected a JSON document starting with `{`). It has to print what `aws configure export-credentials --format process` prints");
    insta::assert_snapshot!(said(r#"echo '{ "Version": 2 }'"#), @"not logged in to AWS: the command of `credential_process` in profile `work` did not print credentials (Invalid field in response: `version`. unknown version number: 2). It has to print what `aws configure export-credentials --format process` prints");
    insta::assert_snapshot!(said(r#"echo '{ "Version": 1, "AccessKeyId": "x" }'"#), @"not logged in to AWS: the command of `credential_process` in profile `work` did not print credentials (Expected field `SecretAccessKey` in response but it was missing). It has to print what `aws configure export-credentials --format process` prints");
}

#[test]
fn roles() {
    let denied = "<ErrorResponse><Error><Type>Sender</Type><Code>AccessDenied</Code><Message>User: \
                  arn:aws:iam::123456789012:user/nor is not authorized to perform: sts:AssumeRole on resource: \
                  arn:aws:iam::123456789012:role/deploy</Message></Error></ErrorResponse>";
    let services = Services::start(move |request| {
        assert!(request.key() == "BASE" || request.body.contains("AssumeRoleWithWebIdentity"));
        ("403", denied.to_owned())
    });
    let config = "[profile base]\naws_access_key_id = BASE\naws_secret_access_key = x\n\
                  [profile work]\nrole_arn = arn:aws:iam::123456789012:role/deploy\nsource_profile = base\n\
                  [profile code]\nrole_arn = arn:aws:iam::123456789012:role/deploy\nsource_profile = base\n\
                  mfa_serial = arn:aws:iam::123456789012:mfa/nor\n\
                  [profile both]\nrole_arn = x\nsource_profile = base\ncredential_source = Environment\n\
                  [profile there]\nrole_arn = x\nsource_profile = back\n\
                  [profile back]\nrole_arn = x\nsource_profile = there\n";
    let folder = user(config);
    let endpoint = services.endpoint();
    let sts = ("AWS_ENDPOINT_URL_STS", endpoint.as_str());
    insta::assert_snapshot!(said(&folder, &[sts, ("AWS_PROFILE", "work")]), @"not logged in to AWS: the credentials of profile `base` do not give the role of profile `work` (AccessDenied: User: arn:aws:iam::123456789012:user/nor is not authorized to perform: sts:AssumeRole on resource: arn:aws:iam::123456789012:role/deploy)");
    insta::assert_snapshot!(said(&folder, &[sts, ("AWS_PROFILE", "code")]), @r#"not logged in to AWS: profile `code` asks for a code (`mfa_serial`), which only the AWS command line can ask for. Run `eval "$(aws configure export-credentials --profile code --format env)"`, then repeat the command (AccessDenied: User: arn:aws:iam::123456789012:user/nor is not authorized to perform: sts:AssumeRole on resource: arn:aws:iam::123456789012:role/deploy)"#);
    insta::assert_snapshot!(said(&folder, &[sts, ("AWS_PROFILE", "both")]), @"not logged in to AWS: invalid credential source in `both`: profile contained both source_profile and credential_source. Only one or the other can be defined. Look at ~/.aws/config");
    insta::assert_snapshot!(said(&folder, &[sts, ("AWS_PROFILE", "there")]), @r#"not logged in to AWS: profile formed an infinite loop. first we loaded ["there", "back"], then attempted to reload there. Look at ~/.aws/config"#);

    folder.write("token", "a.b.c");
    let (token, role) = (folder.path("token"), ("AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/ci"));
    let token = ("AWS_WEB_IDENTITY_TOKEN_FILE", token.to_str().unwrap());
    insta::assert_snapshot!(said(&folder, &[sts, token, role]), @"not logged in to AWS: the token in AWS_WEB_IDENTITY_TOKEN_FILE does not give the role in AWS_ROLE_ARN (AccessDenied: User: arn:aws:iam::123456789012:user/nor is not authorized to perform: sts:AssumeRole on resource: arn:aws:iam::123456789012:role/deploy)");
    insta::assert_snapshot!(said(&folder, &[sts, ("AWS_WEB_IDENTITY_TOKEN_FILE", "/nowhere"), role]), @"not logged in to AWS: the token in AWS_WEB_IDENTITY_TOKEN_FILE cannot be used (No such file or directory (os error 2))");
}

#[test]
fn containers() {
    let folder = user("");
    let services = Services::start(|_| ("403", "no".to_owned()));
    let endpoint = format!("{}/role", services.endpoint());
    let uri = |uri| ("AWS_CONTAINER_CREDENTIALS_FULL_URI", uri);
    insta::assert_snapshot!(said(&folder, &[uri(endpoint.as_str())]), @"not logged in to AWS: this container gives no credentials. Look at AWS_CONTAINER_CREDENTIALS_FULL_URI or AWS_CONTAINER_CREDENTIALS_RELATIVE_URI, and at AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE (Non-success status from HTTP credential provider: StatusCode(403))");
    insta::assert_snapshot!(said(&folder, &[uri("http://192.0.2.1/role")]), @"not logged in to AWS: this container gives no credentials. Look at AWS_CONTAINER_CREDENTIALS_FULL_URI or AWS_CONTAINER_CREDENTIALS_RELATIVE_URI, and at AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE (invalid full URI for ECS provider (URI did not refer to an allowed IP address): http://192.0.2.1/role)");
    let lost = ("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", "/nowhere");
    insta::assert_snapshot!(said(&folder, &[uri(endpoint.as_str()), lost]), @"not logged in to AWS: this container gives no credentials. Look at AWS_CONTAINER_CREDENTIALS_FULL_URI or AWS_CONTAINER_CREDENTIALS_RELATIVE_URI, and at AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE (No such file or directory (os error 2))");
}

#[test]
fn nothing_is_set_up() {
    let began = Instant::now();
    insta::assert_snapshot!(said(&user(""), &[]), @"not logged in to AWS: no credentials are found. Log in by `aws login`, `aws sso login` or `aws configure`, or set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY");
    insta::assert_snapshot!(said(&user("[profile home]\nlogin_session = x\n[profile work]\nlogin_session = y\n"), &[]), @"not logged in to AWS: no credentials are found. Log in by `aws login`, `aws sso login` or `aws configure`, or set AWS_PROFILE to one of `home`, `work`");
    insta::assert_snapshot!(said(&user("[profile work]\nregion = eu-west-1\n"), &[("AWS_PROFILE", "work")]), @"not logged in to AWS: profile `work` has no credentials. Log in by `aws login`, `aws sso login` or `aws configure`, or set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY");
    // At home nobody answers at the address of the metadata service.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", silent.local_addr().unwrap());
    let set = [("AWS_EC2_METADATA_SERVICE_ENDPOINT", endpoint.as_str()), ("AWS_EC2_METADATA_DISABLED", "false")];
    insta::assert_snapshot!(said(&user(""), &set), @"not logged in to AWS: no credentials are found. Log in by `aws login`, `aws sso login` or `aws configure`, or set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY");
    assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());

    // A machine of AWS without a role, and one whose metadata are not for programs.
    let machine = |status: &'static str| {
        let services = Services::start(move |request| match request.line.as_str() {
            "PUT /latest/api/token" if status == "404" => ("200", "session".to_owned()),
            _ => (status, String::new()),
        });
        let endpoint = services.endpoint();
        let on = ("AWS_EC2_METADATA_DISABLED", "false");
        said(&user(""), &[("AWS_EC2_METADATA_SERVICE_ENDPOINT", &endpoint), on])
    };
    insta::assert_snapshot!(machine("404"), @"not logged in to AWS: this machine has no role. Log in by `aws login`, `aws sso login` or `aws configure`, or set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY");
    insta::assert_snapshot!(machine("403"), @"not logged in to AWS: no credentials are found. Log in by `aws login`, `aws sso login` or `aws configure`, or set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY");
}

#[test]
fn a_profile_that_does_not_exist_does_not_become_the_role_of_the_machine() {
    let services = Services::start(metadata);
    let endpoint = services.endpoint();
    let machine = [("AWS_EC2_METADATA_SERVICE_ENDPOINT", endpoint.as_str()), ("AWS_EC2_METADATA_DISABLED", "false")];
    let folder = user("[profile work]\nlogin_session = x\n");
    insta::assert_snapshot!(said(&folder, &[&machine[..], &[("AWS_PROFILE", "wrok")]].concat()), @"not logged in to AWS: there is no profile `wrok` (AWS_PROFILE names it). Did you mean `work`? There is only `work`");
    folder.write(".aws/config", "[profile work\nlogin_session = x\n");
    insta::assert_snapshot!(said(&folder, &machine), @"not logged in to AWS: a file of the AWS command line cannot be read: error parsing …/.aws/config on line 1: Profile definition must end with ']'");
    assert_eq!(services.lines().len(), 0);
}

#[test]
fn credentials_that_aws_refuses_are_named() {
    let folder = user("[profile work]\ncredential_process = cat credentials.json\n");
    let credentials = json!({ "Version": 1, "AccessKeyId": "OLD", "SecretAccessKey": "x", "SessionToken": "x" });
    folder.write("credentials.json", &credentials.to_string());
    let expired = "<ErrorResponse><Error><Code>ExpiredToken</Code><Message>The security token included in the request \
                   is expired</Message></Error></ErrorResponse>";
    let services = Services::start(move |_| ("403", expired.to_owned()));
    let endpoint = services.endpoint();
    let set = ("AWS_ENDPOINT_URL", endpoint.as_str());
    insta::assert_snapshot!(said(&folder, &[set, ("AWS_PROFILE", "work")]), @"the credentials of profile `work` have expired. The command of `credential_process` in profile `work` gave them: look why they are old, then repeat the command: what was done already is found as it is");
    let keys = [("AWS_ACCESS_KEY_ID", "OLD"), ("AWS_SECRET_ACCESS_KEY", "x"), ("AWS_SESSION_TOKEN", "x")];
    insta::assert_snapshot!(said(&folder, &[&keys[..], &[set, ("AWS_PROFILE", "work")]].concat()), @"the credentials in the environment (AWS_ACCESS_KEY_ID, which goes before AWS_PROFILE) have expired. Set new ones in AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN, or unset all three to use AWS_PROFILE, then repeat the command: what was done already is found as it is");
}
