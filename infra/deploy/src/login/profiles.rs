//! Finding out which log-in the SDK will use, from the environment and the files of the AWS command line.

use std::{collections::BTreeSet, error::Error as _};

use aws_config::profile::{self, Profile, ProfileSet};
use aws_runtime::env_config::file::EnvConfigFiles;
use aws_types::os_shim_internal::{Env, Fs};
use dag_engine::nearest;

use super::{
    failure::NotLoggedIn,
    method::{Login, Method, ProfileLogin, Role},
};
use crate::words::first_quoted;

impl Login {
    /// Returns the log-in that the SDK will use. Reads files, and sends nothing.
    ///
    /// # Errors
    /// A profile is named that does not exist, or the files of the AWS command line cannot be read.
    pub async fn find(env: &Env, fs: &Fs) -> Result<Login, NotLoggedIn> {
        let is_set = |name: &str| env.get(name).is_ok_and(|value| !value.trim().is_empty());
        if is_set("AWS_ACCESS_KEY_ID") && (is_set("AWS_SECRET_ACCESS_KEY") || is_set("SECRET_ACCESS_KEY")) {
            return Ok(Login::Environment { hides_profile: is_set("AWS_PROFILE") });
        }
        let profiles = profile::load(fs, env, &EnvConfigFiles::default(), None).await.map_err(|error| {
            // "error parsing /home/nor/.aws/config on line 3:" and, in the next line, the mistake.
            let why = error.source().map_or_else(|| error.to_string(), ToString::to_string);
            let why = why.split_whitespace().collect::<Vec<_>>().join(" ");
            NotLoggedIn(format!("a file of the AWS command line cannot be read: {why}"))
        })?;
        let chosen = profiles.selected_profile();
        let exists = profiles.get_profile(chosen).is_some();
        if !exists && env.get("AWS_PROFILE").is_ok() {
            return Err(no_profile(&profiles, chosen, "AWS_PROFILE names it"));
        }
        if let Some(profile) = of_profile(&profiles, chosen)? {
            let region = ["AWS_REGION", "AWS_DEFAULT_REGION"].into_iter().find(|name| is_set(name));
            let region = region.and_then(|name| env.get(name).ok()).or(profile.region);
            return Ok(Login::Profile(ProfileLogin { region, ..profile }));
        }
        if is_set("AWS_WEB_IDENTITY_TOKEN_FILE") && is_set("AWS_ROLE_ARN") {
            return Ok(Login::WebIdentity);
        }
        if is_set("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI") || is_set("AWS_CONTAINER_CREDENTIALS_FULL_URI") {
            return Ok(Login::Container);
        }
        Ok(Login::Machine { empty_profile: exists.then(|| chosen.to_owned()), profiles: names(&profiles) })
    }
}

/// Returns the log-in of a profile, or `None` if it has none.
fn of_profile(profiles: &ProfileSet, chosen: &str) -> Result<Option<ProfileLogin>, NotLoggedIn> {
    let mut source = chosen;
    let mut role: Option<Role> = None;
    let mut passed: Vec<&str> = Vec::new();
    let method = loop {
        let Some(profile) = profiles.get_profile(source) else {
            let by = passed.last().map_or(String::new(), |by| format!("`source_profile` of profile `{by}` names it"));
            return if role.is_some() { Err(no_profile(profiles, source, &by)) } else { Ok(None) };
        };
        // The keys of a source go before its own role.
        if role.is_some() && profile.get("aws_access_key_id").is_some() {
            break Some(Method::Keys);
        }
        let by_token = profile.get("web_identity_token_file").is_some();
        if profile.get("role_arn").is_some() && !by_token {
            let mfa = profile.get("mfa_serial").is_some() || role.is_some_and(|role| role.mfa);
            role = Some(Role { mfa });
            passed.push(source);
            if let Some(next) = profile.get("source_profile").filter(|next| !passed.contains(next)) {
                source = next;
                continue;
            }
        }
        break method(profile);
    };
    let region = profiles.get_profile(chosen).and_then(|profile| profile.get("region"));
    Ok(method.map(|method| ProfileLogin {
        name: chosen.to_owned(),
        source: source.to_owned(),
        method,
        role,
        region: region.map(str::to_owned),
    }))
}

