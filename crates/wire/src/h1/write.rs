//! Heads written out clean, with unchanged neighbours copied in one piece.

use super::Head;
use super::head::Slice;
use crate::http::{KnownSet, Version, append_decimal, reason_phrase};

/// Appends `version status reason CR LF`, with the standard phrase for an empty `reason`.
pub fn write_status_line(out: &mut Vec<u8>, version: Version, status: u16, reason: &[u8]) {
    out.extend_from_slice(version.as_bytes());
    out.push(b' ');
    append_decimal(out, status.into());
    out.push(b' ');
    let standard = reason_phrase(status).as_bytes();
    out.extend_from_slice(if reason.is_empty() { standard } else { reason });
    out.extend_from_slice(b"\r\n");
}

/// Appends `method target version CR LF`. The parts are not checked.
pub fn write_request_line(out: &mut Vec<u8>, method: &[u8], target: &[u8], version: Version) {
    out.extend_from_slice(method);
    out.push(b' ');
    out.extend_from_slice(target);
    out.push(b' ');
    out.extend_from_slice(version.as_bytes());
    out.extend_from_slice(b"\r\n");
}

/// Appends one field line. Name and value are not checked.
pub fn write_field(out: &mut Vec<u8>, name: &[u8], value: &[u8]) {
    out.extend_from_slice(name);
    out.extend_from_slice(b": ");
    out.extend_from_slice(value);
    out.extend_from_slice(b"\r\n");
}

impl Head {
    /// Appends the head with its final empty line to `out`.
    pub fn write_to(&self, out: &mut Vec<u8>) {
        self.write_open(out, KnownSet::EMPTY);
        out.extend_from_slice(b"\r\n");
    }

    /// Appends the head without the fields in `skip` and without the final empty line, so that
    /// the caller may add fields with [`write_field`] before it ends the head with CR LF.
    pub fn write_open(&self, out: &mut Vec<u8>, skip: KnownSet) {
        out.reserve(self.raw.len() + self.extra.len() + 64);
        let run = self.write_start_line(out);
        self.write_field_lines(out, skip, run);
    }

    /// Appends the field lines alone, without those in `skip`.
    pub fn write_fields(&self, out: &mut Vec<u8>, skip: KnownSet) {
        self.write_field_lines(out, skip, Slice::default());
    }

    /// Writes the field lines, the first of them together with the bytes in `run`.
    #[inline]
    fn write_field_lines(&self, out: &mut Vec<u8>, skip: KnownSet, mut run: Slice) {
        let skips = self.present.intersects(skip);
        for field in &self.fields {
            if skips && skip.contains(field.known) {
                continue;
            }
            if !field.clean {
                out.extend_from_slice(self.bytes(run));
                run = Slice::default();
                write_field(out, self.bytes(field.name), self.bytes(field.value));
                continue;
            }
            // Name, value and CR LF stand side by side in the arena.
            let whole = field.name.to_end_of(field.value, 2);
            run = match run.joined(whole) {
                Some(longer) => longer,
                None => {
                    out.extend_from_slice(self.bytes(run));
                    whole
                }
            };
        }
        out.extend_from_slice(self.bytes(run));
    }

    /// Writes the start line, or gives its bytes as the beginning of a run.
    fn write_start_line(&self, out: &mut Vec<u8>) -> Slice {
        let line = &self.line;
        if line.clean {
            return if line.response {
                // `HTTP/1.1 200 ` is 13 bytes.
                let start = line.reason.start().saturating_sub(13);
                Slice::received(start, line.reason.end() + 2)
            } else {
                // ` HTTP/1.1` and CR LF are 11 bytes.
                line.method_bytes.to_end_of(line.target, 11)
            };
        }
        if line.response {
            write_status_line(out, line.version, line.status, self.reason());
        } else {
            write_request_line(out, self.method_bytes(), self.target(), line.version);
        }
        Slice::default()
    }
}

impl Slice {
    /// From the start of this slice to `more` bytes after the end of `last`, of the same arena.
    const fn to_end_of(self, last: Self, more: usize) -> Self {
        self.part(0, last.end().saturating_sub(self.start()) + more)
    }

    /// This slice and `next` as one, when they are neighbours of the same arena.
    #[inline]
    fn joined(self, next: Self) -> Option<Self> {
        self.is_before(next).then(|| self.part(0, self.len() + next.len()))
    }
}
