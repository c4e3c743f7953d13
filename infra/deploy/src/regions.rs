//! The regions of AWS, and which of them have the services that not every region has.
//!
//! The device links none of this: `dag check` takes any text for a region.

use dag_config::{Check, Diagnostic};
use dag_engine::did_you_mean;

/// The checks of the keys of `config.toml` that name a region.
pub(crate) const CHECKS: [Check; 2] = [
    Check { key: "aws.region", judge: |region| check(region, Service::Iot) },
    Check { key: "email.ses.region", judge: |region| check(region, Service::Ses) },
];

/// A service that not every region has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Service {
    /// AWS IoT Core, which devices report to, in the stack's region.
    Iot,
    /// Amazon SES, which sends mail.
    Ses,
}

/// The regions of AWS's public partition, and which of the two services each has. Sources: "AWS Regions", and the
/// resource types that CloudFormation has in each region, of November 2026.
const REGIONS: [(&str, &[Service]); 34] = [
    ("af-south-1", &[Service::Ses]),
    ("ap-east-1", &[Service::Iot]),
    ("ap-east-2", &[]),
    ("ap-northeast-1", &[Service::Iot, Service::Ses]),
    ("ap-northeast-2", &[Service::Iot, Service::Ses]),
    ("ap-northeast-3", &[Service::Ses]),
    ("ap-south-1", &[Service::Iot, Service::Ses]),
    ("ap-south-2", &[Service::Ses]),
    ("ap-southeast-1", &[Service::Iot, Service::Ses]),
    ("ap-southeast-2", &[Service::Iot, Service::Ses]),
    ("ap-southeast-3", &[Service::Ses]),
    ("ap-southeast-4", &[]),
    ("ap-southeast-5", &[Service::Iot, Service::Ses]),
    ("ap-southeast-6", &[]),
    ("ap-southeast-7", &[]),
    ("ca-central-1", &[Service::Iot, Service::Ses]),
    ("ca-west-1", &[Service::Ses]),
    ("eu-central-1", &[Service::Iot, Service::Ses]),
    ("eu-central-2", &[Service::Ses]),
    ("eu-north-1", &[Service::Iot, Service::Ses]),
    ("eu-south-1", &[Service::Iot, Service::Ses]),
    ("eu-south-2", &[Service::Iot]),
    ("eu-west-1", &[Service::Iot, Service::Ses]),
    ("eu-west-2", &[Service::Iot, Service::Ses]),
    ("eu-west-3", &[Service::Iot, Service::Ses]),
    ("il-central-1", &[Service::Iot, Service::Ses]),
    ("me-central-1", &[Service::Iot, Service::Ses]),
    ("me-south-1", &[Service::Iot, Service::Ses]),
    ("mx-central-1", &[]),
    ("sa-east-1", &[Service::Iot, Service::Ses]),
    ("us-east-1", &[Service::Iot, Service::Ses]),
    ("us-east-2", &[Service::Iot, Service::Ses]),
    ("us-west-1", &[Service::Iot, Service::Ses]),
    ("us-west-2", &[Service::Iot, Service::Ses]),
];

/// Checks that a region exists and has a service.
fn check(region: &str, service: Service) -> Result<(), Diagnostic> {
    let with_service: Vec<&str> =
        REGIONS.iter().filter(|(_, services)| services.contains(&service)).map(|(name, _)| *name).collect();
    if with_service.contains(&region) {
        return Ok(());
    }
    if REGIONS.iter().any(|(name, _)| *name == region) {
        let (what, help) = match service {
            Service::Iot => ("AWS IoT, which devices report to", "another region near you will do as well"),
            Service::Ses => ("SES, which mail leaves by", "mail may leave from any other region"),
        };
        let message = format!("`{region}` does not have {what}");
        return Err(Diagnostic::new(message, format!("{help}: {}", with_service.join(", "))));
    }
    let help = did_you_mean(region, with_service.iter().copied()).unwrap_or_else(|| {
        let all: Vec<String> = with_service.iter().map(|name| format!("`{name}`")).collect();
        format!("expected one of {}", all.join(", "))
    });
    Err(Diagnostic::new(format!("`{region}` is not a region of AWS"), help))
}

