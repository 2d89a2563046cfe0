//! Device Bound Session Credentials: sessions whose cookies are of no use on another device.
//!
//! A browser that knows them, today Chromium, makes a key at the login, in hardware where there is any,
//! and signs with it each time that it needs a new access cookie. No script takes part. Whoever steals
//! the cookies can use them only as long as the access cookie lives, and gets no new one. Browsers that
//! do not know them take no notice and go on as before.
//!
//! 1. The answer to a login has an offer beside its cookies ([`DeviceBinding::response`]).
//! 2. The browser makes a key and shows it to the [`RegistrationEndpoint`]. It learns the scope of its
//!    session, and which cookie it has to keep alive: that of the access token.
//! 3. When the access cookie has run out, or will soon, the browser signs a challenge for the
//!    [`RefreshEndpoint`], and requests wait until the new cookie is there. The first of these refreshes
//!    [binds](crate::session::Sessions::bind) the session to the key. So if the answer to a registration
//!    is lost, nothing has happened.
//! 4. From then on the refresh cookie alone brings nothing. A script that sends it to the token endpoint
//!    is answered with 403 and `"reason": "device_bound"`, or with `invalid_grant` if its browser has
//!    lost the key.
//! 5. At the logout the session is ended first, and then [`DeviceBinding::clear`] removes all from the
//!    browser.
//!
//! All servers need the same [`DeviceSecret`], and nothing else: challenges and keys are not stored.
//! Registered keys are of ES256 or RS256.
//!
//! What Chromium asks for, beside what the types check:
//! - HTTPS. It registers nothing over plain HTTP, not even on localhost.
//! - The layer that checks access tokens must read the
//!   [access cookie](crate::bearer::BearerLayer::access_cookie).
//! - No answer in front of the refresh endpoint but 503 for what passes. At 400, 401 or 429, or at a page
//!   of a firewall, it forgets the key for good.
//!
//! [The manual](crate::manual::browsers) says why it is the access token's cookie that is bound, and what
//! each browser does.

mod binding;
mod check;
mod endpoint;
mod field;
mod identifier;
mod options;
mod proof;
mod refresh;
mod registration;
mod seal;
mod secret;
mod wire;

pub use binding::DeviceBinding;
pub(crate) use endpoint::Step;
pub use endpoint::{RefreshEndpoint, RegistrationEndpoint};
pub use options::DeviceOptions;
pub use secret::DeviceSecret;
