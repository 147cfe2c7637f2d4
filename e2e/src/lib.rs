//! Shared parts of the end-to-end tests: real binary, real HAProxy, real Docker.
