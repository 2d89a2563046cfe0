//! The cookie for refresh tokens, if the application has configured one.

use bytes::Bytes;
use http::{HeaderMap, Request, Response, request::Parts};

use super::error_reply::ErrorReply;
use crate::{
    cookie::{CrossOrigin, Found, RefreshCookie},
    error::ErrorCode,
    session::{RefreshRequest, Refreshed, SessionError},
    token::RefreshToken,
};
#[cfg(feature = "dbsc")]
use crate::{dbsc::DeviceBinding, trace};

#[derive(Clone, Debug, Default)]
pub(super) struct Carrier {
    cookie: Option<RefreshCookie>,
    #[cfg(feature = "dbsc")]
    binding: Option<DeviceBinding>,
}

/// A token that came in the cookie. The new token goes back into the cookie.
pub(super) struct Carried {
    cookie: RefreshCookie,
    #[cfg(feature = "dbsc")]
    binding: Option<DeviceBinding>,
    token: RefreshToken,
    /// Whether another program has set the cookie.
    is_foreign: bool,
    /// What that program has set beside this crate's own.
    beside: Option<RefreshToken>,
}

impl Carrier {
    pub(super) fn new(cookie: &RefreshCookie) -> Self {
        Self {
            cookie: Some(cookie.clone()),
            #[cfg(feature = "dbsc")]
            binding: None,
        }
    }

    #[cfg(feature = "dbsc")]
    pub(super) fn of_devices(binding: &DeviceBinding) -> Self {
        Self {
            cookie: Some(binding.cookie().clone()),
            binding: Some(binding.clone()),
        }
    }

    #[cfg(feature = "dbsc")]
    pub(super) fn binding(&self) -> Option<&DeviceBinding> {
        self.binding.as_ref()
    }

    /// Whether sessions whose token is in the cookie are refreshed by the browser itself.
    pub(super) fn binds_devices(&self) -> bool {
        #[cfg(feature = "dbsc")]
        return self.binding.is_some();
        #[cfg(not(feature = "dbsc"))]
        false
    }

    /// The answer to a page whose session is bound to a device. Mostly its browser has the key, and the
    /// session goes on.
    pub(super) fn unproven_device(&self, request: &Parts) -> ErrorReply {
        #[cfg(feature = "dbsc")]
        if let Some(binding) = &self.binding
            && !binding.may_have_key(request)
        {
            trace::debug!("a browser has no key of the device that its session is bound to");
            return ErrorCode::InvalidGrant.into();
        }
        let _ = request;
        ErrorReply::device_bound()
    }

    /// The token in the request's cookie.
    pub(super) fn find<B>(&self, request: &Request<B>) -> Result<Option<Carried>, ErrorReply> {
        let Some(cookie) = &self.cookie else {
            return Ok(None);
        };
        let own = match cookie
            .find(request)
            .map_err(|CrossOrigin| ErrorCode::CrossOrigin)?
        {
            Found::Absent => None,
            Found::Malformed => {
                return Err(ErrorReply::request("the cookie is repeated or malformed"));
            }
            Found::Token(token) => Some(RefreshToken::new(token)),
        };
        let foreign = cookie.find_foreign(request);
        let foreign = match foreign.map_err(|CrossOrigin| ErrorCode::CrossOrigin)? {
            Found::Token(token) => Some(RefreshToken::new(token)),
            // Two of them can only be there because somebody has planted one.
            Found::Absent | Found::Malformed => None,
        };
        let is_foreign = own.is_none();
        let (token, beside) = match (own, foreign) {
            (Some(own), foreign) => (own, foreign),
            (None, Some(foreign)) => (foreign, None),
            (None, None) => return Ok(None),
        };
        Ok(Some(Carried {
            cookie: cookie.clone(),
            #[cfg(feature = "dbsc")]
            binding: self.binding.clone(),
            token,
            is_foreign,
            beside,
        }))
    }
}

impl Carried {
    pub(super) fn token(&self) -> &str {
        self.token.expose()
    }

    /// Whether the token can only be one of another program.
    pub(super) fn is_foreign(&self) -> bool {
        self.is_foreign
    }

    /// The token of another program that came beside this crate's own, and that a logout has to end too: nothing
    /// else removes it, and the next refresh would take it over.
    pub(super) fn beside(&self) -> Option<&str> {
        self.beside.as_ref().map(RefreshToken::expose)
    }

    /// Adds that a page asks, whose browser may have bound the session to the device.
    pub(super) fn add_to(&self, request: RefreshRequest) -> RefreshRequest {
        #[cfg(feature = "dbsc")]
        if self.binding.is_some() {
            return request.of_a_page();
        }
        request
    }

    pub(super) fn refreshed(&self, refreshed: &Refreshed) -> Result<Response<Bytes>, SessionError> {
        self.cookie.refreshed(refreshed)
    }

    /// Clears the cookie, in the answer to a revocation.
    pub(super) fn clear(&self, headers: &mut HeaderMap) {
        #[cfg(feature = "dbsc")]
        if let Some(binding) = &self.binding {
            return binding.clear(headers);
        }
        self.cookie.clear().append_to(headers);
    }
}
