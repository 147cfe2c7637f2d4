//! Any bytes as the payload of a map, an ACL or a new backend, and any key that is then looked up.
#![no_main]

use libfuzzer_sys::fuzz_target;

mod house;
mod socket;

/// What a payload may follow.
const BEGINNINGS: &[&str] = &[
    "add map m <<%\n",
    "prepare map m\nadd map @1 m <<%\n",
    "add acl f <<%\n",
    "prepare acl f\nadd acl @1 f <<%\n",
    "set map m 1 <<%\n",
    "del map m <<%\n",
    "add backend n <<%\n",
];

/// What is asked when it is taken in.
const ENDINGS: &str = "\n%\ncommit map @1 m\ncommit acl @1 f\nshow map m\nshow acl f\nshow map\n\
                       get acl f /x\nget map m ";

fuzz_target!(|input: (u8, &str, &[u8])| {
    let (beginning, key, payload) = input;
    let beginning = BEGINNINGS[usize::from(beginning) % BEGINNINGS.len()];
    socket::answers(&[beginning.as_bytes(), payload, ENDINGS.as_bytes(), key.as_bytes(), b"\n"]);
});
