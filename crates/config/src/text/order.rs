//! Which files of a directory are read, and in which order (management manual, `-f <dir>`).

/// The names that HAProxy takes from a directory: `*.cfg`, none hidden, in byte order.
pub fn directory_order<S: AsRef<str>>(names: impl IntoIterator<Item = S>) -> Vec<S> {
    let taken = |name: &S| {
        let name = name.as_ref();
        name.len() > ".cfg".len() && name.ends_with(".cfg") && !name.starts_with('.')
    };
    let mut names: Vec<S> = names.into_iter().filter(taken).collect();
    names.sort_by(|a, b| a.as_ref().cmp(b.as_ref()));
    names
}

#[cfg(test)]
mod tests {
    use super::directory_order;

    #[test]
    fn only_visible_cfg_files_sorted_by_bytes() {
        let names = ["b.cfg", "10.cfg", "9.cfg", "B.cfg", ".a.cfg", ".cfg", "a.cfg~", "c.conf"];
        assert_eq!(directory_order(names), ["10.cfg", "9.cfg", "B.cfg", "b.cfg"]);
    }
}
