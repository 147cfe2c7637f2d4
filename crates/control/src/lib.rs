//! Configuration, observations and overrides to intent, intent to plan, plan to a port.
#![forbid(unsafe_code)]
