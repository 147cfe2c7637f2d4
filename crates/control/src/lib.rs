//! Configuration, observations and overrides to intent, intent to plan, plan applied through a port.
#![forbid(unsafe_code)]
