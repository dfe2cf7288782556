//! The only way out: the guarded forward proxy that Chromium and fast mode use for every byte.
//!
//! A page decides what its browser fetches, so nothing that the browser asks for can be trusted.
//! Each browser slot gets a [`Proxy`], a loopback listener that speaks HTTP/1.1 (absolute-form
//! requests, `CONNECT`, and WebSocket upgrades through either). It looks names up itself, checks
//! every address against a [`Policy`] and dials the very address that it checked, so neither a
//! redirect, a sub-resource nor a name that changes its answer reaches a private network.
//!
//! **Not allowed here:** knowledge of Chromium, batches or prices, HTML, files, databases. The
//! worker maps a [`Refusal`] to an item's error code; this crate only says what happened.
//!
//! # Who may use a listener
//!
//! The listener is bound to 127.0.0.1 and asks for no credential: Chromium can only answer a
//! proxy's challenge when its requests are intercepted, which would cost every request a round
//! trip through DevTools. Another local user can therefore send requests through a slot. That gives
//! them the public internet, which they have anyway, and the operator's allowed targets, which
//! a local user can reach without it; what they can do is spend an item's byte budget. Pages
//! cannot reach a listener, because loopback is refused. An operator who allows all of
//! `127.0.0.0/8` gives that up.
//!
//! # Where to look
//!
//! `address` says what is public, `allow` and `policy` what may be reached, `resolve` how names
//! are looked up, `upstream` dials, `pools` has the operator's upstream proxies, `item` holds what belongs to one item, `meter` counts,
//! `proxy` listens, `forward` and `tunnel` carry plain requests and tunnels.

mod address;
mod allow;
mod body;
mod forward;
mod headers;
mod item;
mod meter;
mod policy;
mod pools;
mod proxy;
mod refusal;
mod resolve;
mod tunnel;
mod upstream;

pub use address::{is_public_address, is_reserved_name};
pub use allow::{AllowedTarget, AllowedTargetError};
pub use meter::{
    DIAL_TIMEOUT_MS, HEADERS_TIMEOUT_MS, IDLE_TIMEOUT_MS, ITEM_BYTES_MAX, Limits, RESPONSE_BYTES_MAX, Usage,
};
pub use policy::{Policy, REFUSED_PORTS};
pub use pools::{ProxyFileError, ProxyPools, Route};
pub use proxy::{Proxy, REFUSAL_HEADER};
pub use refusal::{Refusal, Step};
pub use resolve::{Resolve, SystemResolver};
