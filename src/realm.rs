//! The name of a protected space (RFC 9110 §11.5).

use std::{fmt, sync::Arc};

use crate::error::{ConfigError, ConfigErrorKind};

/// In characters that a quoted string takes as they are. The default, which is `api`, is shared
/// by all requests of all cores without a count that they would fight for.
#[derive(Clone, Debug, Default)]
pub(crate) struct Realm(Option<Arc<str>>);

impl Realm {
    pub(crate) fn new(realm: &str) -> Result<Self, ConfigError> {
        if realm
            .bytes()
            .all(|b| matches!(b, b' '..=b'~') && b != b'"' && b != b'\\')
        {
            Ok(Self(Some(realm.into())))
        } else {
            let wrong = "the realm may hold printable ASCII except quote and backslash";
            Err(ConfigError::new(ConfigErrorKind::Realm, wrong))
        }
    }
}

impl fmt::Display for Realm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.as_deref().unwrap_or("api"))
    }
}
