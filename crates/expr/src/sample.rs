//! The values that expressions work on: typed samples, and the three answers a fetch can give.
use std::borrow::Cow;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::ops::Deref;
use std::sync::Arc;

/// What a fetch answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fetch<T> {
    /// The sample exists.
    Is(T),
    /// It does not exist, and will not.
    Missing,
    /// It does not exist yet: more data may bring it (content inspection with a delay).
    NotYet,
}

impl<T> Fetch<T> {
    /// Applies `f` to a sample that exists.
    pub fn map<U>(self, f: impl FnOnce(T) -> U) -> Fetch<U> {
        match self {
            Self::Is(value) => Fetch::Is(f(value)),
            Self::Missing => Fetch::Missing,
            Self::NotYet => Fetch::NotYet,
        }
    }

    /// Continues with `f` where a sample exists.
    pub fn and_then<U>(self, f: impl FnOnce(T) -> Fetch<U>) -> Fetch<U> {
        match self {
            Self::Is(value) => f(value),
            Self::Missing => Fetch::Missing,
            Self::NotYet => Fetch::NotYet,
        }
    }

    /// The sample, if there is one now.
    pub fn found(self) -> Option<T> {
        match self {
            Self::Is(value) => Some(value),
            Self::Missing | Self::NotYet => None,
        }
    }
}

impl<T> From<Option<T>> for Fetch<T> {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Missing, Self::Is)
    }
}

/// Bytes that are borrowed where possible and cheap to keep where not.
#[derive(Clone)]
pub enum Bytes<'a> {
    /// Part of a message, or of the configuration.
    Borrowed(&'a [u8]),
    /// Made by a converter.
    Owned(Vec<u8>),
    /// The content of a variable.
    Shared(Arc<[u8]>),
}

impl Bytes<'_> {
    /// The same bytes without a lifetime, shareable between threads.
    pub fn into_shared(self) -> Bytes<'static> {
        Bytes::Shared(match self {
            Self::Borrowed(bytes) => bytes.into(),
            Self::Owned(bytes) => bytes.into(),
            Self::Shared(bytes) => bytes,
        })
    }

    /// The bytes as a vector that can be changed in place.
    pub fn into_vec(self) -> Vec<u8> {
        match self {
            Self::Borrowed(bytes) => bytes.to_vec(),
            Self::Owned(bytes) => bytes,
            Self::Shared(bytes) => bytes.to_vec(),
        }
    }
}

impl<'a> Bytes<'a> {
    /// A part of the bytes, without copying where they are borrowed. Bounds are clamped.
    pub fn slice(self, start: usize, end: usize) -> Self {
        match self {
            Self::Borrowed(bytes) => {
                let end = end.min(bytes.len());
                Self::Borrowed(bytes.get(start.min(end)..end).unwrap_or_default())
            }
            Self::Owned(mut bytes) => {
                bytes.truncate(end);
                bytes.drain(..start.min(bytes.len()));
                Self::Owned(bytes)
            }
            Self::Shared(bytes) => {
                let end = end.min(bytes.len());
                Self::Owned(bytes.get(start.min(end)..end).unwrap_or_default().to_vec())
            }
        }
    }
}

impl Deref for Bytes<'_> {
    type Target = [u8];
    fn deref(&self) -> &[u8] {
        match self {
            Self::Borrowed(bytes) => bytes,
            Self::Owned(bytes) => bytes,
            Self::Shared(bytes) => bytes,
        }
    }
}

impl PartialEq for Bytes<'_> {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}
impl Eq for Bytes<'_> {}

impl fmt::Debug for Bytes<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", self.escape_ascii())
    }
}

impl<'a> From<&'a [u8]> for Bytes<'a> {
    fn from(bytes: &'a [u8]) -> Self {
        Self::Borrowed(bytes)
    }
}
impl<'a> From<&'a str> for Bytes<'a> {
    fn from(text: &'a str) -> Self {
        Self::Borrowed(text.as_bytes())
    }
}
impl From<Vec<u8>> for Bytes<'_> {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Owned(bytes)
    }
}
impl From<String> for Bytes<'_> {
    fn from(text: String) -> Self {
        Self::Owned(text.into_bytes())
    }
}
impl<'a> From<Cow<'a, [u8]>> for Bytes<'a> {
    fn from(bytes: Cow<'a, [u8]>) -> Self {
        match bytes {
            Cow::Borrowed(bytes) => Self::Borrowed(bytes),
            Cow::Owned(bytes) => Self::Owned(bytes),
        }
    }
}

