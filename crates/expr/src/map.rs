//! Files of patterns and maps: lines and columns.

/// The lines of a file that count, with their numbers: no empty ones, no comments, without
/// leading blanks.
pub(crate) fn lines(content: &[u8]) -> impl Iterator<Item = (usize, &[u8])> {
    content.split(|b| *b == b'\n').enumerate().filter_map(|(nth, line)| {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.first() == Some(&b'#') {
            return None;
        }
        let line = line.trim_ascii_start();
        (!line.is_empty()).then_some((nth + 1, line))
    })
}

/// A line's first word and the rest.
pub(crate) fn columns(line: &[u8]) -> (&[u8], &[u8]) {
    let end = line.iter().position(|b| matches!(b, b' ' | b'\t')).unwrap_or(line.len());
    let (key, rest) = line.split_at(end);
    (key, rest.trim_ascii())
}
