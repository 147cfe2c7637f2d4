//! How a backend picks a server (manual 4.2, `balance`, `hash-type`).

use expr::Expr;

use crate::Name;

/// `balance ALGORITHM`.
#[derive(Clone, Debug, PartialEq)]
pub enum Algorithm {
    /// Weighted round robin, weights changeable at run time.
    RoundRobin,
    /// Weighted round robin by a fixed table.
    StaticRr,
    /// The server with the fewest connections relative to its weight.
    LeastConn,
    /// The first server with a free connection slot, by id.
    First,
    /// The best of `draws` random servers (1 or more; HAProxy's default is 2).
    Random {
        /// How many servers are drawn.
        draws: u32,
    },
    /// Hash of the client's address.
    Source,
    /// Hash of the request target.
    Uri {
        /// Only the first bytes count.
        len: Option<u32>,
        /// Only the first directories count.
        depth: Option<u32>,
        /// The query counts too.
        whole: bool,
        /// Scheme and authority never count.
        path_only: bool,
    },
    /// Hash of one URL parameter; round robin when it is absent.
    UrlParam {
        /// Parameter name.
        name: Name,
        /// `check_post`: look into the body of a POST too.
        check_post: bool,
    },
    /// Hash of a request header; round robin when it is absent.
    Hdr {
        /// Header name.
        name: wire::http::FieldName,
        /// For `host`: only the part before the top domains counts.
        use_domain_only: bool,
    },
    /// Hash of any sample expression.
    Hash(Expr),
    /// Hash of the RDP cookie; round robin when it is absent.
    RdpCookie(Name),
}

/// `hash-type METHOD FUNCTION MODIFIER`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct HashType {
    /// How a hash becomes a server.
    pub method: HashMethod,
    /// How a key becomes a hash.
    pub function: HashFunction,
    /// `avalanche`: mix the bits afterwards. `None` = the method's own default.
    pub avalanche: Option<bool>,
}

/// How a hash becomes a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum HashMethod {
    /// A static array by weight.
    #[default]
    MapBased,
    /// A ring: few keys move when servers come and go.
    Consistent,
}

/// How a key becomes a 32-bit hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum HashFunction {
    /// The default.
    #[default]
    Sdbm,
    /// Bernstein's.
    Djb2,
    /// HAProxy's wt6.
    Wt6,
    /// CRC-32 (Ethernet, gzip).
    Crc32,
    /// The key is a number already.
    None,
}
