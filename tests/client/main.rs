//! The client's side: a layer that keeps HTTP clients signed in, against servers that answer,
//! lose answers, talk nonsense or say nothing.
#![cfg(feature = "session")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that meets the unexpected fails"
)]

mod answers;
mod attach;
#[cfg(unix)]
mod copies;
mod dpop;
mod ended;
mod faulty;
mod file;
mod flight;
mod hindered;
mod histories;
mod logout;
mod odd;
mod processes;
mod readiness;
mod real;
mod redirects;
mod refresh;
mod shared;
mod status;
mod support;
mod unsaved;