/// Returns whether mail can leave from a region.
pub(crate) fn has_ses(region: &str) -> bool {
    REGIONS.iter().any(|(name, services)| *name == region && services.contains(&Service::Ses))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use dag_config::Config;

    use super::*;

    /// Returns the errors of a configuration with a region. `set` overrides values of it.
    fn errors(region: &str, set: &[(&str, &str)]) -> String {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config.toml");
        let text = "mode = \"cloud\"\n[site]\nname = \"Home\"\ntimezone = \"UTC\"\n\
                    [device.cottage]\npower = { source = \"simulated\" }\n\
                    [email]\ntransport = \"ses\"\nfrom = \"dag@example.com\"\n";
        fs::write(&path, format!("{text}[aws]\nregion = \"{region}\"\n")).unwrap();
        let set: Vec<_> = set.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        let errors = Config::load_with(&path, &set, &CHECKS).unwrap_err().to_string();
        errors.replace(&folder.path().display().to_string(), "/home/dag")
    }

    #[test]
    fn an_unknown_region_is_refused_with_the_nearest() {
        insta::assert_snapshot!(errors("eu-west-9", &[]), @r#"
        error: `eu-west-9` is not a region of AWS
          --> /home/dag/config.toml:11:10
           |
        11 | region = "eu-west-9"
           |          ^^^^^^^^^^^
           |
           = help: did you mean `eu-west-1`?
        "#);
    }

    #[test]
    fn a_region_without_the_service_is_refused_with_those_that_have_it() {
        insta::assert_snapshot!(errors("eu-central-2", &[]), @r#"
        error: `eu-central-2` does not have AWS IoT, which devices report to
          --> /home/dag/config.toml:11:10
           |
        11 | region = "eu-central-2"
           |          ^^^^^^^^^^^^^^
           |
           = help: another region near you will do as well: ap-east-1, ap-northeast-1, ap-northeast-2, ap-south-1, ap-southeast-1, ap-southeast-2, ap-southeast-5, ca-central-1, eu-central-1, eu-north-1, eu-south-1, eu-south-2, eu-west-1, eu-west-2, eu-west-3, il-central-1, me-central-1, me-south-1, sa-east-1, us-east-1, us-east-2, us-west-1, us-west-2
        "#);
        insta::assert_snapshot!(errors("eu-west-1", &[("email.ses.region", "eu-south-2")]), @r"
        error: `eu-south-2` does not have SES, which mail leaves by
         |
         = note: from the flag `--set email.ses.region`
         = help: mail may leave from any other region: af-south-1, ap-northeast-1, ap-northeast-2, ap-northeast-3, ap-south-1, ap-south-2, ap-southeast-1, ap-southeast-2, ap-southeast-3, ap-southeast-5, ca-central-1, ca-west-1, eu-central-1, eu-central-2, eu-north-1, eu-south-1, eu-west-1, eu-west-2, eu-west-3, il-central-1, me-central-1, me-south-1, sa-east-1, us-east-1, us-east-2, us-west-1, us-west-2
        ");
        insta::assert_snapshot!(errors("eu-west-1", &[("email.ses.region", "Ireland!")]), @r"
        error: `Ireland!` is not a region of AWS
         |
         = note: from the flag `--set email.ses.region`
         = help: expected one of `af-south-1`, `ap-northeast-1`, `ap-northeast-2`, `ap-northeast-3`, `ap-south-1`, `ap-south-2`, `ap-southeast-1`, `ap-southeast-2`, `ap-southeast-3`, `ap-southeast-5`, `ca-central-1`, `ca-west-1`, `eu-central-1`, `eu-central-2`, `eu-north-1`, `eu-south-1`, `eu-west-1`, `eu-west-2`, `eu-west-3`, `il-central-1`, `me-central-1`, `me-south-1`, `sa-east-1`, `us-east-1`, `us-east-2`, `us-west-1`, `us-west-2`
        ");
    }

    #[test]
    fn a_region_given_with_its_table_is_checked_too() {
        insta::assert_snapshot!(errors("eu-west-1", &[("aws", "{ region = \"eu-west-9\" }")]), @r"
        error: `eu-west-9` is not a region of AWS
         |
         = note: from the flag `--set aws`
         = help: did you mean `eu-west-1`?
        ");
    }
}