/// Returns how a profile has its credentials, in the SDK's order.
fn method(profile: &Profile) -> Option<Method> {
    let has = |key: &str| profile.get(key).is_some();
    let sso = ["sso_session", "sso_start_url", "sso_region", "sso_account_id", "sso_role_name"];
    if has("credential_source") {
        Some(Method::Source)
    } else if has("web_identity_token_file") {
        Some(Method::WebIdentity)
    } else if sso.into_iter().any(has) {
        Some(Method::Sso)
    } else if has("login_session") {
        Some(Method::Console)
    } else if has("credential_process") {
        Some(Method::Process)
    } else if has("aws_access_key_id") || has("aws_secret_access_key") {
        Some(Method::Keys)
    } else {
        None
    }
}

/// Returns the error of a profile that does not exist. `by` says who names it.
fn no_profile(profiles: &ProfileSet, name: &str, by: &str) -> NotLoggedIn {
    let known = names(profiles);
    let near = nearest(name, known.iter().map(String::as_str)).map(|near| format!("Did you mean `{near}`? "));
    let there = match known.as_slice() {
        [] => "There are no profiles yet: `aws login`, `aws configure sso` and `aws configure` make one".to_owned(),
        [one] => format!("There is only `{one}`"),
        known => format!("There are {}", first_quoted(known)),
    };
    NotLoggedIn(format!("there is no profile `{name}` ({by}). {}{there}", near.unwrap_or_default()))
}

