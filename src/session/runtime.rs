use tokio::runtime::Handle;

use crate::error::{ConfigError, ConfigErrorKind};

/// The runtime that is to run a task.
pub(crate) fn current() -> Result<Handle, ConfigError> {
    Handle::try_current().map_err(|error| {
        let none = "there is no tokio runtime to run the task";
        ConfigError::new(ConfigErrorKind::NoRuntime, none).with_source(error)
    })
}
