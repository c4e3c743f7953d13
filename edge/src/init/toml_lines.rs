//! Edits of a TOML file by its lines, so that comments stay. It knows the shipped files' style: a key and its value are
//! on one line, and a key or a section that is not in use is a comment, `# key = value`.

/// The lines of a file.
#[derive(Clone, Debug)]
pub(super) struct TomlLines(Vec<String>);

impl TomlLines {
    pub(super) fn of(text: &str) -> TomlLines {
        TomlLines(text.lines().map(str::to_owned).collect())
    }

    pub(super) fn into_text(self) -> String {
        self.0.join("\n") + "\n"
    }

    /// Gives a section another name.
    pub(super) fn rename(&mut self, section: &str, name: &str) -> Result<(), String> {
        let at = self.header(section)?;
        self.replace(at, |_| format!("[{name}]"));
        Ok(())
    }

    /// Puts a section that is a comment in use.
    pub(super) fn uncomment(&mut self, section: &str) -> Result<(), String> {
        self.rename(section, section)
    }

    /// Makes the header of a section a comment.
    pub(super) fn comment_out_header(&mut self, section: &str) -> Result<(), String> {
        let at = self.header(section)?;
        self.replace(at, |line| commented(&line));
        Ok(())
    }

    /// Sets a key, and puts it in use if it is a comment.
    pub(super) fn set(&mut self, section: &str, key: &str, value: &str) -> Result<(), String> {
        let at = self.key(section, key)?;
        self.replace(at, |_| format!("{key} = {value}"));
        Ok(())
    }

    /// Makes a key a comment.
    pub(super) fn comment_out(&mut self, section: &str, key: &str) -> Result<(), String> {
        let at = self.key(section, key)?;
        self.replace(at, |line| commented(&line));
        Ok(())
    }

    /// Makes the line with `part` a comment. The line is one of a value of several lines.
    pub(super) fn comment_out_line(&mut self, section: &str, part: &str) -> Result<(), String> {
        let found = self.lines_of(section)?.find(|(_, line)| line.contains(part) && !is_comment(line));
        let at = found.map(|(at, _)| at).ok_or_else(|| missing(section, part))?;
        self.replace(at, |line| commented(&line));
        Ok(())
    }

    fn replace(&mut self, at: usize, new: impl FnOnce(String) -> String) {
        if let Some(line) = self.0.get_mut(at) {
            *line = new(std::mem::take(line));
        }
    }

    fn header(&self, section: &str) -> Result<usize, String> {
        let found = self.0.iter().position(|line| header_of(line) == Some(section));
        found.ok_or_else(|| missing(section, ""))
    }

    /// Returns the lines behind the header of a section, up to the next header.
    fn lines_of(&self, section: &str) -> Result<impl Iterator<Item = (usize, &str)>, String> {
        let first = self.header(section)? + 1;
        let lines = self.0.iter().enumerate().skip(first).map(|(at, line)| (at, line.as_str()));
        Ok(lines.take_while(|(_, line)| header_of(line).is_none()))
    }

    /// Returns the line of a key: one in use before one that is a comment.
    fn key(&self, section: &str, key: &str) -> Result<usize, String> {
        let is_key = |line: &str| line.strip_prefix(key).is_some_and(|rest| rest.starts_with(" = "));
        let found: Vec<(usize, &str)> =
            self.lines_of(section)?.filter(|(_, line)| is_key(line.strip_prefix("# ").unwrap_or(line))).collect();
        let in_use = found.iter().find(|(_, line)| !is_comment(line));
        in_use.or(found.first()).map(|(at, _)| *at).ok_or_else(|| missing(section, key))
    }
}

fn missing(section: &str, part: &str) -> String {
    format!("the shipped files have no `{part}` in `[{section}]`: this is a fault of `dag`")
}

fn is_comment(line: &str) -> bool {
    line.trim_start().starts_with('#')
}

/// Returns the section of a header, also of one that is a comment.
fn header_of(line: &str) -> Option<&str> {
    let name = line.strip_prefix("# ").unwrap_or(line).strip_prefix('[')?.strip_suffix(']')?;
    name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_')).then_some(name)
}

fn commented(line: &str) -> String {
    let bare = line.trim_start();
    let indent = line.get(..line.len() - bare.len()).unwrap_or_default();
    format!("{indent}# {bare}")
}

/// Returns a TOML string. `text` has no control characters.
pub(super) fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "\
# About it.
[one]
# The key.
key = 1
# other = 2

# [two]
# key = 3
list = [
  { a = 1 },
]
";

    #[track_caller]
    fn check(edit: impl FnOnce(&mut TomlLines) -> Result<(), String>, changed: &[(&str, &str)]) {
        let mut lines = TomlLines::of(TEXT);
        edit(&mut lines).unwrap();
        let expected = changed.iter().fold(TEXT.to_owned(), |text, (from, to)| text.replacen(from, to, 1));
        assert_eq!(lines.into_text(), expected);
    }

    #[test]
    fn an_edit_changes_one_line() {
        check(|lines| lines.set("one", "key", "\"x\""), &[("key = 1", "key = \"x\"")]);
        check(|lines| lines.set("one", "other", "5"), &[("# other = 2", "other = 5")]);
        check(|lines| lines.comment_out("one", "key"), &[("key = 1", "# key = 1")]);
        check(|lines| lines.rename("one", "three"), &[("[one]", "[three]")]);
        check(|lines| lines.uncomment("two"), &[("# [two]", "[two]")]);
        check(|lines| lines.set("two", "key", "4"), &[("# key = 3", "key = 4")]);
        check(|lines| lines.comment_out_line("two", "a = 1"), &[("  { a = 1 },", "  # { a = 1 },")]);
        check(|lines| lines.comment_out_header("one"), &[("[one]", "# [one]")]);
    }

    #[test]
    fn what_is_not_there_is_not_changed() {
        let mut lines = TomlLines::of(TEXT);
        assert!(lines.set("three", "key", "1").is_err());
        assert!(lines.set("one", "ke", "1").is_err());
        assert!(lines.comment_out_line("one", "a = 1").is_err());
        assert_eq!(lines.into_text(), TEXT);
    }
}
