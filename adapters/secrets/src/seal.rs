//! Seals cookies so that only a replica with the service key can read them, only under the name they were kept
//! under, and only until their end. Not here: where the sealed bytes are kept.

use chacha20poly1305::{
    XChaCha20Poly1305, XNonce,
    aead::{Aead, Generate, KeyInit, Payload},
};
use leafcutter_dispatch::Cookies;
use leafcutter_domain::Moment;
use zeroize::Zeroizing;

/// First byte of the sealed form.
const VERSION: u8 = 1;
/// Size of the random nonce: so large that random ones do not meet.
const NONCE_BYTES: usize = 24;
/// Size of the end inside the seal.
const END_BYTES: usize = 8;
/// How much longer than the cookies their sealed form is: version, nonce, end and tag.
pub(crate) const OVERHEAD_BYTES: usize = 1 + NONCE_BYTES + END_BYTES + 16;

/// What a seal holds.
pub(crate) struct Opened {
    pub(crate) cookies: Cookies,
    /// When they are to be forgotten; not known as long as the batch is open.
    pub(crate) end: Option<Moment>,
}

impl Opened {
    pub(crate) fn is_over(&self, now: Moment) -> bool {
        self.end.is_some_and(|end| end <= now)
    }
}

/// Seals and opens, and makes names that say nothing. Never printed.
pub(crate) struct Sealer {
    cipher: XChaCha20Poly1305,
    names: Zeroizing<[u8; 32]>,
}

impl Sealer {
    pub(crate) fn new(service_key: &[u8; 32]) -> Self {
        let key =
            Zeroizing::new(blake3::derive_key("leafcutter 2026-11 cookies in a bucket: seal", service_key));
        let names = blake3::derive_key("leafcutter 2026-11 cookies in a bucket: names", service_key);
        Self { cipher: XChaCha20Poly1305::new((&*key).into()), names: Zeroizing::new(names) }
    }

    /// A word for the part of a name that must not be seen.
    pub(crate) fn hide(&self, request: Option<&str>) -> String {
        let mut hasher = blake3::Hasher::new_keyed(&self.names);
        hasher.update(&[u8::from(request.is_some())]);
        hasher.update(request.unwrap_or_default().as_bytes());
        hasher.finalize().to_hex()[..32].to_owned()
    }

    /// Seals cookies under a name. `None` when the system has no randomness.
    pub(crate) fn seal(&self, name: &str, cookies: &Cookies, end: Option<Moment>) -> Option<Vec<u8>> {
        let nonce = XNonce::try_generate().ok()?;
        let mut plain = Zeroizing::new(Vec::with_capacity(END_BYTES + cookies.reveal().len()));
        plain.extend_from_slice(&end.map_or(i64::MAX, Moment::millis).to_le_bytes());
        plain.extend_from_slice(cookies.reveal().as_bytes());
        let sealed = self.cipher.encrypt(&nonce, Payload { msg: &plain, aad: name.as_bytes() }).ok()?;
        Some([&[VERSION][..], &nonce[..], &sealed].concat())
    }

    /// Opens what was sealed under this name with this key; nothing else opens.
    pub(crate) fn open(&self, name: &str, bytes: &[u8]) -> Option<Opened> {
        let (&version, rest) = bytes.split_first()?;
        let (nonce, sealed) = rest.split_at_checked(NONCE_BYTES)?;
        let nonce = XNonce::try_from(nonce).ok()?;
        let payload = Payload { msg: sealed, aad: name.as_bytes() };
        let plain = Zeroizing::new(self.cipher.decrypt(&nonce, payload).ok().filter(|_| version == VERSION)?);
        let (end, cookies) = plain.split_at_checked(END_BYTES)?;
        let end = i64::from_le_bytes(end.try_into().ok()?);
        let cookies = Cookies::new(str::from_utf8(cookies).ok()?.to_owned());
        Some(Opened { cookies, end: (end != i64::MAX).then(|| Moment::from_millis(end)) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cookies() -> Cookies {
        Cookies::new("session=CRUMBS".to_owned())
    }

    #[test]
    fn a_seal_opens_with_the_same_key_and_name_only() {
        let sealer = Sealer::new(&[1; 32]);
        let end = Some(Moment::from_millis(5));
        let sealed = sealer.seal("a", &cookies(), end).unwrap();
        assert_eq!(sealed.len(), cookies().reveal().len() + OVERHEAD_BYTES);
        let opened = sealer.open("a", &sealed).unwrap();
        assert!(opened.cookies == cookies());
        assert_eq!(opened.end, end);
        assert!(
            sealer.seal("a", &cookies(), None).and_then(|sealed| sealer.open("a", &sealed)?.end).is_none()
        );
        assert!(sealer.open("b", &sealed).is_none(), "another name");
        assert!(Sealer::new(&[2; 32]).open("a", &sealed).is_none(), "another key");
        for at in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert!(sealer.open("a", &changed).is_none(), "byte {at} was changed");
            assert!(sealer.open("a", &sealed[..at]).is_none(), "cut at {at}");
        }
    }

    #[test]
    fn two_seals_of_the_same_cookies_differ_and_show_nothing() {
        let sealer = Sealer::new(&[1; 32]);
        let (one, two) =
            (sealer.seal("a", &cookies(), None).unwrap(), sealer.seal("a", &cookies(), None).unwrap());
        assert_ne!(one, two);
        assert!(!one.windows(6).any(|part| part == b"CRUMBS"));
    }

    #[test]
    fn hidden_names_are_stable_differ_and_need_the_key() {
        let sealer = Sealer::new(&[1; 32]);
        assert_eq!(sealer.hide(Some("x")), Sealer::new(&[1; 32]).hide(Some("x")));
        assert_ne!(sealer.hide(Some("")), sealer.hide(None));
        assert_ne!(sealer.hide(Some("x")), sealer.hide(Some("y")));
        assert_ne!(sealer.hide(Some("x")), Sealer::new(&[2; 32]).hide(Some("x")));
    }
}
