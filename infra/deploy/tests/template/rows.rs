//! The rows of a policy's table.

use std::collections::BTreeMap;

use crate::{
    deployed_stack::{ACCOUNT, HOME},
    evaluate::{
        Verdict,
        Who::{self, Account, Anybody, Service},
    },
};

/// An action, a resource, and the expected verdict.
pub type Row = (&'static str, String, Verdict);

/// Rows of a table: somebody tries these actions on these resources, in some context.
pub struct Rows {
    pub who: Who,
    pub context: BTreeMap<&'static str, String>,
    pub tries: Vec<Row>,
}

pub fn rows(who: Who, context: &[(&'static str, &str)], tries: Vec<Row>) -> Rows {
    Rows { who, context: context.iter().map(|(key, value)| (*key, (*value).to_owned())).collect(), tries }
}

/// The number of an account of somebody else.
pub const STRANGER: &str = "210987654321";

const SERVICES: [&str; 8] = [
    "cloudwatch.amazonaws.com",
    "ec2.amazonaws.com",
    "events.amazonaws.com",
    "iot.amazonaws.com",
    "lambda.amazonaws.com",
    "s3.amazonaws.com",
    "scheduler.amazonaws.com",
    "sns.amazonaws.com",
];

/// Returns everybody that a policy could name as its principal, except one service.
pub fn all_but(service: &str) -> impl Iterator<Item = Who> {
    let services = SERVICES.into_iter().filter(move |other| *other != service).map(Service);
    services.chain([Account(ACCOUNT), Account(STRANGER), Anybody])
}

/// Returns an ARN of this account in a region.
pub fn at(region: &str, service: &str, rest: &str) -> String {
    format!("arn:aws:{service}:{region}:{ACCOUNT}:{rest}")
}

/// Returns an ARN of this account in the region of the stack.
pub fn here(service: &str, rest: &str) -> String {
    at(HOME, service, rest)
}
