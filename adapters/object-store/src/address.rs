//! Reading the address of a folder or bucket. No message repeats the address: someone may have put a password into
//! it. Not here: connections, credentials.

use crate::ObjectError;
use object_store::path::Path;
use std::path::PathBuf;
use url::Url;

/// Length of a bucket's name, as every S3-compatible store has it.
const BUCKET_CHARS: std::ops::RangeInclusive<usize> = 3..=63;

/// Where objects are.
#[derive(Debug, PartialEq)]
pub(crate) enum Address {
    /// In a folder of this machine.
    Folder(PathBuf),
    /// In a bucket.
    Bucket(Box<Bucket>),
}

/// A bucket behind the S3 protocol.
#[derive(Debug, PartialEq)]
pub(crate) struct Bucket {
    pub(crate) name: String,
    /// Goes before every key.
    pub(crate) prefix: Path,
    /// Where this process reaches the store; none: at Amazon.
    pub(crate) endpoint: Option<Url>,
    /// Where clients reach it; none: they do not.
    pub(crate) public_endpoint: Option<Url>,
    pub(crate) region: Option<String>,
    pub(crate) allow_http: bool,
    /// The bucket is the first part of the path, not of the host name.
    pub(crate) path_style: bool,
}

/// Reads an address. `endpoint` is used where a bucket's address names none.
pub(crate) fn parse(address: &str, endpoint: Option<&str>) -> Result<Address, ObjectError> {
    if !address.contains("://") {
        return match address {
            "" => Err(wrong("it is empty")),
            // What looks like the beginning of a URL is one that was mistyped; results would land in a folder here.
            path if path.starts_with(['/', '.']) => Ok(Address::Folder(path.into())),
            _ => Err(wrong(
                "it must be s3://bucket, file:///absolute/path, or a path that begins with '/' or '.'",
            )),
        };
    }
    let url = Url::parse(address).map_err(|_| wrong("it is not a URL"))?;
    no_credentials(&url)?;
    match url.scheme() {
        "file" => match (url.to_file_path(), url.query()) {
            (Ok(folder), None) => Ok(Address::Folder(folder)),
            _ => Err(wrong("a file URL is file:///absolute/path and nothing else")),
        },
        "s3" => bucket(&url, endpoint).map(|bucket| Address::Bucket(Box::new(bucket))),
        _ => Err(wrong("it must begin with s3:// or file://, or be a path")),
    }
}

fn bucket(url: &Url, default_endpoint: Option<&str>) -> Result<Bucket, ObjectError> {
    let name = url.host_str().unwrap_or_default().to_owned();
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '.';
    if !BUCKET_CHARS.contains(&name.len()) || !name.chars().all(plain) || url.port().is_some() {
        return Err(wrong("the bucket's name must have 3 to 63 of the characters a-z, 0-9, '.' and '-'"));
    }
    if url.fragment().is_some() {
        return Err(wrong("it must not have a '#'"));
    }
    let prefix = Path::from_url_path(url.path()).map_err(|_| wrong("its prefix cannot be part of a key"))?;
    let mut bucket = Bucket {
        name,
        prefix,
        endpoint: default_endpoint.map(endpoint).transpose()?,
        public_endpoint: None,
        region: None,
        allow_http: false,
        path_style: true,
    };
    for (option, value) in url.query_pairs() {
        match &*option {
            "endpoint" => bucket.endpoint = Some(endpoint(&value)?),
            "public_endpoint" => bucket.public_endpoint = Some(endpoint(&value)?),
            "region" => bucket.region = Some(value.into_owned()),
            "allow_http" => bucket.allow_http = yes_or_no(&value)?,
            "path_style" => bucket.path_style = yes_or_no(&value)?,
            _ => {
                return Err(wrong(
                    "after '?' it may have endpoint, public_endpoint, region, allow_http and path_style",
                ));
            }
        }
    }
    if !bucket.allow_http && bucket.endpoint.as_ref().is_some_and(|endpoint| endpoint.scheme() == "http") {
        return Err(wrong("its endpoint is plain http: add allow_http=true where the network is trusted"));
    }
    Ok(bucket)
}

