//! [`TestIssuer`]: tokens for anybody, without a login.

use std::sync::Arc;

use crate::{
    clock::{Clock, SystemClock},
    issuer::Issuer,
    jws::{Algorithm, KeySet, SigningKey},
    verifier::Verifier,
};

use super::TestToken;

/// Signs access tokens for any user with any claims, and has the verifier that accepts them.
///
/// Give [`verifier`](Self::verifier) to the application in place of its own one. An application that keeps its own takes
/// [`TestIssuer::of`] its own issuer, or the keys of a [`FakeIssuer`](super::FakeIssuer).
///
/// ```
/// use std::time::Duration;
/// use http::{Request, Response, header::AUTHORIZATION};
/// use tower::{Layer, ServiceExt, service_fn};
/// use tower_bearer::{
///     Scope,
///     bearer::BearerLayer,
///     clock::{Clock, ManualClock, SystemClock},
///     error::ErrorCode,
///     testing::{TestIssuer, assert_admitted, assert_refused},
/// };
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), std::convert::Infallible> {
/// let clock = ManualClock::new(SystemClock.now());
/// let issuer = TestIssuer::new().clock(clock.clone());
/// const READ: Scope = Scope::from_static("read");
/// let app = BearerLayer::new(issuer.verifier()).require_scope(READ).layer(service_fn(
///     async |_: Request<()>| Ok::<_, std::convert::Infallible>(Response::new(())),
/// ));
/// let get = |token| {
///     let request = Request::get("/").header(AUTHORIZATION, token);
///     app.clone().oneshot(request.body(()).expect("a request"))
/// };
///
/// let token = issuer.token("alice").scope("read").bearer();
/// assert_admitted(&get(token.clone()).await?);
///
/// let challenge = assert_refused(
///     &get(issuer.token("bob").bearer()).await?,
///     ErrorCode::InsufficientScope,
/// );
/// assert_eq!(challenge.unwrap().scope(), Some("read"));
///
/// clock.advance(Duration::from_secs(600));
/// assert_refused(&get(token).await?, ErrorCode::InvalidToken);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct TestIssuer {
    issuer: Issuer,
    clock: Arc<dyn Clock>,
}

impl TestIssuer {
    /// The name of an issuer that was given no other.
    pub const ISSUER: &str = "https://id.test";

    /// The audience of an issuer that was given no other.
    pub const AUDIENCE: &str = "https://api.test";

    /// An issuer with a new key (ES256), by the system's clock.
    ///
    /// # Panics
    ///
    /// If the operating system gives no random bytes.
    pub fn new() -> Self {
        Self::named(Self::ISSUER, Self::AUDIENCE)
    }

    /// The same with this name and audience, as the application's verifier expects them.
    ///
    /// # Panics
    ///
    /// If a name is empty, or the operating system gives no random bytes.
    #[track_caller]
    pub fn named(issuer: &str, audience: &str) -> Self {
        let key = SigningKey::generate(Algorithm::ES256).expect("random bytes");
        Self::of(Issuer::new(issuer, audience, KeySet::new(key)).expect("names that are not empty"))
    }

    /// Signs as this issuer does, with its keys: the application's own.
    pub fn of(issuer: Issuer) -> Self {
        Self {
            issuer,
            clock: Arc::new(SystemClock),
        }
    }

    /// Sets the clock that tokens are issued by, and that [`verifier`](Self::verifier) checks them by.
    #[must_use]
    pub fn clock(self, clock: impl Clock) -> Self {
        let clock = Arc::new(clock);
        Self { clock, ..self }
    }

    /// The issuer itself, for `Sessions`.
    pub fn issuer(&self) -> &Issuer {
        &self.issuer
    }

    /// A verifier of its tokens, by its clock, for the application under test.
    pub fn verifier(&self) -> Verifier {
        let keys = self.issuer.keys().verifying();
        let verifier = Verifier::new(self.issuer.issuer(), self.issuer.audience(), keys);
        verifier
            .expect("names that are not empty")
            .clock(Arc::clone(&self.clock))
    }

    /// A token for this user, which is good for 5 minutes from now and allows nothing yet.
    pub fn token(&self, subject: impl Into<String>) -> TestToken {
        TestToken::new(&self.issuer, &subject.into(), self.clock.now())
    }
}

impl Default for TestIssuer {
    fn default() -> Self {
        Self::new()
    }
}

impl std::fmt::Debug for TestIssuer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TestIssuer")
            .field("issuer", &self.issuer)
            .field("now", &self.clock.now())
            .finish()
    }
}
