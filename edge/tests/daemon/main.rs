//! The daemon as its users meet it: a process, its files and its commands.

mod disk;
mod files;
mod home;
mod life;
