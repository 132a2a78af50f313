//! Settings of the edge: how much one caller may ask, how long an answer may take, who may call from where.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::num::NonZeroU32;
use std::time::Duration;

use ipnet::IpNet;

use super::Settings;
use crate::error::{Error, Result};

/// What stands between a caller and the operations.
#[derive(Clone, Debug)]
pub struct EdgeConfig {
    /// Reads of one caller in a minute; none: unlimited.
    pub reads_per_minute: Option<NonZeroU32>,
    /// Writes of one caller in a minute; none: unlimited.
    pub writes_per_minute: Option<NonZeroU32>,
    /// Proxies whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<IpNet>,
    /// How long an answer may take, and a stop waits for running requests.
    pub request_timeout: Duration,
    /// Requests that are worked on at once.
    pub concurrent_requests: usize,
    /// Whether callers reach the server through TLS only.
    pub behind_tls: bool,
    /// Origins whose pages may call.
    pub cors_origins: Vec<String>,
    /// Where metrics are served; none: nowhere.
    pub metrics_listen: Option<SocketAddr>,
    /// How long `/readyz` says no before connections are refused.
    pub drain: Duration,
}

/// 200 a second and 12,000 at once: no office meets it, and a client that runs wild leaves most of the machine to
/// the others.
const READS_PER_MINUTE: u32 = 12_000;
/// 100 a second and 6,000 at once: more than the largest agency reports in a morning.
const WRITES_PER_MINUTE: u32 = 6_000;
/// Longer than a body may take to come; with [`DRAIN_SECONDS`], shorter than the 30 seconds after which
/// orchestrators kill.
const REQUEST_TIMEOUT_SECONDS: u32 = 25;
/// As many as the database lets wait, and as many again that are being read or written.
const CONCURRENT_REQUESTS: u32 = 1_000;
/// Long enough for a load balancer that asks every second.
const DRAIN_SECONDS: u32 = 2;

impl Default for EdgeConfig {
    fn default() -> Self {
        Self {
            reads_per_minute: NonZeroU32::new(READS_PER_MINUTE),
            writes_per_minute: NonZeroU32::new(WRITES_PER_MINUTE),
            trusted_proxies: Vec::new(),
            request_timeout: Duration::from_secs(REQUEST_TIMEOUT_SECONDS.into()),
            concurrent_requests: CONCURRENT_REQUESTS as usize,
            behind_tls: false,
            cors_origins: Vec::new(),
            metrics_listen: None,
            drain: Duration::from_secs(DRAIN_SECONDS.into()),
        }
    }
}

impl EdgeConfig {
    /// The settings `given` before those of the `file`.
    ///
    /// # Errors
    /// [`Error::Setup`] with one sentence that names the setting.
    pub(super) fn resolve(given: &Settings, file: &Settings) -> Result<Self> {
        let timeout = number(
            "request_timeout_seconds",
            given.request_timeout_seconds.or(file.request_timeout_seconds),
            REQUEST_TIMEOUT_SECONDS,
            1..=600,
        )?;
        let concurrent = number(
            "concurrent_requests",
            given.concurrent_requests.or(file.concurrent_requests),
            CONCURRENT_REQUESTS,
            1..=100_000,
        )?;
        let drain =
            number("drain_seconds", given.drain_seconds.or(file.drain_seconds), DRAIN_SECONDS, 0..=300)?;
        let reads = given.rate_limit_reads.or(file.rate_limit_reads).unwrap_or(READS_PER_MINUTE);
        let writes = given.rate_limit_writes.or(file.rate_limit_writes).unwrap_or(WRITES_PER_MINUTE);
        let proxies = list(given.trusted_proxies.as_ref().or(file.trusted_proxies.as_ref()));
        let origins = list(given.cors_origins.as_ref().or(file.cors_origins.as_ref()));
        let metrics = given.metrics_listen.as_ref().or(file.metrics_listen.as_ref());
        Ok(Self {
            reads_per_minute: NonZeroU32::new(reads),
            writes_per_minute: NonZeroU32::new(writes),
            trusted_proxies: proxies.map(proxy).collect::<Result<_>>()?,
            request_timeout: Duration::from_secs(timeout.into()),
            concurrent_requests: concurrent as usize,
            behind_tls: given.behind_tls.or(file.behind_tls).unwrap_or(false),
            cors_origins: origins.map(origin).collect::<Result<_>>()?,
            metrics_listen: metrics.map(|text| metrics_address(text)).transpose()?,
            drain: Duration::from_secs(drain.into()),
        })
    }
}

