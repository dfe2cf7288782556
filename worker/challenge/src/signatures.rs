//! The pages of known vendors, as data: what each of them has that ordinary pages have not. Every list that is not
//! empty has to be met by one of its entries. All text is in lower case.

use crate::{judge::Evidence, judge::Verdict, page::Page};

/// Headers of an answer that can tell a challenge, in lower case. Others need not be handed over.
pub const TELLING_HEADERS: [&str; 8] = [
    "cf-mitigated",
    "server",
    "x-amzn-waf-action",
    "x-datadome",
    "x-kpsdk-ct",
    "x-sucuri-block",
    "x-vercel-mitigated",
    "x-cdn",
];

/// Statuses under which sites refuse visitors and ask them to prove themselves.
pub(crate) const REFUSING: [u16; 11] = [403, 405, 406, 418, 428, 429, 430, 456, 468, 503, 999];

/// Visible letters of a vendor's page, at most. Their own words are few, site owners add some.
const LETTERS_MAX: usize = 1_500;
/// Links of a vendor's page under a status that grants the page, at most.
const LINKS_MAX: usize = 8;

/// What a vendor's page has.
pub(crate) struct Signature {
    pub(crate) vendor: &'static str,
    pub(crate) verdict: Verdict,
    /// It lets browsers pass after a while, without a person.
    pub(crate) settles: bool,
    /// Name and a part of the value.
    headers: &'static [(&'static str, &'static str)],
    statuses: &'static [u16],
    titles: &'static [&'static str],
    texts: &'static [&'static str],
    /// A second list for the same text.
    also: &'static [&'static str],
    machinery: &'static [&'static str],
    letters_max: usize,
}

impl Signature {
    const fn captcha(vendor: &'static str) -> Self {
        Self {
            vendor,
            verdict: Verdict::Captcha,
            settles: false,
            headers: &[],
            statuses: &[],
            titles: &[],
            texts: &[],
            also: &[],
            machinery: &[],
            letters_max: LETTERS_MAX,
        }
    }

    /// A challenge that passes browsers by itself.
    const fn check(vendor: &'static str) -> Self {
        Self { settles: true, ..Self::captcha(vendor) }
    }

    const fn block(vendor: &'static str) -> Self {
        Self { verdict: Verdict::Blocked, ..Self::captcha(vendor) }
    }

    pub(crate) fn fits(&self, evidence: &Evidence<'_>, page: &Page) -> bool {
        let any = |marks: &[&str], text: &str| marks.is_empty() || marks.iter().any(|m| text.contains(m));
        let alone = !self.headers.is_empty() && self.letters_max == usize::MAX;
        // Whoever quotes such a page has a navigation around the quotation.
        let bare = evidence.status >= 400 || page.links <= LINKS_MAX;
        (alone || (!page.cut && bare && page.letters <= self.letters_max))
            && (self.statuses.is_empty() || self.statuses.contains(&evidence.status))
            && (self.headers.is_empty() || self.headers.iter().any(|(name, value)| evidence.has(name, value)))
            && any(self.titles, &page.title)
            && any(self.texts, &page.text)
            && any(self.also, &page.text)
            && any(self.machinery, &page.machinery)
    }
}

/// Text of which one has to be in a page for a signature without headers to fit.
pub(crate) fn marks() -> impl Iterator<Item = &'static str> {
    SIGNATURES.iter().flat_map(|known| known.titles.iter().chain(known.texts).chain(known.machinery).copied())
}

