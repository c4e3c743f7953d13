//! Lists the files that `dag init` writes: `config.toml` and all of `rules/` in the repository. They become part of the
//! program, so that a copied binary needs no checkout.

use std::{
    env, fs, io,
    path::{Path, PathBuf},
};

fn main() -> io::Result<()> {
    let of_cargo = |name: &str| env::var_os(name).map(PathBuf::from).ok_or_else(|| io::Error::other(name.to_owned()));
    let top = of_cargo("CARGO_MANIFEST_DIR")?.join("..");
    let mut files = vec![(top.join("config.toml"), "config.toml".to_owned())];
    add_folder(&top.join("rules"), "rules", &mut files)?;
    files.sort_by(|(_, one), (_, other)| one.cmp(other));
    let mut list = String::from("&[\n");
    for (path, name) in &files {
        list.push_str(&format!("    ({name:?}, include_str!({:?})),\n", path.display().to_string()));
    }
    list.push_str("]\n");
    fs::write(of_cargo("OUT_DIR")?.join("starter_files.rs"), list)?;
    // Cargo looks at every file in a folder that is named.
    println!("cargo::rerun-if-changed={}", top.join("config.toml").display());
    println!("cargo::rerun-if-changed={}", top.join("rules").display());
    Ok(())
}

fn add_folder(folder: &Path, name: &str, files: &mut Vec<(PathBuf, String)>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let own = entry.file_name().to_string_lossy().into_owned();
        // Hidden files, and those that an editor makes.
        if own.starts_with(['.', '#']) || own.ends_with('~') {
            continue;
        }
        let name = format!("{name}/{own}");
        match entry.file_type()?.is_dir() {
            true => add_folder(&entry.path(), &name, files)?,
            false => files.push((entry.path(), name)),
        }
    }
    Ok(())
}
