//! Type-length-value fields of a version 2 header.

/// TLV types of the specification, section 2.2.
pub mod tlv_type {
    /// Application protocol negotiated by TLS.
    pub const ALPN: u8 = 0x01;
    /// Host name the client asked for (SNI).
    pub const AUTHORITY: u8 = 0x02;
    /// Checksum of the header.
    pub const CRC32C: u8 = 0x03;
    /// Padding.
    pub const NOOP: u8 = 0x04;
    /// Identity of the connection, at most 128 bytes.
    pub const UNIQUE_ID: u8 = 0x05;
    /// TLS facts, see [`SslTlv`](super::SslTlv).
    pub const SSL: u8 = 0x20;
    /// Within SSL: version, such as `TLSv1.3`.
    pub const SSL_VERSION: u8 = 0x21;
    /// Within SSL: common name of the client certificate.
    pub const SSL_CN: u8 = 0x22;
    /// Within SSL: cipher.
    pub const SSL_CIPHER: u8 = 0x23;
    /// Within SSL: signature algorithm of the server certificate.
    pub const SSL_SIG_ALG: u8 = 0x24;
    /// Within SSL: key algorithm of the server certificate.
    pub const SSL_KEY_ALG: u8 = 0x25;
    /// Name of a network namespace.
    pub const NETNS: u8 = 0x30;
}

/// One TLV.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tlv<'a> {
    /// Its type.
    pub kind: u8,
    /// Its value.
    pub value: &'a [u8],
}

/// Iterator over TLVs; ends at the first one that is not whole.
#[derive(Clone, Debug)]
pub struct Tlvs<'a> {
    rest: &'a [u8],
}

impl<'a> Tlvs<'a> {
    /// The TLVs in `bytes`.
    #[must_use]
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// Whether `bytes` is nothing but whole TLVs.
    pub(super) fn well_formed(bytes: &'a [u8]) -> bool {
        let mut tlvs = Self::new(bytes);
        while tlvs.next().is_some() {}
        tlvs.rest.is_empty()
    }
}

impl<'a> Iterator for Tlvs<'a> {
    type Item = Tlv<'a>;

    fn next(&mut self) -> Option<Tlv<'a>> {
        let (&[kind, high, low], rest) = self.rest.split_first_chunk::<3>()?;
        let (value, rest) = rest.split_at_checked(u16::from_be_bytes([high, low]).into())?;
        self.rest = rest;
        Some(Tlv { kind, value })
    }
}

/// Value of an SSL TLV.
#[derive(Clone, Debug)]
pub struct SslTlv<'a> {
    /// Bit 0: the client used TLS. Bit 1: it gave a certificate on this connection. Bit 2: it gave
    /// one in this session.
    pub client: u8,
    /// 0 when the certificate was verified.
    pub verify: u32,
    /// Version, common name, cipher and algorithms.
    pub tlvs: Tlvs<'a>,
}

impl<'a> SslTlv<'a> {
    /// Reads the value of a TLV of type [`tlv_type::SSL`].
    #[must_use]
    pub fn parse(value: &'a [u8]) -> Option<Self> {
        let (&[client, v0, v1, v2, v3], rest) = value.split_first_chunk::<5>()?;
        let verify = u32::from_be_bytes([v0, v1, v2, v3]);
        Some(Self { client, verify, tlvs: Tlvs::new(rest) })
    }
}

/// CRC-32C (Castagnoli, RFC 3720 section 12.1) of `header`, its four bytes at `sum_at` taken as 0.
pub(super) fn crc32c(header: &[u8], sum_at: usize) -> u32 {
    let crc = header.iter().enumerate().fold(u32::MAX, |crc, (at, &byte)| {
        let in_sum = at >= sum_at && at < sum_at.saturating_add(4);
        let mut crc = crc ^ u32::from(if in_sum { 0 } else { byte });
        for _ in 0..8 {
            crc = crc >> 1 ^ if crc & 1 == 1 { 0x82f6_3b78 } else { 0 };
        }
        crc
    });
    !crc
}

#[cfg(test)]
mod tests {
    #[test]
    fn checksum_of_the_standard_example() {
        assert_eq!(super::crc32c(b"123456789", usize::MAX), 0xe306_9283);
        assert_eq!(super::crc32c(&[0; 32], usize::MAX), 0x8a91_36aa);
        assert_eq!(super::crc32c(&[0xff; 4], 0), super::crc32c(&[0; 4], usize::MAX));
    }
}
