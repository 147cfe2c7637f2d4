//! Hashes and digests.
use hmac::{Hmac, Mac};
use md5::Md5;
use sha1::Sha1;
use sha2::digest::{Digest, DynDigest};
use sha2::{Sha224, Sha256, Sha384, Sha512};
use xxhash_rust::{xxh3, xxh32, xxh64};

use super::{base64_decode, bytes, int_arg, str_arg};
use crate::arg::{Arg, Kind, Param, may, must};
use crate::casts;
use crate::context::ParseContext;
use crate::sample::{Sample, Type};
use crate::subject::Subject;
use crate::table::ConverterKeyword;
use crate::variables::Variable;

use Type::{Bin, Int};

type Keyword = ConverterKeyword;

const AVALANCHE: &[Param] = &[may("avalanche", Kind::Int)];
const SEED: &[Param] = &[may("seed", Kind::Int)];

pub(super) const TABLE: &[ConverterKeyword] = &[
    Keyword::new("crc32", AVALANCHE, Bin, Int, |s, a, _| short(s, a, crc32), "CRC-32"),
    Keyword::new("crc32c", AVALANCHE, Bin, Int, |s, a, _| short(s, a, crc32c), "CRC-32C"),
    Keyword::new("djb2", AVALANCHE, Bin, Int, |s, a, _| short(s, a, djb2), "DJB2 hash"),
    Keyword::new("sdbm", AVALANCHE, Bin, Int, |s, a, _| short(s, a, sdbm), "SDBM hash"),
    Keyword::new(
        "xxh32",
        SEED,
        Bin,
        Int,
        |s, a, _| Some(Sample::Int(xxh32::xxh32(&bytes(s)?, seed(a) as u32).into())),
        "XXH32 hash",
    ),
    Keyword::new(
        "xxh64",
        SEED,
        Bin,
        Int,
        |s, a, _| Some(Sample::Int(xxh64::xxh64(&bytes(s)?, seed(a)) as i64)),
        "XXH64 hash",
    ),
    Keyword::new(
        "xxh3",
        SEED,
        Bin,
        Int,
        |s, a, _| Some(Sample::Int(xxh3::xxh3_64_with_seed(&bytes(s)?, seed(a)) as i64)),
        "XXH3 hash of 64 bits",
    ),
    Keyword::new("sha1", &[], Bin, Bin, |s, _, _| digested::<Sha1>(s), "SHA-1"),
    Keyword::new("sha2", &[may("bits", Kind::Int)], Bin, Bin, sha2, "SHA-224 to SHA-512")
        .checked(check_sha2),
    Keyword::new("digest", &[must("algorithm", Kind::Str)], Bin, Bin, digest, "digest by name")
        .checked(check_digest),
    Keyword::new(
        "hmac",
        &[must("algorithm", Kind::Str), must("key", Kind::Str)],
        Bin,
        Bin,
        hmac,
        "message authentication code; the key is base64 or in a variable",
    )
    .checked(check_hmac),
];

fn seed(args: &[Arg]) -> u64 {
    int_arg(args, 0).unwrap_or(0) as u64
}

fn short<'a>(sample: Sample<'a>, args: &[Arg], hash: fn(&[u8]) -> u32) -> Option<Sample<'a>> {
    let hash = hash(&bytes(sample)?);
    let hash = if int_arg(args, 0).is_some_and(|on| on != 0) { avalanche(hash) } else { hash };
    Some(Sample::Int(hash.into()))
}

/// Spreads every input bit over all output bits: Bob Jenkins' 32-bit integer hash, and a product
/// that lets the low bits count at the top.
pub(crate) fn avalanche(mut hash: u32) -> u32 {
    hash = hash.wrapping_add(0x7ed5_5d16).wrapping_add(hash << 12);
    hash = (hash ^ 0xc761_c23c) ^ (hash >> 19);
    hash = hash.wrapping_add(0x1656_67b1).wrapping_add(hash << 5);
    hash = hash.wrapping_add(0xd3a2_646c) ^ (hash << 9);
    hash = hash.wrapping_add(0xfd70_46c5).wrapping_add(hash << 3);
    ((hash ^ 0xb55a_4f09) ^ (hash >> 16)).wrapping_mul(0xc000_0001)
}

/// The hash of the sdbm database library.
pub(crate) fn sdbm(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0u32, |hash, byte| {
        u32::from(*byte).wrapping_add(hash << 6).wrapping_add(hash << 16).wrapping_sub(hash)
    })
}

/// Daniel Bernstein's hash.
fn djb2(bytes: &[u8]) -> u32 {
    bytes.iter().fold(5381u32, |hash, byte| {
        hash.wrapping_shl(5).wrapping_add(hash).wrapping_add(u32::from(*byte))
    })
}

const CRC32_TABLE: [u32; 256] = crc_table(0xedb8_8320);
const CRC32C_TABLE: [u32; 256] = crc_table(0x82f6_3b78);

/// The table of a reflected CRC's polynomial.
const fn crc_table(polynomial: u32) -> [u32; 256] {
    let mut table = [0; 256];
    let mut at = 0;
    while at < 256 {
        let mut crc = at as u32;
        let mut bit = 0;
        while bit < 8 {
            crc = if crc & 1 == 1 { crc >> 1 ^ polynomial } else { crc >> 1 };
            bit += 1;
        }
        table[at] = crc;
        at += 1;
    }
    table
}

fn crc(bytes: &[u8], table: &[u32; 256]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, byte| {
        let index = (crc ^ u32::from(*byte)) & 255;
        table.get(index as usize).copied().unwrap_or(0) ^ crc >> 8
    })
}

