//! A client of a bucket, with bounds for everything that waits. Not here: what is done with objects.

use crate::{
    ObjectError,
    address::{Bucket, wrong},
};
use object_store::{
    BackoffConfig, ClientOptions, RetryConfig,
    aws::{AmazonS3, AmazonS3Builder},
};
use std::time::Duration;
use url::{Host, Url};

/// How long the store may take to accept a connection.
const DIAL_TIMEOUT_MS: u64 = 5_000;
/// How long one request may take, its body included.
const REQUEST_TIMEOUT_MS: u64 = 20_000;
/// Times that a request is sent again.
const RETRIES_MAX: usize = 10;
/// From the first try on, after which no other is made: long enough for a store that is being restarted.
const RETRY_WINDOW_MS: u64 = 10_000;
/// Shortest wait before another try.
const BACKOFF_MIN_MS: u64 = 100;
/// Longest wait before another try.
const BACKOFF_MAX_MS: u64 = 2_000;
/// How long a connection that nobody uses is kept.
const IDLE_CONNECTION_MS: u64 = 20_000;
/// The region that stores without regions answer to.
const DEFAULT_REGION: &str = "us-east-1";

/// What signs requests, from the environment only.
pub(crate) struct Credential {
    key_id: String,
    secret: String,
    token: Option<String>,
    region: Option<String>,
}

impl Credential {
    /// Looks the usual `AWS_*` names up.
    pub(crate) fn found(setting: &dyn Fn(&str) -> Option<String>) -> Result<Self, ObjectError> {
        let needed = |name, why| setting(name).ok_or(wrong(why));
        let credential = Self {
            key_id: needed("AWS_ACCESS_KEY_ID", "a bucket needs AWS_ACCESS_KEY_ID in the environment")?,
            secret: needed(
                "AWS_SECRET_ACCESS_KEY",
                "a bucket needs AWS_SECRET_ACCESS_KEY in the environment",
            )?,
            token: setting("AWS_SESSION_TOKEN"),
            region: setting("AWS_REGION").or_else(|| setting("AWS_DEFAULT_REGION")),
        };
        // They become parts of headers, where anything else cannot be sent.
        let sent = [Some(&credential.key_id), credential.token.as_ref(), credential.region.as_ref()];
        if sent.into_iter().flatten().all(|text| text.chars().all(|c| c.is_ascii_graphic())) {
            return Ok(credential);
        }
        Err(wrong("AWS_ACCESS_KEY_ID, AWS_SESSION_TOKEN and AWS_REGION must be plain ASCII without spaces"))
    }
}

/// A client of the bucket at this endpoint.
pub(crate) fn client(
    bucket: &Bucket,
    endpoint: Option<&Url>,
    credential: &Credential,
) -> Result<AmazonS3, ObjectError> {
    let region = bucket.region.as_deref().or(credential.region.as_deref()).unwrap_or(DEFAULT_REGION);
    if !region.chars().all(|c| c.is_ascii_alphanumeric() || c == '-') {
        return Err(wrong("its region may have letters, digits and '-' only"));
    }
    let mut builder = AmazonS3Builder::new()
        .with_bucket_name(&bucket.name)
        .with_region(region)
        .with_access_key_id(&credential.key_id)
        .with_secret_access_key(&credential.secret)
        .with_virtual_hosted_style_request(!bucket.path_style)
        .with_retry(patience())
        .with_client_options(options(bucket.allow_http));
    if let Some(token) = &credential.token {
        builder = builder.with_token(token);
    }
    if let Some(endpoint) = endpoint {
        builder = builder.with_endpoint(place(bucket, endpoint)?);
    }
    builder.build().map_err(ObjectError::Store)
}

/// The endpoint as the client wants it: without a slash, and with the bucket where that is part of the host.
fn place(bucket: &Bucket, endpoint: &Url) -> Result<String, ObjectError> {
    let mut endpoint = endpoint.clone();
    if !bucket.path_style {
        let Some(Host::Domain(host)) = endpoint.host() else {
            return Err(wrong("path_style=false needs an endpoint with a host name, not an address"));
        };
        let host = format!("{}.{host}", bucket.name);
        endpoint
            .set_host(Some(&host))
            .map_err(|_| wrong("its endpoint's host cannot carry the bucket's name"))?;
    }
    Ok(endpoint.as_str().trim_end_matches('/').to_owned())
}

fn patience() -> RetryConfig {
    RetryConfig {
        backoff: BackoffConfig {
            init_backoff: Duration::from_millis(BACKOFF_MIN_MS),
            max_backoff: Duration::from_millis(BACKOFF_MAX_MS),
            base: 2.0,
        },
        max_retries: RETRIES_MAX,
        retry_timeout: Duration::from_millis(RETRY_WINDOW_MS),
    }
}

fn options(allow_http: bool) -> ClientOptions {
    ClientOptions::new()
        .with_allow_http(allow_http)
        .with_connect_timeout(Duration::from_millis(DIAL_TIMEOUT_MS))
        .with_timeout(Duration::from_millis(REQUEST_TIMEOUT_MS))
        .with_pool_idle_timeout(Duration::from_millis(IDLE_CONNECTION_MS))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::address::{Address, parse};

    fn bucket(address: &str) -> Bucket {
        match parse(address, None).unwrap() {
            Address::Bucket(bucket) => *bucket,
            Address::Folder(_) => unreachable!(),
        }
    }

    #[test]
    fn a_bucket_in_the_host_name_goes_before_it() {
        let virtual_host = bucket("s3://leafcutter?endpoint=https://store.example:8443&path_style=false");
        assert_eq!(
            place(&virtual_host, virtual_host.endpoint.as_ref().unwrap()).unwrap(),
            "https://leafcutter.store.example:8443"
        );
        let address = bucket("s3://leafcutter?endpoint=https://10.0.0.1&path_style=false");
        assert!(place(&address, address.endpoint.as_ref().unwrap()).is_err());
    }

    #[test]
    fn a_credential_that_cannot_be_a_header_is_refused() {
        let setting = |name: &str| match name {
            "AWS_ACCESS_KEY_ID" => Some("key\nid".to_owned()),
            "AWS_SECRET_ACCESS_KEY" => Some("secret".to_owned()),
            _ => None,
        };
        assert!(matches!(Credential::found(&setting), Err(ObjectError::Address(_))));
        assert!(matches!(Credential::found(&|_| None), Err(ObjectError::Address(_))));
    }
}
