//! Rules from the cloud: checks their signature and age, and puts their files in place.

use std::{
    fs::{self, File},
    io::{self, Write as _},
    path::{Component, Path, PathBuf},
};

use dag_config::Config;
use dag_engine::{Millis, Time};
use dag_rulebook::{Rulebook, RulesFolder};
use dag_uplink::{PublicKey, SignedRules};

/// The most names in a file's path, and its longest path in bytes: `rules/` itself has two levels.
const DEEPEST: usize = 3;
const LONGEST_PATH: usize = 200;

/// The folders beside `rules/` for the new rules while they are written, and for the old ones while both are moved.
const NEW: &str = ".rules.new";
const OLD: &str = ".rules.old";

/// The furthest that rules may be signed ahead of the device's clock: a day. Clocks differ, but one that is further
/// ahead is wrong.
const MOST_AHEAD: Millis = Millis::new(86_400_000);

/// Checks that rules may be tried: they are signed by the owner, are not older than the last that were accepted, and
/// are not signed in the future, since all that are signed later with a right clock would count as older. `now` is
/// `None` where the clock is not set.
///
/// # Errors
/// The reason for the refusal, as a sentence.
pub fn admit(rules: &SignedRules, key: Option<&str>, last: Option<Time>, now: Option<Time>) -> Result<(), String> {
    let key =
        key.ok_or("new rules came, and this device takes none: `uplink.rules_key` in config.toml says from whom")?;
    let key = PublicKey::parse(key).map_err(|error| error.to_string())?;
    rules.verify(&key).map_err(|error| error.to_string())?;
    if let Some(now) = now.filter(|now| rules.signed_at.since(*now) > MOST_AHEAD) {
        return Err(format!(
            "the rules were signed at {}, and here it is {now}: set the clock of the machine that signs them, and push \
             them again",
            rules.signed_at
        ));
    }
    match last {
        Some(last) if rules.signed_at < last => {
            Err(format!("the rules were signed at {}, and those of {last} were taken already", rules.signed_at))
        }
        _ => Ok(()),
    }
}

/// Returns the rules to try next where others already wait: the newer ones, since somebody may replay old ones to
/// displace them.
pub fn newer(waiting: Option<SignedRules>, came: SignedRules) -> SignedRules {
    match waiting {
        Some(waiting) if waiting.signed_at > came.signed_at => waiting,
        _ => came,
    }
}

/// Compiles the rules and runs their scenarios. If both succeed, replaces `rules/` by their files: by all of them or
/// by none.
///
/// # Errors
/// The problems of the rules, or the reason why they cannot be written. `rules/` is then unchanged.
pub fn install(rules: &SignedRules, config: &Config) -> Result<(), String> {
    let (place, new) = (config.root.join("rules"), config.root.join(NEW));
    let unwritten =
        |error: io::Error| format!("the new rules cannot be written to `{}`: {error}", config.root.display());
    if let Some(path) = rules.files.keys().find(|path| !is_plain(path)) {
        return Err(format!("the new rules have a file `{}`, which does not belong there", path.escape_debug()));
    }
    clear(&new).map_err(unwritten)?;
    let proved = write(&new, rules).map_err(unwritten).and_then(|()| {
        let folder = RulesFolder::read(&new).map_err(|problems| dag_engine::Problems(problems).to_string())?;
        // A file that is not read would have no effect, and the device would never report the hash that was signed.
        if folder.id() != rules.hash() {
            return Err("the new rules have files that do not belong into `rules/`".to_owned());
        }
        // Problems name the place where the files would go.
        Rulebook::prove_folder(folder.shown_as("rules"), config).map_err(|refusal| refusal.to_string())
    });
    let moved = proved.and_then(|_| swap(&new, &place, &config.root).map_err(unwritten));
    // The folder now holds the old rules, or those that were refused.
    if let Err(error) = clear(&new) {
        tracing::warn!(%error, "a folder that is no longer needed cannot be removed");
    }
    moved
}

/// Restores `rules/` after a power cut between the two moves of [`install`].
///
/// # Errors
/// A folder cannot be moved or removed.
pub fn recover(root: &Path) -> io::Result<()> {
    let (place, old) = (root.join("rules"), root.join(OLD));
    if old.exists() {
        if place.exists() { clear(&old)? } else { fs::rename(&old, &place)? }
    }
    clear(&root.join(NEW))
}

/// Returns whether a path consists of a few plain names. [`RulesFolder`] decides which names are read.
fn is_plain(path: &str) -> bool {
    let plain = |part: Component<'_>| match part {
        Component::Normal(name) => !name.to_string_lossy().starts_with('.'),
        _ => false,
    };
    let names: PathBuf = Path::new(path).components().collect();
    path.len() <= LONGEST_PATH
        && !path.contains(|c: char| c.is_control() || c == '\\')
        // `a//b` and `a/./b` have the same components as `a/b`.
        && names.to_str() == Some(path)
        && (1..=DEEPEST).contains(&names.components().count())
        && names.components().all(plain)
}

fn clear(folder: &Path) -> io::Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Writes the files durably: they survive a power cut.
fn write(folder: &Path, rules: &SignedRules) -> io::Result<()> {
    fs::create_dir(folder)?;
    let mut folders = vec![folder.to_owned()];
    for (path, text) in &rules.files {
        let path = folder.join(path);
        if let Some(above) = path.parent() {
            fs::create_dir_all(above)?;
            folders.push(above.to_owned());
        }
        let mut file = File::create_new(&path)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
    }
    folders.iter().try_for_each(|folder| File::open(folder)?.sync_all())
}

