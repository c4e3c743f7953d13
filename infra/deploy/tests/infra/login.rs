//! Every log-in that the AWS command line has, up to the first call to AWS.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use ring::digest::{Algorithm, SHA1_FOR_LEGACY_USE_ONLY, SHA256, digest};
use serde_json::{Value, json};

use crate::{
    login_services::{Answer, Request, Services},
    moto::Moto,
    work_folder::{RunOutput, WorkFolder},
};

/// Times that are long past and far ahead of every run.
pub const PAST: &str = "2020-01-01T00:00:00Z";
pub const FUTURE: &str = "2099-01-01T00:00:00Z";
const FUTURE_MS: u64 = 4_070_908_800_000;

/// The session of the console in the profiles of `aws login`.
pub const SESSION: &str = "arn:aws:iam::123456789012:user/nor";

/// A work folder, whose owner has log-ins, and moto, which answers the first call.
struct User {
    moto: Moto,
    folder: WorkFolder,
}

/// A request that moto got: its operation, and the key and the region of its signature.
#[derive(Debug, PartialEq, Eq)]
struct Call(String, String, String);

fn call(operation: &str, key: &str, region: &str) -> Call {
    Call(operation.to_owned(), key.to_owned(), region.to_owned())
}

impl User {
    fn new(config: &str) -> User {
        let folder = WorkFolder::new();
        folder.write(".aws/config", config);
        User { moto: Moto::start(), folder }
    }

    /// Runs `dag-infra list`, which asks for the stack first of all, and there is none. Returns the calls.
    fn calls(&self, environment: &[(&str, &str)]) -> Vec<Call> {
        let endpoint = self.moto.endpoint();
        let environment = [&[("AWS_ENDPOINT_URL", endpoint.as_str())][..], environment].concat();
        let RunOutput { code, out, err } = self.folder.run_with(&environment, &["list"], None);
        let nothing = "there is no stack `detectordag` in eu-west-1: make it by `dag-infra deploy`";
        assert_eq!((code, out.as_str(), err.as_str()), (1, "", nothing));
        let text = |value: &Value| value.as_str().unwrap_or("none").to_owned();
        let call = |call: &Value| Call(text(&call["operation"]), text(&call["key"]), text(&call["region"]));
        self.moto.requests().iter().map(call).collect()
    }

    /// Checks that the first call has a key of the log-in.
    #[track_caller]
    fn has(&self, key: &str, environment: &[(&str, &str)]) {
        assert_eq!(self.calls(environment), [call("DescribeStacks", key, "eu-west-1")], "{environment:?}");
    }

    fn json(&self, name: &str) -> Value {
        serde_json::from_str(&std::fs::read_to_string(self.folder.path(name)).unwrap()).unwrap()
    }
}

/// Returns the name of a file in a cache of the AWS command line.
fn cache_file(folder: &str, algorithm: &'static Algorithm, name: &str) -> String {
    let hash = digest(algorithm, name.as_bytes());
    let hash: String = hash.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    format!(".aws/{folder}/cache/{hash}.json")
}

/// Returns the file of `aws sso login`, for the name of a session or, in profiles without one, a start URL.
pub fn sso_file(name: &str) -> String {
    cache_file("sso", &SHA1_FOR_LEGACY_USE_ONLY, name)
}

/// Returns the file of `aws login`.
pub fn login_file() -> String {
    cache_file("login", &SHA256, SESSION)
}

