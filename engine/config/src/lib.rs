//! `config.toml`: the deployment, read once by every program of detectordag.
//!
//! Values come in layers, later ones over earlier ones: the file, the environment (`DAG_STORAGE__PATH`), flags
//! (`--set storage.path=…`). All problems are reported at once, each with line and caret, or with the name of the
//! variable or flag that it came from. Reading resolves no secret, opens no pin and asks no server.
//!
//! ```no_run
//! use dag_config::Config;
//!
//! let config = Config::load("config.toml".as_ref(), &[])?;
//! let device = config.device(None)?;
//! for (fact, source) in &config.devices[&device.id].inputs {
//!     println!("{fact} of {} comes from {source:?}", device.name);
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod aws;
mod check;
mod config;
mod device;
mod diagnostic;
mod email;
mod heartbeat;
mod home_assistant;
mod host;
mod layers;
mod load;
mod mode;
mod problem;
mod report;
mod secret;
mod section;
mod site;
mod source;
mod storage;
mod switch_labels;
mod uplink;
mod web;
mod webhook;
mod zone;

pub use aws::Aws;
pub use check::Check;
pub use config::{Config, DeviceError};
pub use device::{DeviceConfig, is_device_id, is_device_name};
pub use diagnostic::Diagnostic;
pub use email::{Email, Security, Ses, Smtp, Transport};
pub use heartbeat::{Heartbeat, HeartbeatUrl, misplaced_part};
pub use home_assistant::{Broker, HomeAssistant};
pub use mode::Mode;
pub use problem::ConfigErrors;
pub use secret::{SecretError, Secrets, read_bounded, resolve};
pub use site::Site;
pub use source::{Level, Source};
pub use storage::Storage;
pub use uplink::Uplink;
pub use web::Web;
pub use webhook::{Network, Webhook};
