//! A refresh token with any changes: only the very token that was handed out gets another one.
//!
//! The input is a list of changes, three bytes each: where, in two bytes, and what is there instead.
//! Input that is no such list is presented as it is.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tower_bearer::{
    RefreshToken,
    session::{Grant, RefreshRequest},
};
use tower_bearer_fuzz::{block_on, sessions};

fuzz_target!(|changes: &[u8]| {
    let sessions = sessions();
    let login = block_on(sessions.start(Grant::new("anna"))).expect("a login");
    let genuine = login.refresh_token.expose();
    let presented = match changed(genuine, changes) {
        Some(token) => token,
        None => String::from_utf8_lossy(changes).into_owned(),
    };
    let request = RefreshRequest::new(RefreshToken::new(presented.clone()));
    let refreshed = block_on(sessions.refresh(request));
    assert_eq!(refreshed.is_ok(), presented == genuine);
});

fn changed(genuine: &str, changes: &[u8]) -> Option<String> {
    let mut bytes = genuine.as_bytes().to_vec();
    let (changes, []) = changes.as_chunks::<3>() else {
        return None;
    };
    for [high, low, byte] in changes {
        let place = usize::from(u16::from_be_bytes([*high, *low])) % bytes.len();
        bytes[place] = *byte;
    }
    String::from_utf8(bytes).ok()
}
