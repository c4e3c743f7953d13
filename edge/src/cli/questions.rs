//! Questions at a terminal.

use std::io::{BufRead, Read as _, Write};

use dag_cli::Failure;

/// The longest line that is read, in bytes.
const LONGEST_LINE: u64 = 4 << 10;

/// A conversation at a terminal. Questions go to the standard error: the standard output is for the result.
#[derive(Debug)]
pub(super) struct Questions<I, O> {
    input: I,
    output: O,
}

impl<I: BufRead, O: Write> Questions<I, O> {
    pub fn new(input: I, output: O) -> Questions<I, O> {
        Questions { input, output }
    }

    /// Prints `text`.
    pub fn say(&mut self, text: &str) -> Result<(), Failure> {
        Ok(self.output.write_all(text.as_bytes()).and_then(|()| self.output.flush())?)
    }

    /// Asks until the answer is one that `parse` takes. An empty line is the default, where there is one.
    ///
    /// # Errors
    /// The input ended, or the terminal is gone.
    pub fn ask<T>(
        &mut self,
        question: &str,
        default: Option<&str>,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> Result<T, Failure> {
        loop {
            let shown = default.map(|default| format!(" [{default}]")).unwrap_or_default();
            self.say(&format!("{question}{shown}: "))?;
            let mut line = Vec::new();
            (&mut self.input).take(LONGEST_LINE).read_until(b'\n', &mut line)?;
            if line.is_empty() {
                self.say("\n")?;
                return Err("the input ended before the last question, so nothing was made".into());
            }
            // Also what a terminal of Windows sends at the end of a line.
            let line = String::from_utf8_lossy(&line);
            let answer = match line.trim() {
                "" => default.unwrap_or_default(),
                answer => answer,
            };
            match parse(answer) {
                Ok(answer) => return Ok(answer),
                Err(_) if answer.is_empty() => self.say("  this has no default\n")?,
                Err(error) => self.say(&format!("  {error}\n"))?,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(input: &[u8], default: Option<&str>) -> (Result<u8, String>, String) {
        let mut shown = Vec::new();
        let parse = |text: &str| text.parse::<u8>().map_err(|_| format!("`{text}` is no number"));
        let answer = Questions::new(input, &mut shown).ask("How many", default, parse);
        (answer.map_err(|error| format!("{error:?}")), String::from_utf8(shown).unwrap())
    }

    #[test]
    fn an_answer_is_a_line_however_it_ends() {
        for input in ["7\n", "7\r\n", " 7 \n", "7"] {
            assert_eq!(ask(input.as_bytes(), None), (Ok(7), "How many: ".to_owned()), "{input:?}");
        }
        assert_eq!(ask(b"\n", Some("3")), (Ok(3), "How many [3]: ".to_owned()));
    }

    #[test]
    fn a_wrong_answer_is_asked_again() {
        let (answer, text) = ask(b"seven\n\n\xff\n7\n", None);
        assert_eq!(answer, Ok(7));
        assert_eq!(
            text,
            "How many:   `seven` is no number\nHow many:   this has no default\nHow many:   `\u{fffd}` is no \
             number\nHow many: "
        );
    }

    #[test]
    fn the_end_of_the_input_ends_the_questions() {
        for input in ["", "x\n", "x\ny\n"] {
            let (answer, _) = ask(input.as_bytes(), None);
            assert!(answer.unwrap_err().contains("nothing was made"), "{input:?}");
        }
    }

    #[test]
    fn a_line_without_end_takes_no_memory() {
        let (answer, _) = ask(&vec![b'7'; 1 << 20], None);
        assert!(answer.is_err());
    }
}
