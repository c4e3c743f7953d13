//! Tips for commands that other programs have, and that this one has under another name.

use clap::{
    CommandFactory,
    builder::StyledStr,
    error::{ContextKind, ContextValue, ErrorKind},
};

/// Commands of other programs, each with what to type here.
pub type Tips = &'static [(&'static [&'static str], &'static str)];

/// Returns the error about an unknown command with its tip, in place of a command with a similar name. Other errors are
/// returned as they are.
pub(crate) fn add_tip<C: CommandFactory>(error: clap::Error, tips: Tips) -> clap::Error {
    if error.kind() != ErrorKind::InvalidSubcommand {
        return error;
    }
    let typed = match error.get(ContextKind::InvalidSubcommand) {
        Some(ContextValue::String(typed)) => typed.clone(),
        _ => return error,
    };
    let Some((_, tip)) = tips.iter().find(|(commands, _)| commands.contains(&typed.as_str())) else { return error };
    // A new one, since nothing can be taken out of an error.
    let mut with_tip = clap::Error::new(ErrorKind::InvalidSubcommand).with_cmd(&C::command());
    with_tip.insert(ContextKind::InvalidSubcommand, ContextValue::String(typed));
    with_tip.insert(ContextKind::Suggested, ContextValue::StyledStrs(vec![StyledStr::from(*tip)]));
    if let Some(usage) = error.get(ContextKind::Usage) {
        with_tip.insert(ContextKind::Usage, usage.clone());
    }
    with_tip
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    const TIPS: Tips = &[(&["start", "up"], "start it with `program run`")];

    #[derive(Debug, Parser)]
    #[command(name = "program")]
    enum Program {
        Run,
        Status,
    }

    fn error(words: &[&str]) -> String {
        let words = ["program"].iter().chain(words);
        add_tip::<Program>(Program::try_parse_from(words).unwrap_err(), TIPS).to_string()
    }

    #[test]
    fn a_command_of_another_program_gets_its_tip_and_no_similar_name() {
        let told = error(&["start"]);
        assert!(
            told.starts_with("error: unrecognized subcommand 'start'\n\n  tip: start it with `program run`\n"),
            "{told}"
        );
        assert!(!told.contains("similar"), "{told}");
    }

    #[test]
    fn a_misspelt_command_gets_the_similar_name_and_other_errors_are_as_they_were() {
        assert!(error(&["statsu"]).contains("tip: a similar subcommand exists: 'status'"));
        assert!(error(&["status", "--up"]).contains("unexpected argument '--up'"));
        let help = add_tip::<Program>(Program::try_parse_from(["program", "--help"]).unwrap_err(), TIPS);
        assert!(!help.use_stderr());
    }
}
