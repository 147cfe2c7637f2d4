//! Any bytes on a control socket: every command line, payload and change of maps is answered.
#![no_main]

use libfuzzer_sys::fuzz_target;

mod house;
mod socket;

fuzz_target!(|input: &[u8]| {
    socket::answers(&[input]);
});
