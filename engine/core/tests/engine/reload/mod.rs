//! Reloads: what carries over to other rules while an incident lasts.

mod rules;
mod steps;
