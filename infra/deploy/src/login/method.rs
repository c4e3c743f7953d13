//! Where the credentials come from.

use std::fmt;

/// Where the SDK finds the credentials, in its order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Login {
    /// AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.
    Environment {
        /// Whether AWS_PROFILE names a profile, which is not used then.
        hides_profile: bool,
    },
    /// A profile of the AWS command line.
    Profile(ProfileLogin),
    /// The token in AWS_WEB_IDENTITY_TOKEN_FILE, as in a job of a CI service.
    WebIdentity,
    /// AWS_CONTAINER_CREDENTIALS_RELATIVE_URI or AWS_CONTAINER_CREDENTIALS_FULL_URI, as in CloudShell or CodeBuild.
    Container,
    /// The metadata service of an EC2 instance, which the SDK asks when nothing else is set up.
    Machine {
        /// The profile that was chosen, if it exists and has no credentials.
        empty_profile: Option<String>,
        /// The names of all profiles.
        profiles: Vec<String>,
    },
}

/// A profile with credentials.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ProfileLogin {
    /// The profile that was chosen.
    pub name: String,
    /// The profile that has the credentials: the one that was chosen, or the last that `source_profile` leads to.
    pub source: String,
    /// How the source has its credentials.
    pub method: Method,
    /// The role that these credentials are exchanged for.
    pub role: Option<Role>,
    /// The region of AWS_REGION, else of the profile that was chosen.
    pub region: Option<String>,
}

/// The role of a profile with `role_arn`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Role {
    /// Whether a profile says `mfa_serial`. The SDK does not ask for the code.
    pub mfa: bool,
}

/// The ways in which a profile has credentials.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Method {
    /// `aws sso login`: IAM Identity Center.
    Sso,
    /// `aws login`: a session of the console.
    Console,
    /// The command of `credential_process`.
    Process,
    /// `aws_access_key_id` and `aws_secret_access_key`, in either file.
    Keys,
    /// `web_identity_token_file`.
    WebIdentity,
    /// `credential_source`: the environment, the container or the machine.
    Source,
}

impl Login {
    /// Returns the region in which the log-in itself is renewed, if it is not that of the stack. `aws login` can be
    /// renewed where it was made, which is the region of its profile.
    pub fn region(&self) -> Option<&str> {
        match self {
            Login::Profile(profile) => profile.region.as_deref(),
            _ => None,
        }
    }

    /// Returns a sentence that says how to get new credentials, after these have expired.
    pub fn renewal(&self) -> String {
        match self {
            Login::Environment { hides_profile } => {
                let instead = if *hides_profile { ", or unset all three to use AWS_PROFILE" } else { "" };
                format!("Set new ones in AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN{instead}")
            }
            Login::Profile(profile) => profile.renewal(),
            Login::WebIdentity | Login::Container | Login::Machine { .. } => CLOCK.to_owned(),
        }
    }

    /// Returns what is said while the credentials are waited for.
    pub fn waiting(&self) -> String {
        match self {
            Login::Profile(profile) if profile.method == Method::Process => format!(
                "Waiting for the command of `credential_process` in profile `{}`. If it asks for something, its \
                 question is not shown here: end this with Ctrl-C, run that command by itself, and then repeat this \
                 one",
                profile.source
            ),
            Login::Machine { .. } => "No log-in is set up, so this asks whether the machine has a role".to_owned(),
            login => format!("Waiting for {login}"),
        }
    }
}

/// The SDK renews these credentials by itself, in time.
const CLOCK: &str = "They are renewed by themselves, so look whether this machine's clock is right";

