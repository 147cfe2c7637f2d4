//! Address patterns: hosts and networks of both families (manual 7.1.6).
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// One network; a host is one with a full mask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Net {
    V4 { net: u32, mask: u32 },
    V6 { net: u128, mask: u128 },
}

impl Net {
    /// Reads an address, a network, or the name of a host.
    pub(crate) fn parse(
        word: &str,
        resolve: &dyn Fn(&str) -> Option<IpAddr>,
    ) -> Result<Self, String> {
        Self::read(word, resolve)
            .ok_or_else(|| format!("'{word}' is neither an address nor a network"))
    }

    fn read(word: &str, resolve: &dyn Fn(&str) -> Option<IpAddr>) -> Option<Self> {
        let (address, bits) = match word.split_once('/') {
            Some((address, bits)) => (address, Some(bits)),
            None => (word, None),
        };
        if let Some(ip) = short_v4(address) {
            let mask = match bits.map(str::parse::<u32>) {
                None => u32::MAX,
                Some(Ok(bits @ 0..=32)) => u32::MAX.checked_shl(32 - bits).unwrap_or(0),
                Some(Ok(_)) => return None,
                Some(Err(_)) => bits?.parse::<Ipv4Addr>().ok()?.into(),
            };
            return Some(Self::V4 { net: u32::from(ip) & mask, mask });
        }
        if let Ok(ip) = address.parse::<Ipv6Addr>() {
            let bits = bits.map_or(Some(128), |bits| bits.parse::<u32>().ok());
            let bits = bits.filter(|bits| *bits <= 128)?;
            let mask = u128::MAX.checked_shl(128 - bits).unwrap_or(0);
            return Some(Self::V6 { net: u128::from(ip) & mask, mask });
        }
        if bits.is_some() {
            return None;
        }
        Some(match resolve(address)? {
            IpAddr::V4(ip) => Self::V4 { net: ip.into(), mask: u32::MAX },
            IpAddr::V6(ip) => Self::V6 { net: ip.into(), mask: u128::MAX },
        })
    }
}

/// Dotted IPv4 in which zero bytes before the last may be left out: `127.1`, `10.12`.
fn short_v4(text: &str) -> Option<Ipv4Addr> {
    let parts = text.split('.').map(|part| part.parse::<u8>().ok()).collect::<Option<Vec<_>>>()?;
    Some(match *parts.as_slice() {
        [a, b, c, d] => Ipv4Addr::new(a, b, c, d),
        [a, b, d] => Ipv4Addr::new(a, b, 0, d),
        [a, d] => Ipv4Addr::new(a, 0, 0, d),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_short_forms_and_masks() {
        let read = |word| Net::read(word, &|_| None);
        assert_eq!(read("127.1"), Some(Net::V4 { net: 0x7f00_0001, mask: u32::MAX }));
        assert_eq!(read("10.12/8"), Some(Net::V4 { net: 0x0a00_0000, mask: 0xff00_0000 }));
        assert_eq!(read("1.2.3.4/0"), Some(Net::V4 { net: 0, mask: 0 }));
        assert_eq!(read("::1/0"), Some(Net::V6 { net: 0, mask: 0 }));
        assert_eq!(read("1.2.3.4/33"), None);
        assert_eq!(read("::1/129"), None);
        assert_eq!(read("1.2.3.4.5"), None);
        assert_eq!(read("name"), None);
    }
}
