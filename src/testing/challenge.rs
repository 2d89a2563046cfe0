//! What a response demands: [`Challenge`], and assertions on it.

use http::{Response, StatusCode, header::WWW_AUTHENTICATE};

use crate::{challenges, error::ErrorCode};

/// A challenge of a response's `WWW-Authenticate` (RFC 9110 §11.6.1).
///
/// ```
/// use http::StatusCode;
/// use tower_bearer::{bearer::Rejection, testing::Challenge};
///
/// let response = Rejection::insufficient_scope(&"write".parse()?).to_response();
/// let challenge = Challenge::bearer(&response);
/// assert_eq!(challenge.error(), Some("insufficient_scope"));
/// assert_eq!(challenge.scope(), Some("write"));
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Challenge {
    scheme: String,
    parameters: Vec<(String, String)>,
}

impl Challenge {
    /// All challenges of a response, in their order. There may be none.
    ///
    /// # Panics
    ///
    /// If a header is malformed.
    #[track_caller]
    pub fn all<B>(response: &Response<B>) -> Vec<Self> {
        let mut all = Vec::new();
        for header in response.headers().get_all(WWW_AUTHENTICATE) {
            let read = challenges::read(header.as_bytes());
            let read = read.unwrap_or_else(|| panic!("a malformed challenge: {header:?}"));
            all.extend(read.into_iter().map(Self::owned));
        }
        all
    }

    /// The one challenge of the scheme `Bearer`.
    ///
    /// # Panics
    ///
    /// If there is none, or more than one, or a header is malformed.
    #[track_caller]
    pub fn bearer<B>(response: &Response<B>) -> Self {
        Self::of_scheme(response, "Bearer")
    }

    /// The one challenge of this scheme, in any case, such as `DPoP`.
    ///
    /// # Panics
    ///
    /// If there is none, or more than one, or a header is malformed.
    #[track_caller]
    pub fn of_scheme<B>(response: &Response<B>, scheme: &str) -> Self {
        let all = Self::all(response);
        let is_it = |challenge: &&Self| challenge.scheme.eq_ignore_ascii_case(scheme);
        let mut found = all.iter().filter(is_it);
        let (first, second) = (found.next(), found.next());
        assert!(
            first.is_some() && second.is_none(),
            "not one challenge of the scheme {scheme}, but these: {all:?}; the status is {}",
            response.status(),
        );
        first.cloned().expect("it was counted")
    }

    fn owned(read: challenges::Challenge<'_>) -> Self {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let parameters = read.parameters.iter();
        Self {
            scheme: text(read.scheme),
            parameters: parameters
                .map(|(name, value)| (text(name), text(value)))
                .collect(),
        }
    }

    /// The scheme, as it was written.
    pub fn scheme(&self) -> &str {
        &self.scheme
    }

    /// The value of a parameter, whose name may be in any case.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        let mut parameters = self.parameters.iter();
        let found = parameters.find(|(given, _)| given.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    /// The realm.
    pub fn realm(&self) -> Option<&str> {
        self.parameter("realm")
    }

    /// The error code (RFC 6750 §3.1). A request without a token is answered without one.
    pub fn error(&self) -> Option<&str> {
        self.parameter("error")
    }

    /// The scope that a token needs.
    pub fn scope(&self) -> Option<&str> {
        self.parameter("scope")
    }
}

/// Asserts that a layer or an endpoint has refused a request for this reason, and gives the challenge that says so:
/// the one of the scheme `Bearer`, or else that of `DPoP`.
///
/// ```
/// use tower_bearer::{bearer::Rejection, error::ErrorCode, testing::assert_refused};
///
/// let response = Rejection::missing_token().to_response();
/// let challenge = assert_refused(&response, ErrorCode::MissingToken);
/// assert_eq!(challenge.unwrap().realm(), Some("api"));
/// ```
///
/// | the code | what is compared | what is given |
/// | --- | --- | --- |
/// | `MissingToken`, `InvalidToken`, `InsufficientScope`, `InsufficientUserAuthentication` | the status, and the error of the challenge | the challenge |
/// | `InvalidDpopProof`, `UseDpopNonce` | the same, with the status 401, if there is a challenge; otherwise only the status, as an endpoint answers | the challenge, if there is one |
/// | any other, such as `TemporarilyUnavailable` | the status, and the error if there is a challenge of these schemes | the challenge, if there is one |
///
/// # Panics
///
/// If the status is another, a challenge is missing or has another error, or a header is malformed.
#[track_caller]
pub fn assert_refused<B>(response: &Response<B>, code: ErrorCode) -> Option<Challenge> {
    let mut all = Challenge::all(response);
    all.retain(|it| scheme_rank(it).is_some());
    all.sort_by_key(scheme_rank);
    let (status, expected) = (response.status(), status_of(code, !all.is_empty()));
    assert!(
        status == expected,
        "the status is {status}, and not {expected} for {code:?}; the challenges are {all:?}",
    );
    if all.is_empty() && !is_challenged(code) {
        return None;
    }
    let error = Some(code.as_str()).filter(|error| !error.is_empty());
    let found = all.iter().find(|challenge| challenge.error() == error);
    assert!(
        found.is_some(),
        "no challenge of Bearer or DPoP has the error {error:?} for {code:?}, but there are {all:?}",
    );
    found.cloned()
}

/// In which order the challenges are looked at. Others than these are not of a layer.
fn scheme_rank(challenge: &Challenge) -> Option<usize> {
    let schemes = ["Bearer", "DPoP"];
    let mut schemes = schemes.iter();
    schemes.position(|scheme| challenge.scheme.eq_ignore_ascii_case(scheme))
}

/// A layer answers a refused proof by a 401 (RFC 9449 §7.1), and an endpoint by the status of the code.
fn status_of(code: ErrorCode, has_challenge: bool) -> StatusCode {
    match code {
        ErrorCode::InvalidDpopProof | ErrorCode::UseDpopNonce if has_challenge => {
            StatusCode::UNAUTHORIZED
        }
        code => code.status(),
    }
}

/// Whether an answer of this code is never without a challenge.
fn is_challenged(code: ErrorCode) -> bool {
    matches!(
        code,
        ErrorCode::MissingToken
            | ErrorCode::InvalidToken
            | ErrorCode::InsufficientScope
            | ErrorCode::InsufficientUserAuthentication
    )
}

/// Asserts that a response is a success (2xx).
///
/// # Panics
///
/// If it is not. The message has its challenges, which say what the token lacks.
#[track_caller]
pub fn assert_admitted<B>(response: &Response<B>) {
    let status = response.status();
    assert!(
        status.is_success(),
        "the status is {status}; the challenges are {:?}",
        Challenge::all(response),
    );
}