fn endpoint(text: &str) -> Result<Url, ObjectError> {
    let url = Url::parse(text).map_err(|_| wrong("an endpoint is http(s)://host:port"))?;
    no_credentials(&url)?;
    let bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
    if !matches!(url.scheme(), "http" | "https") || !bare {
        return Err(wrong("an endpoint is http(s)://host:port and nothing else"));
    }
    Ok(url)
}

fn no_credentials(url: &Url) -> Result<(), ObjectError> {
    if url.username().is_empty() && url.password().is_none() {
        return Ok(());
    }
    Err(wrong(
        "it must not hold a user or password: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY in the environment",
    ))
}

fn yes_or_no(value: &str) -> Result<bool, ObjectError> {
    value.parse().map_err(|_| wrong("allow_http and path_style are true or false"))
}

pub(crate) fn wrong(why: &'static str) -> ObjectError {
    ObjectError::Address(why)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bucket(address: &str) -> Bucket {
        match parse(address, None).unwrap() {
            Address::Bucket(bucket) => *bucket,
            Address::Folder(folder) => panic!("a folder: {}", folder.display()),
        }
    }

    #[test]
    fn a_path_and_a_file_url_name_a_folder() {
        for address in ["/var/lib/leafcutter", "file:///var/lib/leafcutter"] {
            assert_eq!(parse(address, None).unwrap(), Address::Folder("/var/lib/leafcutter".into()));
        }
        assert_eq!(parse("./objects", None).unwrap(), Address::Folder("./objects".into()));
        for mistyped in ["s3:/user:SECRET@bucket", "objects"] {
            assert!(!parse(mistyped, None).unwrap_err().to_string().contains("SECRET"), "{mistyped}");
        }
    }

    #[test]
    fn a_bucket_is_read_with_its_options() {
        let read = bucket(
            "s3://leaf-cutter/some/where?endpoint=http://store:7070&region=eu-1&allow_http=true&path_style=false\
             &public_endpoint=https://pictures.example",
        );
        assert_eq!((read.name.as_str(), read.prefix.as_ref()), ("leaf-cutter", "some/where"));
        assert_eq!(read.endpoint.unwrap().as_str(), "http://store:7070/");
        assert_eq!(read.public_endpoint.unwrap().as_str(), "https://pictures.example/");
        assert_eq!((read.region.as_deref(), read.allow_http, read.path_style), (Some("eu-1"), true, false));
    }

    #[test]
    fn a_bucket_of_amazons_needs_no_option() {
        let read = bucket("s3://leafcutter");
        assert_eq!((read.prefix.as_ref(), read.endpoint, read.path_style), ("", None, true));
    }

    #[test]
    fn the_endpoint_of_the_environment_serves_where_the_address_names_none() {
        let endpoint = |address| match parse(address, Some("https://of.environment")).unwrap() {
            Address::Bucket(bucket) => bucket.endpoint.unwrap().to_string(),
            Address::Folder(_) => String::new(),
        };
        assert_eq!(endpoint("s3://leafcutter"), "https://of.environment/");
        assert_eq!(endpoint("s3://leafcutter?endpoint=https://own"), "https://own/");
    }

    #[test]
    fn a_wrong_address_is_refused_without_being_repeated() {
        for address in [
            "",
            "s3://",
            "s3://No",
            "s3://leafcutter:80",
            "s3://leafcutter#part",
            "s3://leafcutter?endpoint=http://plain",
            "s3://leafcutter?endpoint=https://host/path",
            "s3://leafcutter?endpoint=host",
            "s3://leafcutter?secret=hunter2",
            "s3://leafcutter?path_style=maybe",
            "s3://key:hunter2@leafcutter",
            "s3://leafcutter?endpoint=https://key:hunter2@host",
            "file://elsewhere/path",
            "file:///path?option=hunter2",
            "gs://leafcutter",
        ] {
            let error = parse(address, None).unwrap_err();
            assert!(matches!(error, ObjectError::Address(_)), "{address}");
            assert!(!format!("{error} {error:?}").contains("hunter2"), "{address}");
        }
    }
}
