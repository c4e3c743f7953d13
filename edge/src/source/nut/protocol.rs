//! The lines of the NUT network protocol (RFC 9271, sections 4 and 5). Pure: no sockets.

/// The longest line that is read, in bytes. Real lines are far shorter.
pub(super) const LONGEST_LINE: usize = 1024;

/// A response of the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Response {
    /// `VAR ups name "value"`.
    Var { ups: String, name: String, value: String },
    /// `UPS name "description"`: one line of the list of UPSes.
    Ups { name: String },
    /// `BEGIN LIST …`.
    Begin,
    /// `END LIST …`.
    End,
    /// `ERR CODE …`.
    Error { code: String },
}

/// A response that is not understood. Holds a short, printable part of it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum ProtocolError {
    #[error("it sent a line of more than {LONGEST_LINE} bytes")]
    TooLong,
    #[error("it sent a list without end")]
    Endless,
    #[error("it sent `{0}`")]
    Line(String),
}

impl ProtocolError {
    /// Creates the error of a line that is not understood or not expected.
    pub fn line(line: &[u8]) -> Self {
        ProtocolError::Line(ProtocolError::shorten(line))
    }

    /// Returns the beginning of what a server sent, fit for a log or a mail.
    pub fn shorten(text: &[u8]) -> String {
        let start: String = String::from_utf8_lossy(text).trim_end().chars().take(40).collect();
        start.escape_debug().to_string()
    }
}

impl Response {
    /// Parses one line, with or without its line end.
    pub fn parse(line: &[u8]) -> Result<Response, ProtocolError> {
        let words = words(&String::from_utf8_lossy(line)).ok_or_else(|| ProtocolError::line(line))?;
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let own = str::to_owned;
        Ok(match words.as_slice() {
            ["VAR", ups, name, value] => Response::Var { ups: own(ups), name: own(name), value: own(value) },
            ["UPS", name, ..] => Response::Ups { name: own(name) },
            ["BEGIN", "LIST", ..] => Response::Begin,
            ["END", "LIST", ..] => Response::End,
            ["ERR", code, ..] => Response::Error { code: own(code) },
            _ => return Err(ProtocolError::line(line)),
        })
    }
}

/// Splits a line into words. A word in double quotes may contain spaces, and a backslash escapes the next character.
/// Returns `None` for an open quote and for a backslash at the end.
fn words(line: &str) -> Option<Vec<String>> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quoted = false;
    let mut letters = line.trim_end_matches(['\r', '\n']).chars();
    while let Some(letter) = letters.next() {
        match letter {
            '"' => {
                quoted = !quoted;
                word.get_or_insert_default();
            }
            '\\' => word.get_or_insert_default().push(letters.next()?),
            ' ' | '\t' if !quoted => words.extend(word.take()),
            plain => word.get_or_insert_default().push(plain),
        }
    }
    words.extend(word);
    (!quoted).then_some(words)
}

/// Returns whether NUT allows a UPS of this name. No such name can change the meaning of a request.
pub(super) fn is_ups_name(name: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    (1..=63).contains(&name.len()) && name.bytes().all(is_plain)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn var(value: &str) -> Result<Response, ProtocolError> {
        Ok(Response::Var { ups: "ups".to_owned(), name: "ups.status".to_owned(), value: value.to_owned() })
    }

    #[test]
    fn responses_are_read_as_the_protocol_writes_them() {
        let error = |code: &str| Ok(Response::Error { code: code.to_owned() });
        for (line, answer) in [
            (r#"VAR ups ups.status "OB DISCHRG""#, var("OB DISCHRG")),
            ("VAR ups ups.status \"OL\"\r\n", var("OL")),
            (r#"VAR ups ups.status """#, var("")),
            (r#"VAR ups ups.status "a \"b\" \\ c""#, var(r#"a "b" \ c"#)),
            ("VAR  ups\tups.status OL", var("OL")),
            (r#"UPS cellar "Under \"the\" stairs""#, Ok(Response::Ups { name: "cellar".to_owned() })),
            ("BEGIN LIST UPS", Ok(Response::Begin)),
            ("END LIST UPS\n", Ok(Response::End)),
            ("ERR DATA-STALE\n", error("DATA-STALE")),
            ("ERR UNKNOWN-COMMAND what is this", error("UNKNOWN-COMMAND")),
        ] {
            assert_eq!(Response::parse(line.as_bytes()), answer, "{line}");
        }
    }

    #[test]
    fn other_lines_are_errors_that_show_a_short_printable_part() {
        for (line, shown) in [
            (&b"HTTP/1.1 400 Bad Request\r\n"[..], "HTTP/1.1 400 Bad Request"),
            (b"", ""),
            (b"VAR ups ups.status", "VAR ups ups.status"),
            (b"VAR ups ups.status \"OL", "VAR ups ups.status \\\"OL"),
            (b"VAR ups ups.status \"OL\" more", "VAR ups ups.status \\\"OL\\\" more"),
            (b"ERR", "ERR"),
            (b"VAR ups ups.status \\", "VAR ups ups.status \\\\"),
            (b"\x1b[2J\xff\0", "\\u{1b}[2J\u{fffd}\\0"),
            (&[b'x'; 500], &"x".repeat(40)),
        ] {
            assert_eq!(Response::parse(line), Err(ProtocolError::Line(shown.to_owned())));
        }
    }

    #[test]
    fn a_name_cannot_carry_a_second_command() {
        for name in ["ups", "UPS-2", "a.b_c"] {
            assert!(is_ups_name(name), "{name}");
        }
        for name in ["", "my ups", "ups\nFSD ups", "\"ups\"", "ü", &"x".repeat(64)] {
            assert!(!is_ups_name(name), "{name}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_parser_panic(line in prop::collection::vec(any::<u8>(), 0..LONGEST_LINE)) {
            let _ = Response::parse(&line);
        }

        #[test]
        fn every_value_survives_quoting(value in "[^\\r\\n]{0,80}") {
            let quoted = value.replace('\\', "\\\\").replace('"', "\\\"");
            prop_assert_eq!(Response::parse(format!("VAR ups ups.status \"{quoted}\"\n").as_bytes()), var(&value));
        }
    }
}