/// Returns what `aws login` writes.
pub fn login_token(expires: &str) -> String {
    // A private key for P-256 in the form of SEC 1, as the command line writes it.
    let key = [&b"\x30\x31\x02\x01\x01\x04\x20"[..], &[1; 32], b"\xa0\x0a\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07"];
    let (kind, key) = ("EC PRIVATE KEY", BASE64_STANDARD.encode(key.concat()));
    let (first, second) = key.split_at(64);
    let key = format!("-----BEGIN {kind}-----\n{first}\n{second}\n-----END {kind}-----\n");
    let access = json!({
        "accessKeyId": "CONSOLE1",
        "secretAccessKey": "secret",
        "sessionToken": "token",
        "accountId": "123456789012",
        "expiresAt": expires,
    });
    let token = json!({
        "accessToken": access,
        "tokenType": "aws_sigv4",
        "refreshToken": "refresh-1",
        "clientId": "arn:aws:signin:::devtools/same-device",
        "dpopKey": key,
    });
    token.to_string()
}

/// A profile of `aws configure sso`, and one of an older version of it.
pub const SSO: &str = "[sso-session home]\nsso_start_url = https://home.awsapps.com/start\nsso_region = eu-central-1\n\
                       sso_registration_scopes = sso:account:access\n\
                       [profile work]\nsso_session = home\nsso_account_id = 123456789012\nsso_role_name = Admin\n\
                       [profile legacy]\nsso_start_url = https://home.awsapps.com/start\nsso_region = eu-central-1\n\
                       sso_account_id = 123456789012\nsso_role_name = Admin\n\
                       [profile deploy]\nrole_arn = arn:aws:iam::123456789012:role/deploy\nsource_profile = work\n";

/// A profile of `aws login`.
pub const LOGIN: &str = "[profile work]\nlogin_session = arn:aws:iam::123456789012:user/nor\nregion = us-east-1\n";

/// Answers as the portal of IAM Identity Center.
fn portal(request: &Request) -> Answer {
    assert_eq!(request.line, "GET /federation/credentials?role_name=Admin&account_id=123456789012");
    let key = match request.header("x-amz-sso_bearer_token") {
        "token-1" => "SSO1",
        "token-2" => "SSO2",
        other => panic!("{other}"),
    };
    let credentials =
        json!({ "accessKeyId": key, "secretAccessKey": "x", "sessionToken": "x", "expiration": FUTURE_MS });
    ("200", json!({ "roleCredentials": credentials }).to_string())
}

#[test]
fn keys_of_the_environment_and_of_files() {
    let user = User::new("[profile work]\nregion = us-east-1\n");
    let keys = |name: &str, key: &str| format!("[{name}]\naws_access_key_id = {key}\naws_secret_access_key = secret\n");
    user.folder.write(".aws/credentials", &[keys("default", "DEFAULT"), keys("work", "WORK")].concat());
    user.has("DEFAULT", &[]);
    user.has("WORK", &[("AWS_PROFILE", "work")]);
    let environment =
        [("AWS_ACCESS_KEY_ID", "ENVIRONMENT"), ("AWS_SECRET_ACCESS_KEY", "x"), ("AWS_SESSION_TOKEN", "x")];
    user.has("ENVIRONMENT", &[&environment[..], &[("AWS_PROFILE", "work")]].concat());

    user.folder.write("elsewhere", &keys("profile work", "ELSEWHERE"));
    let elsewhere = user.folder.path("elsewhere");
    let files = [("AWS_CONFIG_FILE", elsewhere.to_str().unwrap()), ("AWS_SHARED_CREDENTIALS_FILE", "/nowhere")];
    user.has("ELSEWHERE", &[&files[..], &[("AWS_PROFILE", "work")]].concat());
}

