//! This page shows who sends what to whom. Time goes from top to bottom; a dashed line is an answer, a cross one that is
//! lost, and a dotted line what happens later, beside the requests. What is decided, and why, is in
//! [the protocol](crate::manual::protocol).
//!
//! # A login, a request and a refresh
//!
//! A request with an access token asks no store. A refresh reads one row and swaps it.
//!
#![doc = include_str!("../../docs/flows/login_and_refresh.svg")]
//!
//! # A lost answer
//!
//! The client is not logged out, however late it comes back: the server makes the same successor again.
//! [Row 8](crate::manual::protocol#the-decision) says how often.
//!
#![doc = include_str!("../../docs/flows/lost_answer.svg")]
//!
//! # Two tabs
//!
//! Whoever comes second within the [reuse window](crate::session::SessionsBuilder::reuse_window) gets what the first has
//! got. Nothing is written for it ([row 7](crate::manual::protocol#the-decision)).
//!
#![doc = include_str!("../../docs/flows/second_tab.svg")]
//!
//! # A theft
//!
//! It is noticed by whoever presents the stolen token second, thief or client
//! ([row 9](crate::manual::protocol#the-decision)). The session ends for both, and the user logs in again.
//!
#![doc = include_str!("../../docs/flows/theft.svg")]
//!
//! # A logout that each server knows
//!
//! Each server [follows](crate::session::Sessions::follow) the store; requests ask memory only.
//! [How soon each of them knows](crate::manual::deployment#several-servers) was measured.
//!
#![doc = include_str!("../../docs/flows/logout.svg")]
//!
//! # A session that is bound to a key
//!
//! With [DPoP](crate::manual::dpop) tokens are of no use without the key, and copies of a client do not log each other out.
//!
#![doc = include_str!("../../docs/flows/dpop.svg")]
//!
//! # A session that a browser binds to its device
//!
//! [Device Bound Session Credentials](crate::manual::browsers): the browser does all of it, and the page nothing.
//!
#![doc = include_str!("../../docs/flows/dbsc.svg")]
//!
//! # Users of another program
//!
//! Their [old refresh tokens](crate::manual::taking_over) become sessions, and a lost answer logs nobody out there either.
//!
#![doc = include_str!("../../docs/flows/takeover.svg")]
