//! From `--config`, the environment and the folder to a [`Config`].

use std::path::{Path, PathBuf};

use crate::cli::error::CliError;
use crate::config::{self, Config, ConfigError};
use crate::lockdown::open;

/// The environment variable that names the file.
const VARIABLE: &str = "PORTCULLIS_CONFIG";

/// Where the configuration is.
#[derive(Debug, clap::Args)]
pub struct Place {
    /// The configuration; else the file that `PORTCULLIS_CONFIG` names, else `portcullis.toml` here or in a folder above.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

impl Place {
    /// Finds and reads it.
    pub fn load(&self) -> Result<Config, CliError> {
        let named = std::env::var_os(VARIABLE).map(PathBuf::from);
        let folder = std::env::current_dir();
        let folder = folder.map_err(|error| {
            let path = PathBuf::from(".");
            CliError::from(ConfigError::Read { path, error })
        })?;
        let path = config::find(self.config.as_deref(), named.as_deref(), &folder)?;
        // As the user would write it: from here, where that is possible.
        let path = path.strip_prefix(&folder).map_or(path.as_path(), |path: &Path| path);
        Ok(Config::load(path, open::catalog())?)
    }
}
