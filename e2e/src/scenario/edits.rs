//! Random valid configurations, one edit after the other, from a seed.

use super::balancer::DEFAULTS;
use std::net::SocketAddr;

/// Fewest servers that stay in use.
const SERVERS_MIN: usize = 2;

/// A stream of numbers that depends on nothing but its seed (xorshift).
pub struct Random(u64);

impl Random {
    /// Any seed but 0.
    pub fn new(seed: u64) -> Self {
        Self(seed.max(1))
    }

    /// A number below `end`.
    pub fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % end.max(1) as u64).unwrap_or(0)
    }
}

#[derive(Clone, Copy)]
struct Server {
    present: bool,
    disabled: bool,
    weight: usize,
}

/// The configuration as it stands, and what it is made of.
pub struct Edits {
    random: Random,
    main: SocketAddr,
    spare: Vec<SocketAddr>,
    applications: Vec<SocketAddr>,
    servers: Vec<Server>,
    binds: Vec<bool>,
    acls: usize,
    frontends: Vec<bool>,
    timeout: usize,
    number: usize,
    refused: usize,
}

impl Edits {
    /// Starts with all servers in use and nothing else. Half of the spare addresses become binds
    /// of the main frontend, half frontends of their own.
    pub fn new(
        seed: u64,
        main: SocketAddr,
        spare: Vec<SocketAddr>,
        applications: Vec<SocketAddr>,
    ) -> Self {
        let whole = Server { present: true, disabled: false, weight: 10 };
        let half = spare.len() / 2;
        Self {
            random: Random::new(seed),
            main,
            servers: vec![whole; applications.len()],
            binds: vec![false; half],
            frontends: vec![false; spare.len() - half],
            spare,
            applications,
            acls: 0,
            timeout: 30,
            number: 0,
            refused: 0,
        }
    }

    /// The number of edits so far, which the configuration answers at `/edit`.
    pub fn number(&self) -> usize {
        self.number
    }

    /// Changes one thing.
    pub fn change(&mut self) -> String {
        self.number += 1;
        let server = self.random.below(self.servers.len());
        match self.random.below(8) {
            0 => self.servers[server].weight = 1 + self.random.below(256),
            1 => self.servers[server].disabled ^= true,
            2 => self.servers[server].present ^= true,
            3 => self.acls = self.random.below(6),
            4 => self.timeout = 20 + self.random.below(20),
            5 | 6 => {
                let bind = self.random.below(self.binds.len());
                self.binds[bind] ^= true;
            }
            _ => {
                let frontend = self.random.below(self.frontends.len());
                self.frontends[frontend] ^= true;
            }
        }
        let used = self.servers.iter().filter(|s| s.present && !s.disabled).count();
        if used < SERVERS_MIN {
            self.servers[server] = Server { present: true, disabled: false, weight: 10 };
        }
        self.text()
    }

    /// The configuration as it stands.
    pub fn text(&self) -> String {
        let (more_binds, own) = self.spare.split_at(self.binds.len());
        let mut text = format!("{DEFAULTS}    timeout tunnel {}s\nfrontend www\n", self.timeout);
        text += &format!("    bind {}\n", self.main);
        for (bind, _) in more_binds.iter().zip(&self.binds).filter(|(_, used)| **used) {
            text += &format!("    bind {bind}\n");
        }
        for acl in 0..self.acls {
            text += &format!("    acl acl{acl} path_beg /none{acl}\n");
            text += &format!("    http-request deny if acl{acl}\n");
        }
        text += &format!(
            "    http-request return status 200 content-type text/plain string \"edit {}\" \
             if {{ path /edit }}\n    default_backend apps\n",
            self.number
        );
        for (at, bind) in own.iter().enumerate().filter(|(at, _)| self.frontends[*at]) {
            text += &format!("frontend more{at}\n    bind {bind}\n    default_backend apps\n");
        }
        text += "backend apps\n    balance roundrobin\n    option redispatch\n";
        for (at, (server, address)) in self.servers.iter().zip(&self.applications).enumerate() {
            if server.present {
                let disabled = if server.disabled { " disabled" } else { "" };
                let weight = server.weight;
                text += &format!("    server s{at} {address} check weight {weight}{disabled}\n");
            }
        }
        text
    }

    /// A text that must be refused, for another reason at each call.
    pub fn broken(&mut self, taken: SocketAddr) -> String {
        let text = self.text();
        self.refused += 1;
        match self.refused % 4 {
            0 => text.replace("default_backend apps", "default_backend nowhere"),
            1 => text.replace("balance roundrobin", "balance roundrobbin"),
            2 => text[..text.len() / 2].to_owned() + "\nlisten",
            _ => text.replace("frontend www\n", &format!("frontend www\n    bind {taken}\n")),
        }
    }
}
