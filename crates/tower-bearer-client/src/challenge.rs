//! What a refusal says about the token (RFC 9110 §11.6.1, RFC 6750 §3, RFC 9449 §7.1).

use http::{HeaderMap, header::WWW_AUTHENTICATE};
use tower_bearer::challenges;

use crate::dpop::Flaw;

/// The headers are read up to this length, which is more than servers send.
const MAX_BYTES: usize = 8 * 1024;

/// What a refusal says is wrong. Of several, the greatest counts: without a good proof, no server gets
/// as far as the token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Blame {
    /// `invalid_token`
    Token,
    /// What RFC 9449 §7.1 adds.
    Proof(Flaw),
}

/// What the challenges say about a token that was sent with a proof or without one. The scheme of
/// those that count is `Bearer`, and with a proof also `DPoP`. A malformed header is ignored as a
/// whole.
pub(crate) fn blame(headers: &HeaderMap, is_proven: bool) -> Option<Blame> {
    let mut left = MAX_BYTES;
    let mut worst = None;
    for value in headers.get_all(WWW_AUTHENTICATE) {
        let value = value.as_bytes();
        match left.checked_sub(value.len()) {
            Some(rest) => left = rest,
            None => break,
        }
        worst = worst.max(worst_of(value, is_proven));
    }
    worst
}

impl Blame {
    fn of(scheme: &[u8], error: &[u8], is_proven: bool) -> Option<Self> {
        let is_dpop = is_proven && scheme.eq_ignore_ascii_case(b"dpop");
        match error {
            b"invalid_token" if is_dpop || scheme.eq_ignore_ascii_case(b"bearer") => {
                Some(Self::Token)
            }
            error if is_dpop => Flaw::named(error).map(Self::Proof),
            _ => None,
        }
    }
}

/// `None` also if the header is malformed, even if only behind the challenge that is looked for.
fn worst_of(header: &[u8], is_proven: bool) -> Option<Blame> {
    let mut worst = None;
    for challenge in challenges::read(header)? {
        let mut errors = challenge.values("error");
        let error = errors.next().unwrap_or_default();
        if errors.next().is_some() {
            return None;
        }
        worst = worst.max(Blame::of(challenge.scheme, error, is_proven));
    }
    worst
}

#[cfg(test)]
mod tests {
    use super::*;

    fn blamed(values: &[&str], is_proven: bool) -> Option<Blame> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(WWW_AUTHENTICATE, value.parse().unwrap());
        }
        blame(&headers, is_proven)
    }

    fn says(values: &[&str]) -> bool {
        blamed(values, false) == Some(Blame::Token)
    }

    #[test]
    fn with_a_proof_the_scheme_of_proofs_counts_too() {
        let nonce = Some(Blame::Proof(Flaw::Nonce));
        let proof = Some(Blame::Proof(Flaw::Proof));
        for (values, wanted) in [
            (
                &[r#"DPoP error="invalid_token", algs="ES256""#][..],
                Some(Blame::Token),
            ),
            (&[r#"Bearer error="invalid_token""#], Some(Blame::Token)),
            (&[r#"dpop algs="ES256", error="use_dpop_nonce""#], nonce),
            (&[r#"DPoP error=invalid_dpop_proof"#], proof),
            (
                &[r#"DPoP error="use_dpop_nonce", Bearer error="invalid_token""#],
                nonce,
            ),
            (
                &[
                    r#"Bearer error="invalid_token""#,
                    r#"DPoP error="invalid_dpop_proof""#,
                ],
                proof,
            ),
            (&[r#"Bearer error="use_dpop_nonce""#], None),
            (&[r#"DPoP algs="ES256""#, "Bearer"], None),
            (&[r#"DPoP error="insufficient_scope""#], None),
            (&[r#"DPoP error="use_dpop_nonce", error="x""#], None),
        ] {
            assert_eq!(blamed(values, true), wanted, "{values:?}");
            let unproven = blamed(values, false);
            assert!(matches!(unproven, None | Some(Blame::Token)), "{values:?}");
        }
    }

    #[test]
    fn invalid_token_is_found() {
        for value in [
            r#"Bearer error="invalid_token""#,
            r#"bearer realm="a", ERROR="invalid_token", error_description="it has expired""#,
            "Bearer error=invalid_token",
            "Bearer \t error \t=\t invalid_token\t",
            r#"Basic realm="a", Bearer error="invalid_token""#,
            r#"Bearer realm="a", error="invalid_token", Basic realm="b""#,
            r#"Negotiate, Bearer error="invalid_token""#,
            r#"Negotiate YII=, , Bearer error="invalid_token""#,
            r#"NTLM TlRMTVNTUAAC==,Bearer error="invalid_token","#,
            r#"Bearer realm="a, Basic b=\"c\"", error="invalid_token""#,
            r#"Bearer error="invalid\_token""#,
            r#"Bearer realm="a", Bearer error="invalid_token""#,
            r#"DPoP algs="ES256 PS256", error="use_dpop_nonce", Bearer error="invalid_token""#,
        ] {
            assert!(says(&[value]), "{value}");
        }
        assert!(says(&["Basic realm=\"a", "Bearer error=\"invalid_token\""]));
    }

    #[test]
    fn anything_else_says_nothing() {
        for value in [
            "",
            "Bearer",
            "Bearer realm=\"api\"",
            r#"Bearer error="insufficient_scope""#,
            r#"Bearer error="INVALID_TOKEN""#,
            r#"Bearer error="invalid_token "#,
            r#"Bearer error="invalid_token" realm="a""#,
            r#"Bearer error="invalid_token", error="x""#,
            r#"Bearer error="x", error="invalid_token""#,
            r#"Bearer realm="error=\"invalid_token\"""#,
            r#"Bearer realm=", error="invalid_token""#,
            r#"Bearerx error="invalid_token""#,
            r#"DPoP error="invalid_token""#,
            r#"Bearer, error="invalid_token""#,
            r#"Bearer , error="invalid_token""#,
            r#"Bearer=error="invalid_token""#,
            r#"Bearer error=="invalid_token""#,
            r#"Bearer "error"="invalid_token""#,
            r#"Bearer error="invalid_token", "x""#,
            r#"Bearer error="invalid_token"; x=y"#,
            r#"error="invalid_token""#,
            r#"Bearer error="invalid_token\"#,
        ] {
            assert!(!says(&[value]), "{value}");
        }
        assert!(!says(&[]));
    }

    #[test]
    fn what_is_too_long_is_not_read() {
        let long = format!(
            r#"Bearer realm="{}", error=invalid_token"#,
            "a".repeat(MAX_BYTES)
        );
        assert!(!says(&[&long]));
        let fits = format!(
            r#"Bearer realm="{}", error=invalid_token"#,
            "a".repeat(MAX_BYTES - 100)
        );
        assert!(says(&[&fits]));
        assert!(!says(&[&"a,".repeat(3000), &fits]));
    }
}
