//! The packages of the function. The same content gives the same bytes, so that the key, which has their hash in it,
//! changes only with the content.

use std::{
    collections::BTreeMap,
    fs,
    io::{Cursor, Write as _},
    path::Path,
};

use anyhow::{Context as _, Result, bail};
use dag_config::{Config, Mode, Transport};
use dag_rulebook::RulesFolder;
use sha2::{Digest as _, Sha256};
use zip::{CompressionMethod, DateTime, ZipWriter, write::SimpleFileOptions};

/// The most bytes of a function and its layers, unpacked ("Lambda quotas": 250 MB).
const MOST_BYTES: usize = 250_000_000;

/// A file to upload, and its key.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Package {
    /// The key in the bucket, with a hash of the content.
    pub key: String,
    pub bytes: Vec<u8>,
}

impl Package {
    /// Returns the package of the function: the file that the runtime starts.
    pub fn of_consumer(bootstrap: &Path) -> Result<Package> {
        let program = fs::read(bootstrap).with_context(|| format!("{} cannot be read", bootstrap.display()))?;
        if !is_for_arm64(&program) {
            bail!(
                "{} is not a Linux program for arm64, which is what the function runs on: build it by \
                 `cargo lambda build --arm64`, or leave `--consumer` out",
                bootstrap.display()
            );
        }
        let files = BTreeMap::from([("bootstrap".to_owned(), (0o755, program))]);
        Package::zipped("consumer", &files)
    }

    /// Returns the package of the layer: `config.toml` and `rules/`. No other file of their folder is in it, and no
    /// scenarios, which only the author of rules needs.
    pub fn of_rules(config: &str, rules: &RulesFolder) -> Result<Package> {
        let mut files = BTreeMap::from([("config.toml".to_owned(), (0o644, config.as_bytes().to_owned()))]);
        let read = rules.to_stored().into_iter().filter(|(path, _)| !path.starts_with("tests/"));
        files.extend(read.map(|(path, bytes)| (format!("rules/{path}"), (0o644, bytes))));
        Package::zipped("rules", &files)
    }

    /// Returns the upload of a template.
    pub fn of_template(text: String) -> Package {
        let bytes = text.into_bytes();
        Package { key: format!("template/{}.yaml", hash(&bytes)), bytes }
    }

    fn zipped(folder: &str, files: &BTreeMap<String, (u32, Vec<u8>)>) -> Result<Package> {
        let total: usize = files.values().map(|(_, bytes)| bytes.len()).sum();
        if total > MOST_BYTES {
            bail!("the package `{folder}` has {total} bytes, and Lambda takes {MOST_BYTES}: take something out");
        }
        let bytes = zip(files)?;
        Ok(Package { key: format!("{folder}/{}.zip", hash(&bytes)), bytes })
    }
}

/// Packs files, given as mode and bytes by path, in the order of the paths.
pub(crate) fn zip(files: &BTreeMap<String, (u32, Vec<u8>)>) -> Result<Vec<u8>> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for (path, (mode, bytes)) in files {
        // The time is fixed: that of the file on the disk would change the bytes of the package.
        let options = SimpleFileOptions::default()
            .compression_method(CompressionMethod::Deflated)
            .last_modified_time(DateTime::default())
            .unix_permissions(*mode);
        zip.start_file(path.as_str(), options)?;
        zip.write_all(bytes)?;
    }
    Ok(zip.finish()?.into_inner())
}

