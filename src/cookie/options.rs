use super::{
    attributes::{Attributes, SameSite},
    origin::OriginCheck,
};
use crate::error::{ConfigError, ConfigErrorKind};

/// The name and attributes of a cookie, and the origins whose pages may use it.
///
/// A `RefreshCookie` or an [`AccessCookie`](super::AccessCookie) is made from it. Their
/// constructors report what is wrong with the options.
///
/// ```
/// use tower_bearer::cookie::{AccessCookie, CookieOptions, SameSite};
///
/// let options = CookieOptions::new().name("__Host-session").same_site(SameSite::Lax);
/// let cookie = AccessCookie::new(options)?;
/// assert_eq!(cookie.name(), "__Host-session");
///
/// // A page elsewhere could set a cookie of that name.
/// assert!(AccessCookie::new(CookieOptions::new().name("session")).is_err());
/// # Ok::<_, tower_bearer::error::ConfigError>(())
/// ```
#[derive(Debug)]
#[must_use]
pub struct CookieOptions {
    path: String,
    name: Option<String>,
    same_site: SameSite,
    is_insecure: bool,
    is_http: bool,
    origins: OriginCheck,
    fault: Option<ConfigError>,
}

impl CookieOptions {
    /// A cookie that only this host can set, and that is sent to this host only: its name starts
    /// with `__Host-`, for which its path is `/` (RFC 6265bis §4.1.3).
    pub fn new() -> Self {
        Self {
            path: "/".to_owned(),
            name: None,
            same_site: SameSite::default(),
            is_insecure: false,
            is_http: false,
            origins: OriginCheck::default(),
            fault: None,
        }
    }

    /// Sends the cookie only to this path and the paths below it. The default is `/`.
    ///
    /// A refresh cookie with the path of the token endpoint, as browsers see it, adds its 500 bytes
    /// to no other request, and no other handler or log can see it. The price is that its name can
    /// then only start with `__Secure-`, which any subdomain of the same site can set too. Such a
    /// subdomain can have the user's cookie removed and put one of its own in its place, and the
    /// user then acts in the account of the attacker. Choose this only where no subdomain, and no
    /// host above this one, is in other hands.
    pub fn path(mut self, path: impl Into<String>) -> Self {
        self.path = path.into();
        self
    }

    /// Sets the cookie's name. It must start with `__Secure-` or `__Http-`, or with `__Host-` or
    /// `__Host-Http-` if the path is `/`. Browsers accept a `__Secure-` cookie over TLS only, and a
    /// `__Host-` cookie also from this host only (RFC 6265bis §4.1.3). What it costs to have
    /// `__Secure-` instead of `__Host-` is said at [`path`](Self::path), and what `Http-` adds at
    /// [`http_prefix`](Self::http_prefix).
    ///
    /// The default is `refresh_token` or `access_token` with the strictest prefix that the path
    /// allows.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Starts the name with `__Host-Http-`, or with `__Http-` if the path is not `/`. Browsers that
    /// know these prefixes take such a cookie from a `Set-Cookie` header only and never from a script,
    /// so that a script that was smuggled into a page cannot put a cookie of its own in its place
    /// (RFC 6265bis §4.1.3).
    ///
    /// To other browsers, `__Host-Http-` is a `__Host-` name and loses nothing; `__Http-` is a name
    /// without any protection, which is less than `__Secure-` has. Chromium does not bind a
    /// `__Host-Http-` cookie to a device, so an access cookie that is to be bound needs another name.
    /// Which browser does what is in [the table](super#prefixes).
    pub fn http_prefix(mut self) -> Self {
        self.is_http = true;
        self
    }

    /// With which requests from other sites a browser sends the cookie. The default is
    /// [`SameSite::Strict`].
    pub fn same_site(mut self, same_site: SameSite) -> Self {
        self.same_site = same_site;
        self
    }

    /// Lets pages of another origin use the cookie. Give the origin as browsers write it in the
    /// `Origin` header, for example `https://app.example`. Pages of the server's own origin may
    /// always use the cookie.
    ///
    /// The application must also allow CORS with credentials for this origin. If the origin is of
    /// another site, browsers do not send the cookie at all.
    pub fn allow_origin(mut self, origin: &str) -> Self {
        match self.origins.clone().allow(origin) {
            Ok(origins) => self.origins = origins,
            Err(error) => _ = self.fault.get_or_insert(error),
        }
        self
    }

    /// Makes a cookie without `Secure` and without a prefix in its name, for development without
    /// TLS. Everybody on the network path can read the token and plant another one.
    ///
    /// Chromium and Firefox treat `http://localhost` as secure and do not need this there.
    pub fn danger_insecure_over_http(mut self) -> Self {
        self.is_insecure = true;
        self
    }

    /// The checked attributes and the check of origins. `default` is the name if none was given.
    pub(super) fn build(self, default: &str) -> Result<(Attributes, OriginCheck), ConfigError> {
        if let Some(fault) = self.fault {
            return Err(fault);
        }
        let prefix = match (self.is_insecure, self.path.as_str(), self.is_http) {
            (true, _, _) => "",
            (false, "/", true) => HOST_HTTP,
            (false, "/", false) => HOST,
            (false, _, true) => HTTP,
            (false, _, false) => SECURE,
        };
        let name = self.name.unwrap_or_else(|| format!("{prefix}{default}"));
        check_name(&name, self.is_insecure, &self.path)?;
        if self.is_http && !name.starts_with(HTTP) && !name.starts_with(HOST_HTTP) {
            let wrong = "with http_prefix its name must start with __Host-Http- or __Http-, \
                and it must be secure";
            return Err(ConfigError::new(ConfigErrorKind::Cookie, wrong));
        }
        check_path(&self.path)?;
        let attributes = Attributes::new(name, self.path, self.same_site, !self.is_insecure);
        Ok((attributes, self.origins))
    }
}

impl Default for CookieOptions {
    /// The same as [`new`](Self::new).
    fn default() -> Self {
        Self::new()
    }
}

const HOST: &str = "__Host-";
const SECURE: &str = "__Secure-";
const HTTP: &str = "__Http-";
pub(super) const HOST_HTTP: &str = "__Host-Http-";
const PREFIXES: [&str; 3] = [HOST, SECURE, HTTP];
/// The longest path in bytes. Browsers ignore longer attributes (RFC 6265bis §5.6), and would send
/// the cookie to other paths.
const MAX_PATH: usize = 1024;

fn check_name(name: &str, is_insecure: bool, path: &str) -> Result<(), ConfigError> {
    let is_token = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
    // Browsers compare the prefix of a name without regard to case.
    let starts = |prefix: &str| {
        let head = name.get(..prefix.len());
        head.is_some_and(|head| head.eq_ignore_ascii_case(prefix))
    };
    let wrong = if name.is_empty() || !name.bytes().all(is_token) {
        "its name may hold letters, digits and !#$%&'*+-.^_`|~"
    } else if is_insecure && PREFIXES.into_iter().any(starts) {
        "over plain HTTP browsers refuse names that start with __Host-, __Secure- or __Http-"
    } else if !is_insecure && !PREFIXES.iter().any(|prefix| name.starts_with(prefix)) {
        "its name must start with __Host-, __Secure- or __Http-"
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
