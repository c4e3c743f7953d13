//! Files that `config.toml` names and that are not on this machine. They may be on the one that it is for, so that this
//! is a warning.

use std::path::Path;

use dag_config::Config;
use dag_engine::SecretRef;

/// Returns a warning for each certificate, key and secret whose file is missing.
pub(super) fn warnings(config: &Config) -> Vec<String> {
    let mut named: Vec<(&str, &str, &Path)> = Vec::new();
    if let Some(smtp) = &config.email.smtp {
        named.extend(smtp.ca.as_deref().map(|path| ("ca", "email.smtp", path)));
        named.extend(smtp.password.as_ref().and_then(file).map(|path| ("password", "email.smtp", path)));
    }
    if let Some(home_assistant) = &config.home_assistant {
        named.extend(home_assistant.ca.as_deref().map(|path| ("ca", "home_assistant", path)));
        named.extend(home_assistant.password.as_ref().and_then(file).map(|path| ("password", "home_assistant", path)));
    }
    if let Some(uplink) = &config.uplink {
        named.extend(uplink.ca.as_deref().map(|path| ("ca", "uplink", path)));
        named
            .extend([("certificate", "uplink", uplink.certificate.as_path()), ("key", "uplink", uplink.key.as_path())]);
    }
    let missing = named.into_iter().filter(|(_, _, path)| !path.exists());
    let warning = |(key, section, path): (&str, &str, &Path)| {
        format!(
            "warning: `{key}` in `[{section}]` names {}, and there is no such file here: put it there, also after a \
             restore",
            path.display()
        )
    };
    missing.map(warning).collect()
}

fn file(secret: &SecretRef) -> Option<&Path> {
    match secret {
        SecretRef::File(path) => Some(Path::new(path)),
        SecretRef::Env(_) => None,
    }
}