/// The known pages; the first that fits counts.
pub(crate) static SIGNATURES: &[Signature] = &[
    Signature {
        headers: &[("cf-mitigated", "challenge")],
        letters_max: usize::MAX,
        ..Signature::check("Cloudflare")
    },
    Signature { machinery: &["_cf_chl_opt"], ..Signature::check("Cloudflare") },
    Signature {
        headers: &[("server", "cloudflare")],
        statuses: &[403, 429, 503],
        titles: &["just a moment"],
        ..Signature::check("Cloudflare")
    },
    Signature {
        statuses: &[403, 429, 503],
        titles: &["attention required! | cloudflare", "used cloudflare to restrict access", "access denied"],
        texts: &["cloudflare ray id", "ray id:", "performance & security by cloudflare"],
        ..Signature::block("Cloudflare")
    },
    Signature {
        headers: &[("x-amzn-waf-action", "challenge")],
        letters_max: usize::MAX,
        ..Signature::check("AWS WAF")
    },
    Signature {
        headers: &[("x-amzn-waf-action", "captcha")],
        letters_max: usize::MAX,
        ..Signature::captcha("AWS WAF")
    },
    Signature { machinery: &["gokuprops"], ..Signature::check("AWS WAF") },
    Signature { machinery: &["'t':'bv'"], statuses: &[403, 405, 429], ..Signature::block("DataDome") },
    Signature {
        machinery: &["interstitial.captcha-delivery.com", "ct.captcha-delivery.com/i.js"],
        letters_max: 300,
        ..Signature::check("DataDome")
    },
    Signature { machinery: &["captcha-delivery.com/"], letters_max: 300, ..Signature::captcha("DataDome") },
    Signature {
        headers: &[("x-datadome", "")],
        statuses: &[403, 405],
        letters_max: 300,
        ..Signature::captcha("DataDome")
    },
    Signature { machinery: &["px-captcha"], ..Signature::captcha("HUMAN") },
    Signature {
        titles: &["access to this page has been denied"],
        machinery: &["_pxappid", "perimeterx", "px-cdn", "px-cloud"],
        ..Signature::captcha("HUMAN")
    },
    Signature { texts: &["incapsula incident id"], letters_max: 300, ..Signature::block("Imperva") },
    Signature { machinery: &["/_incapsula_resource"], letters_max: 40, ..Signature::check("Imperva") },
    Signature { titles: &["pardon our interruption"], ..Signature::captcha("Imperva") },
    Signature {
        headers: &[("x-kpsdk-ct", "")],
        statuses: &[403, 429],
        machinery: &["kpsdk"],
        ..Signature::check("Kasada")
    },
    Signature {
        titles: &["access denied"],
        texts: &["you don't have permission to access"],
        also: &["reference #"],
        ..Signature::block("Akamai")
    },
    Signature { machinery: &["bm-verify", "sec-if-cpt", "/_sec/cp_challenge"], ..Signature::check("Akamai") },
    Signature { headers: &[("x-sucuri-block", "")], ..Signature::block("Sucuri") },
    Signature {
        statuses: &[403],
        texts: &["sucuri website firewall"],
        also: &["access denied"],
        ..Signature::block("Sucuri")
    },
    Signature { machinery: &["sucuri_cloudproxy_js"], letters_max: 300, ..Signature::check("Sucuri") },
    Signature {
        machinery: &["/.well-known/ddos-guard/"],
        statuses: &[403, 503],
        ..Signature::check("DDoS-Guard")
    },
    Signature {
        statuses: &[403],
        texts: &["request blocked", "distribution is configured to block access"],
        also: &["generated by cloudfront"],
        ..Signature::block("CloudFront")
    },
    Signature {
        texts: &["the requested url was rejected"],
        also: &["support id"],
        letters_max: 600,
        ..Signature::block("F5")
    },
    Signature {
        statuses: &[403, 503],
        texts: &["generated by wordfence"],
        also: &["has been limited", "has been blocked", "temporarily limited"],
        ..Signature::block("Wordfence")
    },
    Signature {
        headers: &[("x-vercel-mitigated", "challenge")],
        letters_max: usize::MAX,
        ..Signature::check("Vercel")
    },
    Signature { headers: &[("x-vercel-mitigated", "deny")], ..Signature::block("Vercel") },
    Signature { titles: &["vercel security checkpoint"], ..Signature::check("Vercel") },
    Signature { machinery: &["anubis_challenge"], ..Signature::check("Anubis") },
    Signature { machinery: &["/_fs-ch-"], letters_max: 600, ..Signature::check("Fastly") },
    Signature { machinery: &["/__qrator/"], letters_max: 300, ..Signature::check("Qrator") },
    Signature { machinery: &["/errors/validatecaptcha"], ..Signature::captcha("Amazon") },
    Signature {
        statuses: &[429, 503],
        texts: &["unusual traffic from your computer network"],
        ..Signature::captcha("Google")
    },
    Signature { machinery: &["/showcaptcha", "/checkcaptcha"], ..Signature::captcha("Yandex") },
    Signature { machinery: &["_____tmd_____/punish"], ..Signature::captcha("Alibaba") },
    Signature { titles: &["百度安全验证"], ..Signature::captcha("Baidu") },
    Signature {
        machinery: &["validate.perfdrive.com", "captcha.perfdrive.com"],
        ..Signature::captcha("Radware")
    },
    Signature { texts: &["blocked by network security"], letters_max: 600, ..Signature::block("the site") },
    Signature {
        statuses: &[403, 406],
        texts: &["mod_security", "modsecurity"],
        letters_max: 600,
        ..Signature::block("ModSecurity")
    },
    Signature { statuses: &[999], ..Signature::block("the site") },
];
