//! The schemes that a challenge names (RFC 9110 §11.6.1, RFC 9449 §7.1).

#[cfg(feature = "dpop")]
use std::sync::Arc;

/// The schemes by which the layer takes tokens: `Bearer`, and `DPoP` beside or instead of it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Schemes {
    #[cfg(feature = "dpop")]
    dpop: Option<DpopScheme>,
}

/// How the scheme `DPoP` is named.
#[cfg(feature = "dpop")]
#[derive(Clone, Debug)]
pub(super) struct DpopScheme {
    /// The algorithms of proofs, if they are known.
    pub(super) algorithms: Option<Arc<str>>,
    /// Whether the scheme `Bearer` is taken too.
    pub(super) takes_bearer: bool,
    /// Whether the refused request has used the scheme.
    pub(super) used: bool,
}

impl Schemes {
    #[cfg(feature = "dpop")]
    pub(super) fn with_dpop(dpop: DpopScheme) -> Self {
        Self { dpop: Some(dpop) }
    }

    /// The scheme by which a token has come: with a proof of its key or without one.
    pub(crate) fn of_passed(is_proved: bool) -> Self {
        #[cfg(feature = "dpop")]
        if is_proved {
            return Self::with_dpop(DpopScheme {
                algorithms: None,
                takes_bearer: false,
                used: true,
            });
        }
        let _ = is_proved;
        Self::default()
    }

    /// The values of `WWW-Authenticate`, one for each scheme. What is wrong (`error`) is said of the
    /// scheme that the request has used; a client of the other one has to read nothing new. What is true
    /// of the resource (`common`) is said of each scheme.
    pub(super) fn challenges(&self, realm: &str, error: &str, common: &str) -> Vec<String> {
        #[cfg(feature = "dpop")]
        if let Some(dpop) = &self.dpop {
            let algorithms = (dpop.algorithms.as_ref())
                .map(|names| format!(", algs=\"{names}\""))
                .unwrap_or_default();
            let of_dpop = format!("DPoP realm=\"{realm}\"{algorithms}");
            // A client that has used `Bearer` learns that its token is no good, even where that scheme
            // is not taken: otherwise it would not ask for another one, and learn why not.
            let names_bearer = dpop.takes_bearer || !error.is_empty();
            return match names_bearer && !dpop.used {
                true => vec![
                    format!("Bearer realm=\"{realm}\"{error}{common}"),
                    of_dpop + common,
                ],
                false => vec![of_dpop + error + common],
            };
        }
        vec![format!("Bearer realm=\"{realm}\"{error}{common}")]
    }
}