fn crc32(bytes: &[u8]) -> u32 {
    crc(bytes, &CRC32_TABLE)
}

fn crc32c(bytes: &[u8]) -> u32 {
    crc(bytes, &CRC32C_TABLE)
}

fn digested<D: Digest>(sample: Sample<'_>) -> Option<Sample<'_>> {
    Some(Sample::Bin(D::digest(&*bytes(sample)?).to_vec().into()))
}

/// Digests by their name in OpenSSL.
#[derive(Clone, Copy)]
enum Algorithm {
    Md5,
    Sha1,
    Sha224,
    Sha256,
    Sha384,
    Sha512,
}

const ALGORITHMS: [(&str, Algorithm); 6] = [
    ("md5", Algorithm::Md5),
    ("sha1", Algorithm::Sha1),
    ("sha224", Algorithm::Sha224),
    ("sha256", Algorithm::Sha256),
    ("sha384", Algorithm::Sha384),
    ("sha512", Algorithm::Sha512),
];

impl Algorithm {
    fn hasher(self) -> Box<dyn DynDigest> {
        match self {
            Self::Md5 => Box::new(Md5::default()),
            Self::Sha1 => Box::new(Sha1::default()),
            Self::Sha224 => Box::new(Sha224::default()),
            Self::Sha256 => Box::new(Sha256::default()),
            Self::Sha384 => Box::new(Sha384::default()),
            Self::Sha512 => Box::new(Sha512::default()),
        }
    }
}

/// The first argument as the number of an algorithm.
fn algorithm(args: &[Arg]) -> Option<Algorithm> {
    let nth = usize::try_from(int_arg(args, 0)?).ok()?;
    ALGORITHMS.get(nth).map(|(_, algorithm)| *algorithm)
}

fn check_digest(args: &mut Vec<Arg>, _: &ParseContext<'_>) -> Result<Option<Type>, String> {
    let name = String::from_utf8_lossy(str_arg(args, 0).unwrap_or_default()).into_owned();
    let plain = name.replace('-', "");
    let nth = ALGORITHMS.iter().position(|(known, _)| plain.eq_ignore_ascii_case(known));
    let Some(nth) = nth else {
        let known = ALGORITHMS.map(|(known, _)| known).join(", ");
        return Err(format!("unknown digest '{name}', known are {known}"));
    };
    if let Some(first) = args.first_mut() {
        *first = Arg::Int(i64::try_from(nth).unwrap_or(0));
    }
    Ok(None)
}

fn check_sha2(args: &mut Vec<Arg>, _: &ParseContext<'_>) -> Result<Option<Type>, String> {
    let nth = match int_arg(args, 0) {
        None | Some(256) => 3,
        Some(224) => 2,
        Some(384) => 4,
        Some(512) => 5,
        Some(_) => return Err("bits are 224, 256, 384 or 512".to_owned()),
    };
    *args = vec![Arg::Int(nth)];
    Ok(None)
}

fn sha2<'a>(sample: Sample<'a>, args: &'a [Arg], subject: &'a dyn Subject) -> Option<Sample<'a>> {
    digest(sample, args, subject)
}

fn digest<'a>(sample: Sample<'a>, args: &'a [Arg], _: &'a dyn Subject) -> Option<Sample<'a>> {
    let mut hasher = algorithm(args)?.hasher();
    hasher.update(&bytes(sample)?);
    Some(Sample::Bin(hasher.finalize().into_vec().into()))
}

/// The key becomes bytes, or a variable that holds it in base64.
fn check_hmac(args: &mut Vec<Arg>, context: &ParseContext<'_>) -> Result<Option<Type>, String> {
    check_digest(args, context)?;
    let text = str_arg(args, 1).unwrap_or_default().to_vec();
    let key = match Variable::parse(&String::from_utf8_lossy(&text)) {
        Ok(variable) => Arg::Var(variable),
        Err(_) => {
            let key = base64_decode(&text).ok_or("the key is neither base64 nor a variable")?;
            Arg::Str(key.into())
        }
    };
    args.truncate(1);
    args.push(key);
    Ok(None)
}

fn authenticated<M: Mac + hmac::digest::KeyInit>(key: &[u8], message: &[u8]) -> Option<Vec<u8>> {
    let mut mac = <M as hmac::digest::KeyInit>::new_from_slice(key).ok()?;
    mac.update(message);
    Some(mac.finalize().into_bytes().to_vec())
}

fn hmac<'a>(sample: Sample<'a>, args: &'a [Arg], subject: &'a dyn Subject) -> Option<Sample<'a>> {
    let message = bytes(sample)?;
    let held;
    let key = match args.get(1)? {
        Arg::Str(key) => &**key,
        Arg::Var(variable) => {
            held = base64_decode(&casts::text(subject.variable(variable)?))?;
            &held
        }
        _ => return None,
    };
    let code = match algorithm(args)? {
        Algorithm::Md5 => authenticated::<Hmac<Md5>>(key, &message),
        Algorithm::Sha1 => authenticated::<Hmac<Sha1>>(key, &message),
        Algorithm::Sha224 => authenticated::<Hmac<Sha224>>(key, &message),
        Algorithm::Sha256 => authenticated::<Hmac<Sha256>>(key, &message),
        Algorithm::Sha384 => authenticated::<Hmac<Sha384>>(key, &message),
        Algorithm::Sha512 => authenticated::<Hmac<Sha512>>(key, &message),
    };
    Some(Sample::Bin(code?.into()))
}