/// Returns the SHA-256 in lower-case hexadecimal digits.
fn hash(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Returns whether a file begins as a 64-bit little-endian ELF file for AArch64 (machine 183).
fn is_for_arm64(program: &[u8]) -> bool {
    program.starts_with(b"\x7fELF\x02\x01") && program.get(18..20) == Some(&[183, 0])
}

/// Returns the text of `config.toml` for the package. The consumer reads it without this machine's environment and
/// flags, which `config` includes.
///
/// # Errors
/// The file is not for mode `cloud` with SES, or environment and flags change values that would not reach the consumer.
pub(crate) fn cloud_config(path: &Path, config: &Config) -> Result<String> {
    let text = fs::read_to_string(path).with_context(|| format!("{} cannot be read", path.display()))?;
    let packed = parse_file(&text, path)?;
    let mut lines = Vec::new();
    if packed.mode != Mode::Cloud {
        lines.push("`mode = \"cloud\"` at the top".to_owned());
    }
    if packed.email.transport != Transport::Ses {
        lines.push("`transport = \"ses\"` in `[email]`".to_owned());
    }
    if !lines.is_empty() {
        bail!(
            "{} is not that of a cloud: the function runs on it as it is, so write {} (`--set` and the environment do \
             not reach the function)",
            path.display(),
            lines.join(" and ")
        );
    }
    if differs(packed, config) {
        bail!(
            "`--set` or the environment (DAG_…) changes more than `[aws]`, and would not reach the function, which \
             runs on {} as it is: write it there",
            path.display()
        );
    }
    Ok(text)
}

/// Parses a configuration without this machine's environment and flags.
///
/// # Errors
/// The file is not valid by itself.
pub(crate) fn parse_file(text: &str, path: &Path) -> Result<Config> {
    let file = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    Ok(Config::parse(text, &file, [], &[])?)
}

/// Returns whether environment and flags change more of a file than `[aws]`, which only this program reads.
pub(crate) fn differs(mut file: Config, config: &Config) -> bool {
    file.aws.clone_from(&config.aws);
    file != *config
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;

    /// Returns the head of a program for arm64.
    fn program() -> Vec<u8> {
        let mut program = b"\x7fELF\x02\x01\x01".to_vec();
        program.resize(18, 0);
        program.extend([183, 0]);
        program
    }

    fn entries(package: &Package) -> Vec<(String, u32, usize)> {
        let mut zip = zip::ZipArchive::new(Cursor::new(&package.bytes)).unwrap();
        (0..zip.len())
            .map(|at| {
                let mut file = zip.by_index(at).unwrap();
                let mut bytes = Vec::new();
                file.read_to_end(&mut bytes).unwrap();
                (file.name().unwrap().into_owned(), file.unix_mode().unwrap() & 0o777, bytes.len())
            })
            .collect()
    }

    fn top() -> std::path::PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
    }

    #[test]
    fn the_layer_has_the_configuration_and_the_rules_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let rules = folder.path().join("rules");
        for (path, text) in [
            ("power.toml", "a"),
            ("off.rhai", "b"),
            ("README.md", "for people"),
            (".env", "SECRET=1"),
            ("key.pem", "a key"),
            ("templates/outage.html", "c"),
            ("tests/outage.toml", "d"),
            ("tests/other/power.toml", "e"),
        ] {
            let path = rules.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        fs::write(folder.path().join("device.key"), "a key").unwrap();
        let package = Package::of_rules("x = 1\n", &RulesFolder::read(&rules).unwrap()).unwrap();
        let expected =
            [("config.toml", 6), ("rules/off.rhai", 1), ("rules/power.toml", 1), ("rules/templates/outage.html", 1)];
        let expected = expected.map(|(path, bytes)| (path.to_owned(), 0o644, bytes));
        assert_eq!(entries(&package), expected);
    }

    #[test]
    fn the_same_content_is_the_same_package() {
        let folder = tempfile::tempdir().unwrap();
        let bootstrap = folder.path().join("bootstrap");
        fs::write(&bootstrap, program()).unwrap();
        let first = Package::of_consumer(&bootstrap).unwrap();
        let before = std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1_000_000_000);
        fs::File::options().write(true).open(&bootstrap).unwrap().set_modified(before).unwrap();
        let again = Package::of_consumer(&bootstrap).unwrap();
        assert!(first == again);
        assert_eq!(entries(&first), [("bootstrap".to_owned(), 0o755, 20)]);
        let rules = RulesFolder::read(&top().join("rules")).unwrap();
        assert!(Package::of_rules("", &rules).unwrap() == Package::of_rules("", &rules).unwrap());
        assert!(Package::of_rules("", &rules).unwrap().key != Package::of_rules("#", &rules).unwrap().key);
    }

    #[test]
    fn a_program_for_another_processor_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let bootstrap = folder.path().join("bootstrap");
        fs::write(&bootstrap, b"\x7fELF\x02\x01\x01").unwrap();
        let error = Package::of_consumer(&bootstrap).err().unwrap().to_string();
        insta::assert_snapshot!(error.replace(folder.path().to_str().unwrap(), "FOLDER"), @"FOLDER/bootstrap is not a Linux program for arm64, which is what the function runs on: build it by `cargo lambda build --arm64`, or leave `--consumer` out");
    }

    #[test]
    fn an_unfit_configuration_says_which_lines_to_change() {
        let path = top().join("config.toml");
        let config = Config::load(&path, &[]).unwrap();
        let error = cloud_config(&path, &config).unwrap_err().to_string();
        insta::assert_snapshot!(error.replace(path.to_str().unwrap(), "config.toml"), @r#"config.toml is not that of a cloud: the function runs on it as it is, so write `mode = "cloud"` at the top and `transport = "ses"` in `[email]` (`--set` and the environment do not reach the function)"#);

        let folder = tempfile::tempdir().unwrap();
        let copy = folder.path().join("config.toml");
        let text = fs::read_to_string(&path).unwrap().replace("mode = \"standalone\"", "mode = \"cloud\"");
        let text = text.replace("transport = \"outbox\"", "transport = \"ses\"");
        fs::write(&copy, &text).unwrap();
        let stack = ("aws.stack".to_owned(), "trial".to_owned());
        let config = Config::load(&copy, std::slice::from_ref(&stack)).unwrap();
        assert_eq!(cloud_config(&copy, &config).unwrap(), text);
        let config = Config::load(&copy, &[stack, ("site.name".to_owned(), "Elsewhere".to_owned())]).unwrap();
        let error = cloud_config(&copy, &config).unwrap_err().to_string();
        insta::assert_snapshot!(error.replace(copy.to_str().unwrap(), "config.toml"), @"`--set` or the environment (DAG_…) changes more than `[aws]`, and would not reach the function, which runs on config.toml as it is: write it there");
    }
}