/// The types of samples (manual 7.3), and the two that only tables of keywords use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Type {
    /// true or false
    Bool,
    /// signed 64 bits
    Int,
    /// IPv4 address
    V4,
    /// IPv6 address
    V6,
    /// an address of either family
    Addr,
    /// text without NUL
    Str,
    /// any bytes
    Bin,
    /// an HTTP method
    Method,
    /// as input: whatever comes; as output: known only when it runs
    Any,
    /// as output of a converter: the type that went in
    Same,
}

impl Type {
    /// The word the manual uses.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Bool => "bool",
            Self::Int => "sint",
            Self::V4 => "ipv4",
            Self::V6 => "ipv6",
            Self::Addr => "addr",
            Self::Str => "str",
            Self::Bin => "bin",
            Self::Method => "meth",
            Self::Any => "any",
            Self::Same => "same",
        }
    }
}

/// A value with its type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sample<'a> {
    /// true or false
    Bool(bool),
    /// signed 64 bits
    Int(i64),
    /// IPv4 address
    V4(Ipv4Addr),
    /// IPv6 address
    V6(Ipv6Addr),
    /// text
    Str(Bytes<'a>),
    /// any bytes
    Bin(Bytes<'a>),
    /// an HTTP method as it was spelled
    Method(Bytes<'a>),
}

/// A sample that outlives its session: what variables hold.
pub type Value = Sample<'static>;

impl<'a> Sample<'a> {
    /// A text sample.
    pub fn text(bytes: impl Into<Bytes<'a>>) -> Self {
        Self::Str(bytes.into())
    }

    /// Its type.
    pub const fn kind(&self) -> Type {
        match self {
            Self::Bool(_) => Type::Bool,
            Self::Int(_) => Type::Int,
            Self::V4(_) => Type::V4,
            Self::V6(_) => Type::V6,
            Self::Str(_) => Type::Str,
            Self::Bin(_) => Type::Bin,
            Self::Method(_) => Type::Method,
        }
    }

    /// The same value, its bytes borrowed from this one.
    pub fn borrowed(&self) -> Sample<'_> {
        match self {
            Self::Bool(value) => Sample::Bool(*value),
            Self::Int(value) => Sample::Int(*value),
            Self::V4(value) => Sample::V4(*value),
            Self::V6(value) => Sample::V6(*value),
            Self::Str(bytes) => Sample::Str(Bytes::Borrowed(bytes)),
            Self::Bin(bytes) => Sample::Bin(Bytes::Borrowed(bytes)),
            Self::Method(bytes) => Sample::Method(Bytes::Borrowed(bytes)),
        }
    }

    /// The value as bytes: text as it is, everything else as it prints.
    pub fn into_bytes(self) -> Bytes<'a> {
        match self {
            Self::Bin(bytes) => bytes,
            other => crate::casts::text(other),
        }
    }

    /// The value as a number, where it has such a form.
    pub fn into_integer(self) -> Option<i64> {
        crate::casts::integer(&self)
    }

    /// The same value without a lifetime.
    pub fn into_value(self) -> Value {
        match self {
            Self::Bool(value) => Sample::Bool(value),
            Self::Int(value) => Sample::Int(value),
            Self::V4(value) => Sample::V4(value),
            Self::V6(value) => Sample::V6(value),
            Self::Str(bytes) => Sample::Str(bytes.into_shared()),
            Self::Bin(bytes) => Sample::Bin(bytes.into_shared()),
            Self::Method(bytes) => Sample::Method(bytes.into_shared()),
        }
    }
}

impl From<IpAddr> for Sample<'_> {
    fn from(ip: IpAddr) -> Self {
        match ip {
            IpAddr::V4(ip) => Self::V4(ip),
            IpAddr::V6(ip) => Self::V6(ip),
        }
    }
}
