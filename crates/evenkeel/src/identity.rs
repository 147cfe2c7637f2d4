//! Users and groups by name, and giving up root's rights.

use std::fs;

use nix::unistd::{Gid, Uid};
use rustix::thread::{CapabilitySet, CapabilitySets};

/// Number of a user, by name or already a number.
pub fn user_id(name: &str) -> Option<u32> {
    name.parse().ok().or_else(|| by_name("/etc/passwd", name))
}

/// Number of a group, by name or already a number.
pub fn group_id(name: &str) -> Option<u32> {
    name.parse().ok().or_else(|| by_name("/etc/group", name))
}

fn by_name(file: &str, name: &str) -> Option<u32> {
    let text = fs::read_to_string(file).ok()?;
    third_field(&text, name)
}

/// The number in a line `name:password:number:...`.
fn third_field(text: &str, name: &str) -> Option<u32> {
    let line = text.lines().find(|l| l.split(':').next() == Some(name))?;
    line.split(':').nth(2)?.parse().ok()
}

/// Becomes this user and group, all threads. Root's rights go, but for two that changes while
/// running need and that only the calling thread keeps: opening ports below 1024 and reading the
/// configuration. Worker threads, which see what clients send, keep none.
///
/// # Errors
/// A text for the user.
pub fn become_user(user: Option<&str>, group: Option<&str>) -> Result<(), String> {
    if user.is_none() && group.is_none() {
        return Ok(());
    }
    let root = Uid::effective().is_root();
    if let Some(group) = group {
        let gid = group_id(group).ok_or_else(|| format!("cannot find group id for '{group}'"))?;
        if root {
            nix::unistd::setgroups(&[]).map_err(|e| format!("cannot drop groups: {e}"))?;
        }
        if !root && Gid::effective().as_raw() == gid {
            return become_uid(user, root);
        }
        nix::unistd::setgid(Gid::from_raw(gid))
            .map_err(|e| format!("cannot set gid {gid}: {e}"))?;
    }
    become_uid(user, root)
}

fn become_uid(user: Option<&str>, root: bool) -> Result<(), String> {
    let Some(user) = user else { return Ok(()) };
    let uid = user_id(user).ok_or_else(|| format!("cannot find user id for '{user}'"))?;
    if Uid::effective().as_raw() == uid {
        return Ok(());
    }
    let kept = root && rustix::thread::set_keep_capabilities(true).is_ok();
    nix::unistd::setuid(Uid::from_raw(uid)).map_err(|e| format!("cannot set uid {uid}: {e}"))?;
    if kept {
        let wanted = CapabilitySet::NET_BIND_SERVICE | CapabilitySet::DAC_READ_SEARCH;
        // Where the system has not given them there is nothing to keep; changes that need them
        // are refused then, with the system's reason.
        if let Ok(had) = rustix::thread::capabilities(None) {
            let keep = had.permitted & wanted;
            let sets = CapabilitySets {
                effective: keep,
                permitted: keep,
                inheritable: CapabilitySet::empty(),
            };
            let _ = rustix::thread::set_capabilities(None, sets);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_come_from_the_third_field() {
        let text = "root:x:0:0::/:/bin/sh\nhaproxy:x:99:98::/:/bin/false\nbad\n";
        assert_eq!(third_field(text, "haproxy"), Some(99));
        assert_eq!(third_field(text, "bad"), None);
        assert_eq!(third_field(text, "hapro"), None);
        assert_eq!(user_id("1234"), Some(1234));
    }
}