impl fmt::Display for Login {
    /// Writes whose credentials they are: "the credentials of profile `work`".
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Login::Environment { hides_profile: false } => {
                f.write_str("the credentials in the environment (AWS_ACCESS_KEY_ID)")
            }
            Login::Environment { hides_profile: true } => {
                f.write_str("the credentials in the environment (AWS_ACCESS_KEY_ID, which goes before AWS_PROFILE)")
            }
            Login::Profile(profile) => {
                write!(f, "the credentials of profile `{}`", profile.name)?;
                if profile.source != profile.name {
                    write!(f, " (by profile `{}`)", profile.source)?;
                }
                Ok(())
            }
            Login::WebIdentity => f.write_str("the credentials for the token in AWS_WEB_IDENTITY_TOKEN_FILE"),
            Login::Container => f.write_str("the credentials of this container"),
            Login::Machine { .. } => f.write_str("the credentials of this machine's role"),
        }
    }
}

impl ProfileLogin {
    /// Returns a command for the profile that has the credentials: `` `aws login --profile work` ``.
    pub fn command(&self, command: &str) -> String {
        format!("`{}`", for_profile(command, &self.source))
    }

    fn renewal(&self) -> String {
        match self.method {
            Method::Sso => format!("Run {}", self.command("aws sso login")),
            Method::Console => format!("Run {}", self.command("aws login")),
            Method::Process => format!(
                "The command of `credential_process` in profile `{}` gave them: look why they are old",
                self.source
            ),
            Method::Keys if self.role.is_none() => {
                format!("Put new ones into profile `{}` ({})", self.source, self.command("aws configure"))
            }
            Method::Keys | Method::WebIdentity | Method::Source => CLOCK.to_owned(),
        }
    }
}

/// Returns a command of the AWS command line for a profile: `aws login --profile work`.
pub(super) fn for_profile(command: &str, profile: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "-_./@:+=,".contains(c);
    if profile == "default" {
        command.to_owned()
    } else if profile.chars().all(plain) {
        format!("{command} --profile {profile}")
    } else {
        // Profiles may have spaces in their names.
        format!("{command} --profile '{}'", profile.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn profile(name: &str, method: Method) -> ProfileLogin {
        ProfileLogin { name: name.to_owned(), source: name.to_owned(), method, role: None, region: None }
    }

    #[test]
    fn commands_name_the_profile_as_a_shell_takes_it() {
        assert_eq!(profile("default", Method::Sso).command("aws sso login"), "`aws sso login`");
        assert_eq!(profile("work", Method::Sso).command("aws sso login"), "`aws sso login --profile work`");
        assert_eq!(profile("Nor's own", Method::Keys).command("aws login"), r"`aws login --profile 'Nor'\''s own'`");
    }

    #[test]
    fn expired_credentials_are_renewed_by_the_command_of_their_kind() {
        let renewal = |login: Login| format!("{login} have expired. {}", login.renewal());
        let of = |method| renewal(Login::Profile(profile("work", method)));
        insta::assert_snapshot!(of(Method::Sso), @"the credentials of profile `work` have expired. Run `aws sso login --profile work`");
        insta::assert_snapshot!(of(Method::Console), @"the credentials of profile `work` have expired. Run `aws login --profile work`");
        insta::assert_snapshot!(of(Method::Process), @"the credentials of profile `work` have expired. The command of `credential_process` in profile `work` gave them: look why they are old");
        insta::assert_snapshot!(of(Method::Keys), @"the credentials of profile `work` have expired. Put new ones into profile `work` (`aws configure --profile work`)");
        let role = ProfileLogin { source: "base".to_owned(), ..profile("work", Method::Sso) };
        insta::assert_snapshot!(renewal(Login::Profile(role)), @"the credentials of profile `work` (by profile `base`) have expired. Run `aws sso login --profile base`");
        insta::assert_snapshot!(renewal(Login::Environment { hides_profile: false }), @"the credentials in the environment (AWS_ACCESS_KEY_ID) have expired. Set new ones in AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN");
        insta::assert_snapshot!(renewal(Login::Environment { hides_profile: true }), @"the credentials in the environment (AWS_ACCESS_KEY_ID, which goes before AWS_PROFILE) have expired. Set new ones in AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN, or unset all three to use AWS_PROFILE");
        insta::assert_snapshot!(renewal(Login::Container), @"the credentials of this container have expired. They are renewed by themselves, so look whether this machine's clock is right");
    }
}
