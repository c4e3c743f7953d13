//! Questions to a person at a terminal.

use std::io::{self, BufRead as _, IsTerminal as _, Write as _};

use anyhow::{Result, bail};

/// Asks a question on the standard error, and reads a line from the terminal.
///
/// # Errors
/// There is no terminal. `instead` is the advice which flag to use.
pub(super) fn read_line(question: &str, instead: &str) -> Result<String> {
    if !io::stdin().is_terminal() {
        bail!("there is no terminal to ask at: {instead}");
    }
    let mut errors = io::stderr();
    write!(errors, "{question} ")?;
    errors.flush()?;
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer)?;
    Ok(answer.trim().to_owned())
}

/// Asks a question, and returns whether the answer is yes.
pub(super) fn confirm(question: &str, instead: &str) -> Result<bool> {
    let answer = read_line(&format!("{question} [y/N]"), instead)?;
    Ok(matches!(answer.to_lowercase().as_str(), "y" | "yes"))
}