/// Moves `new` to `place`. The old folder is at `new` afterwards, or gone.
fn swap(new: &Path, place: &Path, root: &Path) -> io::Result<()> {
    if exchange(new, place).is_err() {
        // Not every file system can exchange folders. Between the two moves there is no `rules/`: see `recover`.
        let old = root.join(OLD);
        clear(&old)?;
        fs::rename(place, &old)?;
        if let Err(error) = fs::rename(new, place) {
            fs::rename(&old, place)?;
            return Err(error);
        }
        clear(&old)?;
    }
    File::open(root)?.sync_all()
}

#[cfg(target_os = "linux")]
fn exchange(one: &Path, other: &Path) -> io::Result<()> {
    use rustix::fs::{CWD, RenameFlags, renameat_with};
    Ok(renameat_with(CWD, one, CWD, other, RenameFlags::EXCHANGE)?)
}

#[cfg(not(target_os = "linux"))]
fn exchange(_: &Path, _: &Path) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_paths_of_plain_names_are_accepted() {
        for good in ["power.toml", "templates/mail.mjml", "tests/a.toml", "tests/other/power.toml"] {
            assert!(is_plain(good), "{good}");
        }
        let bad = [
            "",
            "/etc/passwd",
            "..",
            "../config.toml",
            "a/../../b",
            "./a",
            "a//b",
            "a/",
            "a/./b",
            ".hidden",
            "a/.b",
            "a\\b",
            "a\nb",
            "a/b/c/d",
        ];
        for bad in bad.into_iter().chain([&*"x".repeat(201)]) {
            assert!(!is_plain(bad), "{bad:?}");
        }
    }

    #[test]
    fn rules_are_admitted_by_signature_and_by_when_they_were_signed() {
        let pkcs8 = || ring::signature::Ed25519KeyPair::generate_pkcs8(&ring::rand::SystemRandom::new()).unwrap();
        let owner = dag_uplink::SigningKey::from_pkcs8(pkcs8().as_ref()).unwrap();
        let key = owner.public().to_text();
        let now: Time = "2026-01-10T12:00:00Z".parse().unwrap();
        let admitted = |signed_at: Time, last: Option<Time>, now: Option<Time>| {
            admit(&owner.sign([].into(), signed_at), Some(&key), last, now)
        };
        let (day, year) = (Millis::new(86_400_000), Millis::new(365 * 86_400_000));
        assert_eq!(admitted(now, None, Some(now)), Ok(()));
        assert_eq!(admitted(now, Some(now), Some(now)), Ok(()), "the same once more");
        assert_eq!(admitted(now + day, None, Some(now)), Ok(()), "clocks differ");
        assert_eq!(admitted(now + year, None, None), Ok(()), "a clock that is not set knows nothing of the future");
        assert_eq!(
            admitted(now + year, None, Some(now)).unwrap_err(),
            "the rules were signed at 2027-01-10T12:00:00Z, and here it is 2026-01-10T12:00:00Z: set the \
             clock of the machine that signs them, and push them again"
        );
        assert_eq!(
            admitted(now, Some(now + day), Some(now)).unwrap_err(),
            "the rules were signed at 2026-01-10T12:00:00Z, and those of 2026-01-11T12:00:00Z were taken \
             already"
        );
        let stranger = dag_uplink::SigningKey::from_pkcs8(pkcs8().as_ref()).unwrap();
        assert_eq!(
            admit(&stranger.sign([].into(), now), Some(&key), None, Some(now)).unwrap_err(),
            "the signature does not fit: the rules were not signed by the owner of this device, or were \
             changed since"
        );
        assert_eq!(
            admit(&owner.sign([].into(), now), None, None, Some(now)).unwrap_err(),
            "new rules came, and this device takes none: `uplink.rules_key` in config.toml says from whom"
        );
    }

    #[test]
    fn replayed_old_rules_do_not_displace_newer_ones_that_wait() {
        let signed = |at: i64, text: &str| SignedRules {
            files: [("a.toml".to_owned(), text.to_owned())].into(),
            signed_at: Time::from_millis(at),
            signature: String::new(),
        };
        let (old, new) = (signed(1, "old"), signed(2, "new"));
        assert_eq!(newer(None, old.clone()), old);
        assert_eq!(newer(Some(old.clone()), new.clone()), new);
        assert_eq!(newer(Some(new.clone()), old), new);
        assert_eq!(newer(Some(new), signed(2, "same")), signed(2, "same"), "what came last counts among equals");
    }

    #[test]
    fn a_power_cut_between_the_two_moves_leaves_the_old_rules() {
        let root = tempfile::tempdir().unwrap();
        for (folder, text) in [(OLD, "old"), (NEW, "new")] {
            fs::create_dir(root.path().join(folder)).unwrap();
            fs::write(root.path().join(folder).join("a.toml"), text).unwrap();
        }
        recover(root.path()).unwrap();
        assert_eq!(fs::read_to_string(root.path().join("rules/a.toml")).unwrap(), "old");
        assert_eq!(fs::read_dir(root.path()).unwrap().count(), 1);
        recover(root.path()).unwrap();
    }
}
