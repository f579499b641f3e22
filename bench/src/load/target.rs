//! Which server the load goes to.
//!
//! Owns the reading of its URL. Never connects.

use std::net::{SocketAddr, ToSocketAddrs};

use crate::failure::Failure;

/// A server and the path its payments API lies under.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Target {
    /// Where to connect.
    pub(crate) address: SocketAddr,
    /// What the `Host` header says.
    pub(crate) host: String,
    /// The path in front of `/payments`, without a slash at its end.
    pub(crate) base: String,
}

impl Target {
    /// Reads `http://HOST[:PORT][/PATH]` and resolves the host.
    ///
    /// # Errors
    /// When it is no such URL, or the host has no address.
    pub(crate) fn parse(url: &str) -> Result<Self, Failure> {
        let rest = url.strip_prefix("http://").ok_or_else(|| {
            Failure::new(format!("{url} does not begin with http://; the load speaks plain HTTP/1.1 only"))
        })?;
        let (host, path) = rest.find('/').map_or((rest, ""), |slash| rest.split_at(slash));
        if host.is_empty() || host.contains('@') || path.contains(['?', '#', ' ']) {
            return Err(Failure::new(format!("{url} is no base URL; write http://HOST:PORT/PATH")));
        }
        let has_port = host.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
        let with_port = if has_port { host.to_owned() } else { format!("{host}:80") };
        let found: Vec<SocketAddr> = with_port
            .to_socket_addrs()
            .map_err(Failure::because(format!("{host} has no address")))?
            .collect();
        // `localhost` has two addresses on most machines, and servers mostly listen on the older one.
        let address = found.iter().find(|address| address.is_ipv4()).or(found.first()).copied();
        let address = address.ok_or_else(|| Failure::new(format!("{host} has no address")))?;
        Ok(Self { address, host: host.to_owned(), base: path.trim_end_matches('/').to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::Target;

    #[test]
    fn urls_are_read_with_any_base_path() {
        for (url, address, base) in [
            ("http://127.0.0.1:8080/api", "127.0.0.1:8080", "/api"),
            ("http://127.0.0.1:8080/", "127.0.0.1:8080", ""),
            ("http://127.0.0.1", "127.0.0.1:80", ""),
            ("http://[::1]:9/a/b/", "[::1]:9", "/a/b"),
            ("http://[::1]/a", "[::1]:80", "/a"),
        ] {
            let target = Target::parse(url).expect(url);
            assert_eq!((target.address.to_string().as_str(), target.base.as_str()), (address, base), "{url}");
        }
    }

    #[test]
    fn what_cannot_be_spoken_to_is_refused() {
        for url in
            ["https://127.0.0.1", "127.0.0.1:80", "http://", "http://u:p@127.0.0.1/", "http://[::1]/?a=b"]
        {
            assert!(Target::parse(url).is_err(), "{url}");
        }
    }
}
