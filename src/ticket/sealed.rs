//! What a ticket says, sealed: from when and until when it is good, whether a key was proved for it, and the access token that
//! it stands for. Its path is not in it, but it cannot be opened with another one.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

use super::secret::TicketSecret;
use crate::{
    clock::Timestamp,
    jws::{decrypt_once, encrypt_once},
    token::AccessToken,
};

/// What tells tickets apart, and makes the key of each.
pub(super) const SALT: usize = 16;
const TIME: usize = 8;
const FLAG: usize = 1;
const TAG: usize = 16;

/// The longest access token that a ticket stands for.
pub(super) const MAX_TOKEN: usize = 8 * 1024;
/// The longest ticket.
const MAX_TEXT: usize = (SALT + 2 * TIME + FLAG + MAX_TOKEN + TAG).div_ceil(3) * 4;

/// What a ticket says besides its token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Facts {
    pub(super) issued: Timestamp,
    pub(super) expires: Timestamp,
    /// Whether the request for the ticket has proved the key that the token is bound to.
    pub(super) is_proved: bool,
}

pub(super) struct Opened {
    pub(super) salt: [u8; SALT],
    pub(super) facts: Facts,
    pub(super) token: AccessToken,
}

/// `None` if the back end fails.
pub(super) fn seal(
    secret: &TicketSecret,
    salt: [u8; SALT],
    path: &str,
    facts: Facts,
    token: &AccessToken,
) -> Option<String> {
    let times = [facts.issued, facts.expires].map(|time| time.as_millis().to_be_bytes());
    let is_proved = [u8::from(facts.is_proved)];
    let said = [times.as_flattened(), &is_proved, token.expose().as_bytes()].concat();
    let sealed = encrypt_once(&secret.key(&salt), path.as_bytes(), said)?;
    Some(URL_SAFE_NO_PAD.encode([salt.as_slice(), &sealed].concat()))
}

/// `None` if these servers have made no such ticket for this path.
pub(super) fn open(secret: &TicketSecret, text: &str, path: &str) -> Option<Opened> {
    if text.len() > MAX_TEXT {
        return None;
    }
    let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
    let (salt, sealed) = bytes.split_first_chunk::<SALT>()?;
    let said = decrypt_once(&secret.key(salt), path.as_bytes(), sealed)?;
    let (issued, rest) = said.split_first_chunk::<TIME>()?;
    let (expires, rest) = rest.split_first_chunk::<TIME>()?;
    let ([is_proved], token) = rest.split_first_chunk::<FLAG>()?;
    Some(Opened {
        salt: *salt,
        facts: Facts {
            issued: time(issued),
            expires: time(expires),
            is_proved: *is_proved == 1,
        },
        token: AccessToken::new(std::str::from_utf8(token).ok()?),
    })
}

fn time(millis: &[u8; TIME]) -> Timestamp {
    Timestamp::from_millis(i64::from_be_bytes(*millis))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(byte: u8) -> TicketSecret {
        TicketSecret::from_secret([byte; 32]).unwrap()
    }

    const FACTS: Facts = Facts {
        issued: Timestamp::from_secs(6),
        expires: Timestamp::from_secs(7),
        is_proved: true,
    };

    fn sealed() -> String {
        let token = AccessToken::new("a.b.c");
        seal(&secret(1), [5; SALT], "/socket", FACTS, &token).unwrap()
    }

    #[test]
    fn what_is_sealed_is_opened_for_its_path() {
        let opened = open(&secret(1), &sealed(), "/socket").unwrap();
        assert_eq!(opened.salt, [5; SALT]);
        assert_eq!(opened.facts, FACTS);
        assert_eq!(opened.token.expose(), "a.b.c");
    }

    #[test]
    fn nothing_else_is_opened() {
        let is_open = |secret, text: &str, path| open(&secret, text, path).is_some();
        let sealed = sealed();
        assert!(!is_open(secret(2), &sealed, "/socket"));
        for path in ["", "/", "/Socket", "/socket/", "//socket", "/%73ocket"] {
            assert!(!is_open(secret(1), &sealed, path), "{path}");
        }
        let bytes = URL_SAFE_NO_PAD.decode(&sealed).unwrap();
        for at in 0..bytes.len() {
            let mut other = bytes.clone();
            other[at] ^= 1;
            assert!(
                !is_open(secret(1), &URL_SAFE_NO_PAD.encode(other), "/socket"),
                "{at}"
            );
            assert!(
                !is_open(secret(1), &URL_SAFE_NO_PAD.encode(&bytes[..at]), "/socket"),
                "{at}"
            );
        }
        for text in [
            String::new(),
            sealed.clone() + "A",
            sealed + "==",
            "A".repeat(MAX_TEXT + 1),
        ] {
            assert!(!is_open(secret(1), &text, "/socket"));
        }
    }

    #[test]
    fn the_longest_token_fits() {
        let token = AccessToken::new("a".repeat(MAX_TOKEN));
        let text = seal(&secret(1), [5; SALT], "/socket", FACTS, &token).unwrap();
        assert!(open(&secret(1), &text, "/socket").is_some());
    }
}
