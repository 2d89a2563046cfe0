use super::{
    attributes::{Attributes, SameSite},
    origin::OriginCheck,
};
use crate::error::{ConfigError, ConfigErrorKind};

/// A cookie's name and attributes, and which origins may use it.
///
/// It is what a `RefreshCookie` and an [`AccessCookie`](super::AccessCookie) are made of.
/// Mistakes are kept and reported there.
///
/// ```
/// use tower_bearer::cookie::{AccessCookie, CookieOptions, SameSite};
///
/// let options = CookieOptions::new("/").name("__Host-session").same_site(SameSite::Lax);
/// let cookie = AccessCookie::new(options)?;
/// assert_eq!(cookie.name(), "__Host-session");
///
/// // A page elsewhere could set a cookie of that name.
/// assert!(AccessCookie::new(CookieOptions::new("/").name("session")).is_err());
/// # Ok::<_, tower_bearer::error::ConfigError>(())
/// ```
#[derive(Debug)]
#[must_use]
pub struct CookieOptions {
    path: String,
    name: Option<String>,
    same_site: SameSite,
    is_insecure: bool,
    origins: OriginCheck,
    fault: Option<ConfigError>,
}

impl CookieOptions {
    /// A cookie that is sent to this path and all below it, and to this host only.
    ///
    /// For a refresh token that is the path of the token endpoint: nothing else ever sees it.
    pub fn new(path: impl Into<String>) -> Self {
        Self {
            path: path.into(),
            name: None,
            same_site: SameSite::default(),
            is_insecure: false,
            origins: OriginCheck::default(),
            fault: None,
        }
    }

    /// The cookie's name. It starts with `__Secure-`, or with `__Host-` where the path is `/`:
    /// browsers take the one over TLS only, and the other from this host only (RFC 6265bis
    /// §4.1.3). With `__Secure-` a page of another subdomain can still plant a cookie of the
    /// name: its own session where the user has none, or a second cookie, which is refused.
    ///
    /// By default it is `refresh_token` or `access_token` with the strictest prefix that the
    /// path allows.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Which requests from other sites carry the cookie; [`SameSite::Strict`] unless set.
    pub fn same_site(mut self, same_site: SameSite) -> Self {
        self.same_site = same_site;
        self
    }

    /// Lets pages of another origin use the cookie, `https://app.example` say, as a browser
    /// writes it in `Origin`. The pages of the server's own origin always may.
    ///
    /// It takes CORS with credentials too, which is the application's; and where the origin is
    /// of another site, browsers do not send the cookie at all.
    pub fn allow_origin(mut self, origin: &str) -> Self {
        match self.origins.clone().allow(origin) {
            Ok(origins) => self.origins = origins,
            Err(error) => _ = self.fault.get_or_insert(error),
        }
        self
    }

    /// For development without TLS: a cookie without `Secure` and without a prefix in its
    /// name. Whoever is on the way reads the token and can plant another.
    ///
    /// Browsers that take `http://localhost` for secure, Chromium and Firefox, do not need it
    /// there.
    pub fn insecure_over_http(mut self) -> Self {
        self.is_insecure = true;
        self
    }

    /// The attributes and the check, with this name where none was given.
    pub(super) fn build(self, default: &str) -> Result<(Attributes, OriginCheck), ConfigError> {
        if let Some(fault) = self.fault {
            return Err(fault);
        }
        let prefix = match (self.is_insecure, self.path.as_str()) {
            (true, _) => "",
            (false, "/") => HOST,
            (false, _) => SECURE,
        };
        let name = self.name.unwrap_or_else(|| format!("{prefix}{default}"));
        check_name(&name, self.is_insecure, &self.path)?;
        check_path(&self.path)?;
        let attributes = Attributes::new(name, self.path, self.same_site, !self.is_insecure);
        Ok((attributes, self.origins))
    }
}

const HOST: &str = "__Host-";
const SECURE: &str = "__Secure-";
/// Browsers ignore longer attributes (RFC 6265bis §5.6), and the cookie would be sent elsewhere.
const MAX_PATH: usize = 1024;

fn check_name(name: &str, is_insecure: bool, path: &str) -> Result<(), ConfigError> {
    let is_token = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
    // Browsers hold a name to its prefix in any case of its letters.
    let starts = |prefix: &str| {
        let head = name.get(..prefix.len());
        head.is_some_and(|head| head.eq_ignore_ascii_case(prefix))
    };
    let wrong = if name.is_empty() || !name.bytes().all(is_token) {
        "its name may hold letters, digits and !#$%&'*+-.^_`|~"
    } else if is_insecure && (starts(HOST) || starts(SECURE)) {
        "over plain HTTP browsers refuse names that start with __Host- or __Secure-"
    } else if !is_insecure && !name.starts_with(HOST) && !name.starts_with(SECURE) {
        "its name must start with __Host- or __Secure-"
    } else if starts(HOST) && path != "/" {
        "a name that starts with __Host- needs the path /"
    } else {
        return Ok(());
    };
    Err(ConfigError::new(ConfigErrorKind::Cookie, wrong))
}

fn check_path(path: &str) -> Result<(), ConfigError> {
    let is_path = |b: u8| b.is_ascii_graphic() && !b";?#".contains(&b);
    let wrong = if !path.starts_with('/') || !path.bytes().all(is_path) {
        "its path must start with / and be printable ASCII without space, ; ? and #"
    } else if path.len() > MAX_PATH {
        "its path must not be above 1024 bytes"
    } else {
        return Ok(());
    };
    Err(ConfigError::new(ConfigErrorKind::Cookie, wrong))
}
