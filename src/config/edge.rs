//! Settings of the edge: how much may be asked, how long an answer may take, who may call from where.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::num::NonZeroU32;
use std::time::Duration;

use ipnet::IpNet;

use super::Settings;
use crate::error::{Error, Result};

/// What stands between a caller and the operations.
#[derive(Clone, Debug)]
pub struct EdgeConfig {
    /// What may be asked from one address.
    pub per_address: Quotas,
    /// What one client or person may ask, from wherever.
    pub per_caller: Quotas,
    /// Proxies whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<IpNet>,
    /// How long an answer may take, and a stop waits for running requests.
    pub request_timeout: Duration,
    /// Requests that are worked on at once.
    pub concurrent_requests: usize,
    /// Requests of one address that are worked on at once.
    pub concurrent_requests_per_address: usize,
    /// Whether callers reach the server through TLS only.
    pub behind_tls: bool,
    /// Origins whose pages may call.
    pub cors_origins: Vec<String>,
    /// Where metrics are served; none: nowhere.
    pub metrics_listen: Option<SocketAddr>,
    /// How long `/readyz` says no before connections are refused.
    pub drain: Duration,
    /// What bounds a request that goes on.
    pub lasting: Lasting,
}

/// Bounds of the few requests that go on while they are answered: reports in bulk and the stream of events.
#[derive(Clone, Copy, Debug)]
pub struct Lasting {
    /// Requests of this kind that one client or person may have open.
    pub open_per_caller: usize,
    /// How long one may go on. Who asks for a stream comes again, and is looked at again.
    pub longest: Duration,
    /// How long one may wait for the other side, to send or to take something.
    pub idle: Duration,
    /// Bytes of a body in bulk.
    pub body: u64,
    /// Lines of a body in bulk.
    pub lines: u64,
    /// Rejected lines of a body in bulk. Their results are larger than they are, and wait on the disk for whoever does
    /// not take them.
    pub rejected: u64,
    /// How often a stream says that it still goes on.
    pub heartbeat: Duration,
}

impl Default for Lasting {
    fn default() -> Self {
        Self {
            // As many as browsers open to one server, and some for the programs beside them.
            open_per_caller: 20,
            longest: Duration::from_hours(1),
            idle: Duration::from_mins(1),
            // A line has 100 to 200 bytes: both are more than every pool of a state in one call.
            body: 256 << 20,
            lines: 1_000_000,
            rejected: 100_000,
            // Proxies give up on a silent connection after 30 to 60 seconds.
            heartbeat: Duration::from_secs(15),
        }
    }
}

/// Requests in a minute; none: unlimited.
#[derive(Clone, Copy, Debug)]
pub struct Quotas {
    /// Requests that look.
    pub reads: Option<NonZeroU32>,
    /// Requests that change something.
    pub writes: Option<NonZeroU32>,
}

/// 200 a second and 12,000 at once: no office behind one address meets it.
const ADDRESS_READS: u32 = 12_000;
/// 100 a second and 6,000 at once: more than all agencies report in a morning.
const ADDRESS_WRITES: u32 = 6_000;
/// Half of what an address may: a client that runs wild leaves the other half to those beside it, and most of the
/// machine to everybody else.
const CALLER_READS: u32 = 6_000;
/// Half of what an address may.
const CALLER_WRITES: u32 = 3_000;
/// Longer than a body may take to come; with [`DRAIN_SECONDS`], shorter than the 30 seconds after which
/// orchestrators kill.
const REQUEST_TIMEOUT_SECONDS: u32 = 25;
/// As many as the database lets wait, and as many again that are being read or written.
const CONCURRENT_REQUESTS: u32 = 1_000;
/// A tenth of all: far more than an office has open, and ten addresses must conspire to take every place.
const CONCURRENT_REQUESTS_PER_ADDRESS: u32 = 100;
/// Long enough for a load balancer that asks every second.
const DRAIN_SECONDS: u32 = 2;

impl Quotas {
    /// Quotas as settings have them: 0 is no limit.
    fn new(reads: u32, writes: u32) -> Self {
        Self { reads: NonZeroU32::new(reads), writes: NonZeroU32::new(writes) }
    }
}

impl Default for EdgeConfig {
    fn default() -> Self {
        Self {
            per_address: Quotas::new(ADDRESS_READS, ADDRESS_WRITES),
            per_caller: Quotas::new(CALLER_READS, CALLER_WRITES),
            trusted_proxies: Vec::new(),
            request_timeout: Duration::from_secs(REQUEST_TIMEOUT_SECONDS.into()),
            concurrent_requests: CONCURRENT_REQUESTS as usize,
            concurrent_requests_per_address: CONCURRENT_REQUESTS_PER_ADDRESS as usize,
            behind_tls: false,
            cors_origins: Vec::new(),
            metrics_listen: None,
            drain: Duration::from_secs(DRAIN_SECONDS.into()),
            lasting: Lasting::default(),
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
        let per_address = number(
            "concurrent_requests_per_address",
            given.concurrent_requests_per_address.or(file.concurrent_requests_per_address),
            CONCURRENT_REQUESTS_PER_ADDRESS,
            1..=100_000,
        )?;
        let quota = |of: fn(&Settings) -> Option<u32>, default| of(given).or(of(file)).unwrap_or(default);
        let proxies = list(given.trusted_proxies.as_ref().or(file.trusted_proxies.as_ref()));
        let origins = list(given.cors_origins.as_ref().or(file.cors_origins.as_ref()));
        let metrics = given.metrics_listen.as_ref().or(file.metrics_listen.as_ref());
        Ok(Self {
            per_address: Quotas::new(
                quota(|settings| settings.rate_limit_address_reads, ADDRESS_READS),
                quota(|settings| settings.rate_limit_address_writes, ADDRESS_WRITES),
            ),
            per_caller: Quotas::new(
                quota(|settings| settings.rate_limit_caller_reads, CALLER_READS),
                quota(|settings| settings.rate_limit_caller_writes, CALLER_WRITES),
            ),
            trusted_proxies: proxies.map(proxy).collect::<Result<_>>()?,
            request_timeout: Duration::from_secs(timeout.into()),
            concurrent_requests: concurrent as usize,
            concurrent_requests_per_address: per_address as usize,
            behind_tls: given.behind_tls.or(file.behind_tls).unwrap_or(false),
            cors_origins: origins.map(origin).collect::<Result<_>>()?,
            metrics_listen: metrics.map(|text| metrics_address(text)).transpose()?,
            drain: Duration::from_secs(drain.into()),
            lasting: Lasting::default(),
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
        let given = Settings {
            rate_limit_address_reads: Some(0),
            rate_limit_caller_writes: Some(3),
            ..Settings::default()
        };
        let file = Settings {
            rate_limit_address_reads: Some(5),
            rate_limit_address_writes: Some(7),
            rate_limit_caller_reads: Some(2),
            rate_limit_caller_writes: Some(0),
            ..Settings::default()
        };
        let EdgeConfig { per_address, per_caller, .. } = EdgeConfig::resolve(&given, &file).unwrap();
        let quotas = [per_address.reads, per_address.writes, per_caller.reads, per_caller.writes];
        assert_eq!(quotas, [0, 7, 2, 3].map(NonZeroU32::new));
    }
}