/// Returns the names of the profiles, sorted.
fn names(profiles: &ProfileSet) -> Vec<String> {
    profiles.profiles().map(str::to_owned).collect::<BTreeSet<_>>().into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn find(environment: &[(&str, &str)], config: &str) -> Result<Login, NotLoggedIn> {
        let environment = [&[("HOME", "/home/nor")][..], environment].concat();
        let fs = Fs::from_slice(&[("/home/nor/.aws/config", config)]);
        Login::find(&Env::from_slice(&environment), &fs).await
    }

    async fn profile(config: &str) -> ProfileLogin {
        match find(&[("AWS_PROFILE", "work")], config).await {
            Ok(Login::Profile(profile)) => profile,
            other => panic!("{other:?}"),
        }
    }

    const CONFIG: &str = "[profile base]\nlogin_session = arn:aws:iam::1:user/nor\n\
                          [profile work]\nrole_arn = arn:aws:iam::2:role/deploy\nsource_profile = base\n\
                          mfa_serial = arn:aws:iam::1:mfa/nor\nregion = eu-north-1\n";

    #[tokio::test]
    async fn the_first_source_of_the_chain_is_named() {
        let keys = [("AWS_ACCESS_KEY_ID", "key"), ("AWS_SECRET_ACCESS_KEY", "secret"), ("AWS_PROFILE", "work")];
        assert_eq!(find(&keys, CONFIG).await.unwrap(), Login::Environment { hides_profile: true });
        assert_eq!(find(&keys[..2], "").await.unwrap(), Login::Environment { hides_profile: false });
        // Without its secret, or with an empty one, a key does not count.
        assert!(matches!(find(&[keys[0], keys[2]], CONFIG).await.unwrap(), Login::Profile(_)));
        let empty = [keys[0], ("AWS_SECRET_ACCESS_KEY", " "), keys[2]];
        assert!(matches!(find(&empty, CONFIG).await.unwrap(), Login::Profile(_)));

        let token = [("AWS_WEB_IDENTITY_TOKEN_FILE", "/token"), ("AWS_ROLE_ARN", "arn:aws:iam::2:role/ci")];
        assert_eq!(find(&token, CONFIG).await.unwrap(), Login::WebIdentity);
        let container = [("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://127.0.0.1/role")];
        assert_eq!(find(&container, CONFIG).await.unwrap(), Login::Container);
        assert_eq!(find(&[&container[..], &token[..]].concat(), "").await.unwrap(), Login::WebIdentity);
        let profiles = vec!["base".to_owned(), "work".to_owned()];
        assert_eq!(find(&[], CONFIG).await.unwrap(), Login::Machine { empty_profile: None, profiles });
        let nothing = find(&[("AWS_PROFILE", "work")], "[profile work]\nregion = eu-west-1\n").await.unwrap();
        let profiles = vec!["work".to_owned()];
        assert_eq!(nothing, Login::Machine { empty_profile: Some("work".to_owned()), profiles });
    }

    #[tokio::test]
    async fn the_method_of_a_profile_is_that_of_its_source() {
        let role = profile(CONFIG).await;
        assert_eq!((role.name.as_str(), role.source.as_str(), role.method), ("work", "base", Method::Console));
        assert_eq!((role.role, role.region.as_deref()), (Some(Role { mfa: true }), Some("eu-north-1")));
        let moved = find(&[("AWS_PROFILE", "work"), ("AWS_REGION", "us-east-1")], CONFIG).await.unwrap();
        assert_eq!(moved.region(), Some("us-east-1"));
        let method = async |lines: &str| profile(&format!("[profile work]\n{lines}\n")).await.method;
        assert_eq!(method("sso_session = home\nsso_account_id = 1\nsso_role_name = x").await, Method::Sso);
        assert_eq!(method("sso_start_url = https://x\nlogin_session = y").await, Method::Sso);
        assert_eq!(method("login_session = x\ncredential_process = y").await, Method::Console);
        assert_eq!(method("credential_process = x\naws_access_key_id = y").await, Method::Process);
        assert_eq!(method("aws_access_key_id = x\naws_secret_access_key = y").await, Method::Keys);
        assert_eq!(method("role_arn = x\nweb_identity_token_file = y").await, Method::WebIdentity);
        assert_eq!(method("role_arn = x\ncredential_source = Environment").await, Method::Source);
        // A role of its own keys.
        assert_eq!(method("role_arn = x\nsource_profile = work\naws_access_key_id = y").await, Method::Keys);
    }

    #[tokio::test]
    async fn profiles_that_do_not_exist_are_refused() {
        let refused = async |name: &str, config: &str| find(&[("AWS_PROFILE", name)], config).await.unwrap_err();
        insta::assert_snapshot!(refused("wrok", CONFIG).await, @"not logged in to AWS: there is no profile `wrok` (AWS_PROFILE names it). Did you mean `work`? There are `base`, `work`");
        insta::assert_snapshot!(refused("", CONFIG).await, @"not logged in to AWS: there is no profile `` (AWS_PROFILE names it). There are `base`, `work`");
        insta::assert_snapshot!(refused("work", "").await, @"not logged in to AWS: there is no profile `work` (AWS_PROFILE names it). There are no profiles yet: `aws login`, `aws configure sso` and `aws configure` make one");
        let lost = "[profile work]\nrole_arn = x\nsource_profile = bose\n[profile base]\nlogin_session = x\n";
        insta::assert_snapshot!(refused("work", lost).await, @"not logged in to AWS: there is no profile `bose` (`source_profile` of profile `work` names it). Did you mean `base`? There are `base`, `work`");
        let many: String = (0..12).map(|n| format!("[profile p{n:02}]\nlogin_session = x\n")).collect();
        insta::assert_snapshot!(refused("work", &many).await, @"not logged in to AWS: there is no profile `work` (AWS_PROFILE names it). There are `p00`, `p01`, `p02`, `p03`, `p04`, `p05`, `p06`, `p07` and 4 more");
    }

    #[tokio::test]
    async fn a_file_with_a_mistake_is_named_with_its_line() {
        let error = find(&[], "[profile work]\nregion\n").await.unwrap_err();
        insta::assert_snapshot!(error, @"not logged in to AWS: a file of the AWS command line cannot be read: error parsing /home/nor/.aws/config on line 2: Expected an '=' sign defining a property");
    }
}
