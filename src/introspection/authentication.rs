use std::fmt;

use base64::{Engine, prelude::BASE64_STANDARD};
use http::HeaderValue;
use zeroize::Zeroizing;

use super::question::form_encoded;
use crate::error::{ConfigError, ConfigErrorKind};

/// How this API proves to the authorization server who it is.
///
/// `Debug` does not show the secret, which is wiped from memory when it is dropped. Each request has
/// it in a header or a body, which the HTTP client must not log.
///
/// ```
/// use tower_bearer::introspection::ClientAuthentication;
///
/// let authentication = ClientAuthentication::basic("api", "a long secret");
/// assert_eq!(format!("{authentication:?}"), r#"ClientAuthentication::Basic("api")"#);
/// ```
#[derive(Clone)]
pub struct ClientAuthentication(Way);

#[derive(Clone)]
enum Way {
    Basic { id: String, secret: Secret },
    Post { id: String, secret: Secret },
    Bearer(Secret),
}

type Secret = Zeroizing<String>;

impl ClientAuthentication {
    /// A client's identifier and secret in a Basic header (`client_secret_basic`). Both are
    /// form-encoded first (RFC 6749 §2.3.1).
    ///
    /// Some servers do not undo that. They take a secret of letters, digits, `-`, `.` and `_` all the same;
    /// for another secret use [`post`](Self::post) there.
    pub fn basic(client_id: impl Into<String>, secret: impl Into<String>) -> Self {
        Self(Way::Basic {
            id: client_id.into(),
            secret: Zeroizing::new(secret.into()),
        })
    }

    /// A client's identifier and secret in the body (`client_secret_post`).
    pub fn post(client_id: impl Into<String>, secret: impl Into<String>) -> Self {
        Self(Way::Post {
            id: client_id.into(),
            secret: Zeroizing::new(secret.into()),
        })
    }

    /// A bearer token that the server has given to this API for its questions (RFC 7662 §2.1).
    pub fn bearer(token: impl Into<String>) -> Self {
        Self(Way::Bearer(Zeroizing::new(token.into())))
    }

    /// By what name the server knows this API.
    pub(super) fn client_id(&self) -> Option<&str> {
        match &self.0 {
            Way::Basic { id, .. } | Way::Post { id, .. } => Some(id),
            Way::Bearer(_) => None,
        }
    }

    /// The `Authorization` header of each request.
    pub(super) fn header(&self) -> Result<Option<HeaderValue>, ConfigError> {
        let text = match &self.0 {
            Way::Basic { id, .. } | Way::Post { id, .. } if id.is_empty() => {
                let empty = "the client identifier is empty";
                return Err(ConfigError::new(ConfigErrorKind::EmptyClientId, empty));
            }
            Way::Basic { id, secret } => {
                let pair = [form_encoded(id), form_encoded(secret)].join(":");
                Zeroizing::new(format!(
                    "Basic {}",
                    BASE64_STANDARD.encode(Zeroizing::new(pair))
                ))
            }
            Way::Post { .. } => return Ok(None),
            Way::Bearer(token) => Zeroizing::new(format!("Bearer {}", &**token)),
        };
        let mut value = HeaderValue::try_from(&*text).map_err(|_| {
            let odd = "the bearer token has characters that no header can have";
            ConfigError::new(ConfigErrorKind::Credentials, odd)
        })?;
        value.set_sensitive(true);
        Ok(Some(value))
    }

    /// What is added to the form of each request.
    pub(super) fn parameters(&self) -> Zeroizing<String> {
        match &self.0 {
            Way::Post { id, secret } => Zeroizing::new(format!(
                "&client_id={}&client_secret={}",
                form_encoded(id),
                form_encoded(secret)
            )),
            Way::Basic { .. } | Way::Bearer(_) => Zeroizing::default(),
        }
    }
}

impl fmt::Debug for ClientAuthentication {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Way::Basic { id, .. } => write!(f, "ClientAuthentication::Basic({id:?})"),
            Way::Post { id, .. } => write!(f, "ClientAuthentication::Post({id:?})"),
            Way::Bearer(_) => f.write_str("ClientAuthentication::Bearer(…)"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(authentication: &ClientAuthentication) -> String {
        let header = authentication.header().unwrap().unwrap();
        assert!(header.is_sensitive());
        header.to_str().unwrap().to_owned()
    }

    #[test]
    fn both_halves_of_a_basic_header_are_form_encoded() {
        let header = header(&ClientAuthentication::basic("a:b c", "p%q&é+~"));
        let encoded = header.strip_prefix("Basic ").unwrap();
        let decoded = BASE64_STANDARD.decode(encoded).unwrap();
        let decoded = String::from_utf8(decoded).unwrap();
        assert_eq!(decoded, "a%3Ab+c:p%25q%26%C3%A9%2B%7E");
    }

    #[test]
    fn a_body_has_the_secret_only_where_it_is_to_be_there() {
        let post = ClientAuthentication::post("a&b", "c=d");
        assert_eq!(*post.parameters(), "&client_id=a%26b&client_secret=c%3Dd");
        assert!(post.header().unwrap().is_none());
        let bearer = ClientAuthentication::bearer("t");
        assert_eq!(header(&bearer), "Bearer t");
        assert!(bearer.parameters().is_empty());
    }

    #[test]
    fn a_secret_is_never_shown() {
        for authentication in [
            ClientAuthentication::basic("api", "hunter2"),
            ClientAuthentication::post("api", "hunter2"),
            ClientAuthentication::bearer("hunter2"),
        ] {
            assert!(!format!("{authentication:?}").contains("hunter2"));
        }
    }
}