fn number(
    name: &str,
    given: Option<u32>,
    default: u32,
    allowed: std::ops::RangeInclusive<u32>,
) -> Result<u32> {
    let value = given.unwrap_or(default);
    if allowed.contains(&value) {
        return Ok(value);
    }
    Err(Error::Setup(format!("{name} is {value}; it must be {} to {}", allowed.start(), allowed.end())))
}

/// The entries of a list; an empty text is an empty list.
fn list(given: Option<&Vec<String>>) -> impl Iterator<Item = &str> {
    given.into_iter().flatten().map(|entry| entry.trim()).filter(|entry| !entry.is_empty())
}

/// A network, or one address.
fn proxy(text: &str) -> Result<IpNet> {
    let network = text.parse().or_else(|_| text.parse::<IpAddr>().map(IpNet::from));
    network.map_err(|_| {
        Error::Setup(format!(
            "trusted_proxies names {text:?}; an address or a network is needed, such as 10.0.0.0/8"
        ))
    })
}

/// An origin as browsers write it: scheme, host and port, nothing behind.
fn origin(text: &str) -> Result<String> {
    if text.contains('*') {
        return Err(Error::Setup(
            "cors_origins names a wildcard, which would let every page call; name each origin, such as \
             https://portal.example.org"
                .to_owned(),
        ));
    }
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://")).unwrap_or_default();
    let is_host = |byte: u8| {
        byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'.' | b'-' | b':' | b'[' | b']')
    };
    if rest.is_empty() || !rest.bytes().all(is_host) {
        return Err(Error::Setup(format!(
            "cors_origins names {text:?}; an origin is a scheme, a host in small letters and perhaps a port, such \
             as https://portal.example.org"
        )));
    }
    Ok(text.to_owned())
}

/// An address and a port, or a port of the loopback address.
fn metrics_address(text: &str) -> Result<SocketAddr> {
    let on_loopback = || text.parse::<u16>().map(|port| SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
    text.parse().or_else(|_| on_loopback()).map_err(|_| {
        Error::Setup(format!(
            "metrics_listen is {text:?}; it must be a port, or an address and a port, such as 127.0.0.1:9464"
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wildcard_and_what_is_no_origin_are_refused() {
        for good in ["https://portal.example.org", "http://localhost:3000", "http://[::1]:8080"] {
            assert_eq!(origin(good).unwrap(), good);
        }
        for wrong in
            ["*", "https://*.example.org", "example.org", "https://", "https://a.b/", "HTTPS://A.B", "null"]
        {
            assert!(origin(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_port_alone_is_one_of_the_loopback_address() {
        assert_eq!(metrics_address("9464").unwrap().to_string(), "127.0.0.1:9464");
        assert_eq!(metrics_address("0.0.0.0:9464").unwrap().to_string(), "0.0.0.0:9464");
        assert!(metrics_address("everywhere").is_err() && metrics_address("99999").is_err());
    }

    #[test]
    fn a_proxy_is_an_address_or_a_network() {
        assert_eq!(proxy("10.0.0.0/8").unwrap().to_string(), "10.0.0.0/8");
        assert_eq!(proxy("::1").unwrap().to_string(), "::1/128");
        assert!(proxy("proxy.example.org").is_err());
    }

    #[test]
    fn nothing_said_is_the_default_and_nought_is_no_limit() {
        let silent = Settings::default();
        let config = EdgeConfig::resolve(&silent, &silent).unwrap();
        assert_eq!(format!("{config:?}"), format!("{:?}", EdgeConfig::default()));
        let given = Settings { rate_limit_reads: Some(0), ..Settings::default() };
        let file = Settings { rate_limit_reads: Some(5), rate_limit_writes: Some(7), ..Settings::default() };
        let config = EdgeConfig::resolve(&given, &file).unwrap();
        assert_eq!((config.reads_per_minute, config.writes_per_minute), (None, NonZeroU32::new(7)));
    }
}