#[test]
fn aws_sso_login() {
    let user = User::new(SSO);
    let services = Services::start(|request| match request.line.as_str() {
        "POST /token" => {
            let body = request.json();
            assert_eq!((&body["grantType"], &body["refreshToken"]), (&json!("refresh_token"), &json!("refresh")));
            ("200", json!({ "accessToken": "token-2", "expiresIn": 3600, "refreshToken": "refresh-2" }).to_string())
        }
        _ => portal(request),
    });
    let endpoint = services.endpoint();
    let set = [("AWS_ENDPOINT_URL_SSO", endpoint.as_str()), ("AWS_ENDPOINT_URL_SSO_OIDC", &endpoint)];
    let of = |profile: &'static str| [&set[..], &[("AWS_PROFILE", profile)]].concat();

    let token = json!({ "accessToken": "token-1", "expiresAt": FUTURE }).to_string();
    user.folder.write(&sso_file("home"), &token);
    user.folder.write(&sso_file("https://home.awsapps.com/start"), &token);
    user.has("SSO1", &of("work"));
    user.has("SSO1", &of("legacy"));
    // It is also the source of a role.
    let calls = user.calls(&of("deploy"));
    assert_eq!(calls[0], call("AssumeRole", "SSO1", "eu-west-1"));
    assert_eq!((calls.len(), calls[1].0.as_str()), (2, "DescribeStacks"));
    assert_ne!(calls[1].1, "SSO1");

    // An old token is renewed, and stored where the command line finds it.
    services.requests();
    let old = json!({
        "accessToken": "token-0",
        "expiresAt": PAST,
        "refreshToken": "refresh",
        "clientId": "client",
        "clientSecret": "secret",
        "registrationExpiresAt": FUTURE,
    });
    user.folder.write(&sso_file("home"), &old.to_string());
    user.has("SSO2", &of("work"));
    assert_eq!(services.lines().len(), 2);
    let stored = user.json(&sso_file("home"));
    assert_eq!((&stored["accessToken"], &stored["refreshToken"]), (&json!("token-2"), &json!("refresh-2")));
}

#[test]
fn aws_login() {
    let user = User::new(LOGIN);
    let services = Services::start(|request| {
        assert_eq!(request.line, "POST /v1/token");
        let body = request.json();
        assert_eq!((&body["grantType"], &body["refreshToken"]), (&json!("refresh_token"), &json!("refresh-1")));
        // The proof that the log-in is of this machine: a signed token in three parts.
        assert_eq!(request.header("dpop").split('.').count(), 3);
        let access = json!({ "accessKeyId": "CONSOLE2", "secretAccessKey": "x", "sessionToken": "x" });
        let token =
            json!({ "accessToken": access, "tokenType": "aws_sigv4", "expiresIn": 900, "refreshToken": "refresh-2" });
        ("200", token.to_string())
    });
    let endpoint = services.endpoint();
    let set = [("AWS_PROFILE", "work"), ("AWS_ENDPOINT_URL_SIGNIN", endpoint.as_str())];
    user.folder.write(&login_file(), &login_token(FUTURE));
    user.has("CONSOLE1", &set);
    assert_eq!(services.lines().len(), 0);

    user.folder.write(&login_file(), &login_token(PAST));
    user.has("CONSOLE2", &set);
    assert_eq!(user.json(&login_file())["refreshToken"], "refresh-2");
    user.has("CONSOLE2", &set);
    assert_eq!(services.lines().len(), 1);

    // The cache may be elsewhere.
    let elsewhere = user.folder.path("elsewhere");
    let name = login_file();
    user.folder.write(&format!("elsewhere/{}", name.rsplit_once('/').unwrap().1), &login_token(FUTURE));
    let moved = [&set[..], &[("AWS_LOGIN_CACHE_DIRECTORY", elsewhere.to_str().unwrap())]].concat();
    user.has("CONSOLE1", &moved);
}

#[test]
fn credential_process() {
    let command = "echo run >> runs; cat credentials.json; echo 'a note' >&2";
    let user = User::new(&format!("[default]\ncredential_process = {command}\n"));
    let credentials = json!({
        "Version": 1,
        "AccessKeyId": "PROCESS",
        "SecretAccessKey": "x",
        "SessionToken": "x",
        "Expiration": FUTURE,
    });
    user.folder.write("credentials.json", &credentials.to_string());
    user.has("PROCESS", &[]);
    // It may ask for a code, so it runs once for a command.
    assert_eq!(std::fs::read_to_string(user.folder.path("runs")).unwrap(), "run\n");
}

