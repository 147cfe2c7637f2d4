//! The data plane: listeners, worker threads, HTTP and TCP sessions, pools, running the checks.
#![deny(unsafe_code)]
