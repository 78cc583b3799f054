//! From `--config`, the environment and the folder to a [`Config`].

use std::path::{Path, PathBuf};

use crate::cli::error::CliError;
use crate::config::{self, Config, ConfigError};
use crate::lockdown::open;

/// The environment variable that names the file.
const VARIABLE: &str = "PORTCULLIS_CONFIG";

/// Where the configuration is.
#[derive(Debug, Clone, clap::Args)]
pub struct Place {
    /// The configuration; else the file that `PORTCULLIS_CONFIG` names, else `portcullis.toml` here or in a folder above.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

impl Place {
    /// The same; `None` where no file is named and none is found.
    pub fn load_if_there(&self) -> Result<Option<Config>, CliError> {
        match self.path() {
            Ok(path) => Ok(Some(Config::load(&path, open::catalog())?)),
            Err(ConfigError::NotFound { .. }) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Finds and reads it.
    pub fn load(&self) -> Result<Config, CliError> {
        Ok(Config::load(&self.path()?, open::catalog())?)
    }

    fn path(&self) -> Result<PathBuf, ConfigError> {
        let named = std::env::var_os(VARIABLE).map(PathBuf::from);
        let folder = std::env::current_dir();
        let folder = folder.map_err(|error| ConfigError::Read { path: PathBuf::from("."), error })?;
        let path = config::find(self.config.as_deref(), named.as_deref(), &folder)?;
        // As the user would write it: from here, where that is possible.
        Ok(path.strip_prefix(&folder).map_or(path.as_path(), |path: &Path| path).to_owned())
    }
}