#[test]
fn roles_of_profiles() {
    let config = "[profile base]\naws_access_key_id = BASE\naws_secret_access_key = x\n\
                  [profile work]\nrole_arn = arn:aws:iam::123456789012:role/deploy\nsource_profile = base\n\
                  region = eu-north-1\n\
                  [profile environment]\nrole_arn = arn:aws:iam::123456789012:role/deploy\n\
                  credential_source = Environment\n";
    let user = User::new(config);
    let calls = user.calls(&[("AWS_PROFILE", "work")]);
    // The role is taken in the region of the profile, as the AWS command line does it.
    assert_eq!(calls[0], call("AssumeRole", "BASE", "eu-north-1"));
    assert_eq!((calls.len(), calls[1].0.as_str(), calls[1].2.as_str()), (2, "DescribeStacks", "eu-west-1"));
    assert_ne!(calls[1].1, "BASE");
}

#[test]
fn the_token_of_a_ci_job() {
    let user = User::new("");
    user.folder.write("token", "a.b.c");
    let token = user.folder.path("token");
    let role = "arn:aws:iam::123456789012:role/ci";
    let calls = user.calls(&[("AWS_WEB_IDENTITY_TOKEN_FILE", token.to_str().unwrap()), ("AWS_ROLE_ARN", role)]);
    assert_eq!(calls[0], call("AssumeRoleWithWebIdentity", "none", "none"));
    assert_eq!((calls.len(), calls[1].0.as_str()), (2, "DescribeStacks"));
}

#[test]
fn the_role_of_a_container() {
    let user = User::new("[default]\nregion = us-east-1\n");
    let services = Services::start(|request| {
        assert_eq!((request.line.as_str(), request.header("authorization")), ("GET /role?x=1", "Bearer abc"));
        let role = json!({ "AccessKeyId": "CONTAINER", "SecretAccessKey": "x", "Token": "x", "Expiration": FUTURE });
        ("200", role.to_string())
    });
    user.folder.write("token", "Bearer abc");
    let (uri, token) = (format!("{}/role?x=1", services.endpoint()), user.folder.path("token"));
    let uri = ("AWS_CONTAINER_CREDENTIALS_FULL_URI", uri.as_str());
    user.has("CONTAINER", &[uri, ("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", token.to_str().unwrap())]);
    user.has("CONTAINER", &[uri, ("AWS_CONTAINER_AUTHORIZATION_TOKEN", "Bearer abc")]);
}

/// Answers as the metadata service of a machine with the role `machine`, in its second version.
pub fn metadata(request: &Request) -> Answer {
    const ROLES: &str = "/latest/meta-data/iam/security-credentials/";
    if request.line == "PUT /latest/api/token" {
        assert_eq!(request.header("x-aws-ec2-metadata-token-ttl-seconds"), "21600");
        return ("200", "session".to_owned());
    }
    assert_eq!(request.header("x-aws-ec2-metadata-token"), "session");
    if request.line == format!("GET {ROLES}") {
        return ("200", "machine".to_owned());
    }
    assert_eq!(request.line, format!("GET {ROLES}machine"));
    let role = json!({
        "Code": "Success",
        "AccessKeyId": "MACHINE",
        "SecretAccessKey": "x",
        "Token": "x",
        "Expiration": FUTURE,
    });
    ("200", role.to_string())
}

#[test]
fn the_role_of_a_machine() {
    let user = User::new("[profile other]\nregion = us-east-1\n");
    let services = Services::start(metadata);
    let endpoint = services.endpoint();
    let set = [("AWS_EC2_METADATA_SERVICE_ENDPOINT", endpoint.as_str()), ("AWS_EC2_METADATA_DISABLED", "false")];
    user.has("MACHINE", &set);
    assert_eq!(services.lines().len(), 3);
    user.has("MACHINE", &[&set[..], &[("AWS_PROFILE", "other")]].concat());
}
