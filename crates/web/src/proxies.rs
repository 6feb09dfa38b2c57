//! Which peers may say on whose behalf they ask.

use std::net::IpAddr;
use std::str::FromStr;

/// The networks of our own proxies; nobody else's forwarded headers are read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Proxies(Vec<Network>);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Network {
    address: IpAddr,
    bits: u32,
}

impl Proxies {
    /// Reads addresses (`127.0.0.1`) and networks (`10.0.0.0/8`, `fd00::/8`); answers the first text that is neither.
    pub fn parse<'a>(texts: impl IntoIterator<Item = &'a str>) -> Result<Self, String> {
        let networks = texts.into_iter().map(|text| network(text).ok_or_else(|| text.to_owned()));
        Ok(Self(networks.collect::<Result<_, _>>()?))
    }

    /// Whether `address` is one of ours.
    pub fn trust(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(address.to_canonical()))
    }
}

impl Network {
    fn contains(&self, address: IpAddr) -> bool {
        let ((own, width), (other, other_width)) = (number(self.address), number(address));
        width == other_width && (self.bits == 0 || (own ^ other) >> (width - self.bits) == 0)
    }
}

fn network(text: &str) -> Option<Network> {
    let (address, bits) = match text.trim().split_once('/') {
        Some((address, bits)) => (address, Some(u32::from_str(bits).ok()?)),
        None => (text.trim(), None),
    };
    let address = IpAddr::from_str(address).ok()?;
    let width = number(address).1;
    let bits = bits.unwrap_or(width);
    (bits <= width).then_some(Network { address, bits })
}

fn number(address: IpAddr) -> (u128, u32) {
    match address {
        IpAddr::V4(address) => (u128::from(address.to_bits()), 32),
        IpAddr::V6(address) => (address.to_bits(), 128),
    }
}
