//! Log lines.

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::SubscriberBuilder;

use crate::settings::Settings;

/// Starts logging to standard error; a second call changes nothing.
pub fn start(settings: &Settings) -> anyhow::Result<()> {
    let filter = EnvFilter::try_new(&settings.log)?;
    let is_terminal = std::io::IsTerminal::is_terminal(&std::io::stderr());
    let builder =
        SubscriberBuilder::default().with_env_filter(filter).with_ansi(is_terminal).with_writer(std::io::stderr);
    // A subscriber that is there already (tests) stays.
    let _ = if settings.log_json { builder.json().try_init() } else { builder.try_init() };
    Ok(())
}
