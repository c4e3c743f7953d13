//! Rules that cannot be put in force, and why, as every program says it.

use std::fmt;

use dag_engine::{Problem, Problems};

use crate::rulebook::Rulebook;

/// The most mistakes, and the most scenarios, that are shown. `dag check` and `dag test` show the others.
const MOST_SHOWN: usize = 5;

/// The reason why rules are not put in force.
///
/// [`Display`](fmt::Display) is short: it names the places of the first problems, and the command that shows the rest.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// The files have mistakes.
    Mistakes(#[source] Problems),
    /// The rules compile, but scenarios went otherwise than expected.
    Scenarios {
        /// The rules.
        rulebook: Box<Rulebook>,
        /// The scenarios.
        failed: FailedScenarios,
    },
}

/// Scenarios that failed, among those that were played.
#[derive(Debug)]
pub struct FailedScenarios {
    /// The scenarios that failed; at least one.
    pub scenarios: Vec<FailedScenario>,
    /// The number of scenarios that were played.
    pub played: usize,
}

/// A scenario that went otherwise than expected, or that cannot be read.
#[derive(Debug)]
pub struct FailedScenario {
    /// The path of its file.
    pub file: String,
    /// What is wrong: at least one problem.
    pub problems: Vec<Problem>,
    /// Whether nothing but an `expect` is wrong, so that `dag test --update` can mend it.
    pub can_update: bool,
}

impl From<Problems> for Refusal {
    fn from(problems: Problems) -> Self {
        Refusal::Mistakes(problems)
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Refusal::Mistakes(problems) if problems.0.len() <= MOST_SHOWN => problems.fmt(f),
            Refusal::Mistakes(Problems(problems)) => {
                for problem in problems.iter().take(MOST_SHOWN) {
                    writeln!(f, "{problem}\n")?;
                }
                let (all, more) = (problems.len(), problems.len() - MOST_SHOWN);
                write!(f, "{all} problems found; nothing was changed. `dag check` shows the other {more}")
            }
            Refusal::Scenarios { failed, .. } => failed.fmt(f),
        }
    }
}

impl fmt::Display for FailedScenarios {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let FailedScenarios { scenarios, played } = self;
        let plural = if *played == 1 { "" } else { "s" };
        writeln!(f, "{} of {played} scenario{plural} went otherwise than expected:", scenarios.len())?;
        for scenario in scenarios.iter().take(MOST_SHOWN) {
            writeln!(f, "  {scenario}")?;
        }
        if let Some(more @ 1..) = scenarios.len().checked_sub(MOST_SHOWN) {
            writeln!(f, "  and {more} more")?;
        }
        f.write_str(if scenarios.iter().any(|scenario| scenario.can_update) {
            "`dag test` shows what was sent instead. If that is what you want, `dag test --update` writes it into the \
             scenarios."
        } else {
            "`dag test` shows what was sent instead. Mend the rules, or change or delete the scenario."
        })
    }
}

/// Writes the place of the first problem and what it is, in one line.
impl fmt::Display for FailedScenario {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.problems.first() {
            Some(Problem { file, line, column, message, .. }) => write!(f, "{file}:{line}:{column}: {message}"),
            None => f.write_str(&self.file),
        }
    }
}
