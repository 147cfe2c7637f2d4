//! Changes that rules make to a head.
//!
//! Every byte that is added is checked: nothing written by a rule can end a line, a name or a
//! target early, whatever the sample behind it held.

use std::fmt;

use super::Head;
use super::head::{Field, Slice};
use super::parse_request::Target;
use crate::http::token::{is_field_value, is_target, is_token, trim_ows};
use crate::http::{FieldName, Known, Method, Version};

/// A change that was not made. The head is as it was before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EditError {
    /// The new bytes are not valid at that place.
    Invalid,
    /// The head would exceed [`Limits::added_bytes`](super::Limits::added_bytes).
    TooLarge,
}

impl fmt::Display for EditError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Invalid => "the new value holds bytes that are not allowed there",
            Self::TooLarge => "the head would grow too large",
        })
    }
}

impl std::error::Error for EditError {}

/// Bytes that may be added to a head that was built rather than parsed.
const BUILT_LIMIT: usize = 1 << 20;

impl Head {
    /// Makes this the head of a new request with an origin or absolute target, e.g. a health check.
    ///
    /// # Errors
    /// [`EditError::Invalid`] when method or target is malformed.
    pub fn build_request(
        &mut self,
        method: &[u8],
        target: &[u8],
        version: Version,
    ) -> Result<(), EditError> {
        self.clear();
        self.added_limit = BUILT_LIMIT;
        self.line.version = version;
        self.set_method(method)?;
        self.set_target(target)
    }

    /// Makes this the head of a new response.
    pub fn build_response(&mut self, status: u16, version: Version) {
        self.clear();
        self.added_limit = BUILT_LIMIT;
        self.line.response = true;
        self.line.version = version;
        self.line.status = status;
    }

    /// Adds the concatenation of `parts` to the arena.
    fn add(&mut self, parts: &[&[u8]]) -> Result<Slice, EditError> {
        let len = parts.iter().map(|p| p.len()).fold(0, usize::saturating_add);
        let start = self.extra.len();
        if start.saturating_add(len) > self.added_limit {
            return Err(EditError::TooLarge);
        }
        self.extra.reserve(len);
        for part in parts {
            self.extra.extend_from_slice(part);
        }
        Ok(Slice::added(start, start + len))
    }

    /// Replaces the value of the first field called `known` by bytes of our own and removes the
    /// others. Not counted against the limit: at most as many bytes as were removed.
    pub(super) fn settle_value(&mut self, known: Known, value: &[u8]) {
        let start = self.extra.len();
        self.extra.extend_from_slice(value);
        let slice = Slice::added(start, self.extra.len());
        let mut done = false;
        self.fields.retain_mut(|f| {
            if f.known != known {
                return true;
            }
            f.value = slice;
            f.clean = false;
            f.folded = false;
            !std::mem::replace(&mut done, true)
        });
    }

    /// Replaces the version.
    pub fn set_version(&mut self, version: Version) {
        self.line.clean &= self.line.version == version;
        self.line.version = version;
    }

    /// Replaces the method.
    ///
    /// # Errors
    /// [`EditError::Invalid`] when `method` is not a token.
    pub fn set_method(&mut self, method: &[u8]) -> Result<(), EditError> {
        if !is_token(method) {
            return Err(EditError::Invalid);
        }
        self.line.method_bytes = self.add(&[method])?;
        self.line.method = Method::from_bytes(method);
        self.line.clean = false;
        Ok(())
    }

    /// Replaces the whole target (`http-request set-uri`).
    ///
    /// # Errors
    /// [`EditError::Invalid`] when `target` has no valid form for the method.
    pub fn set_target(&mut self, target: &[u8]) -> Result<(), EditError> {
        if !is_target(target) {
            return Err(EditError::Invalid);
        }
        let parts = Target::parse(target, self.line.method, false).ok_or(EditError::Invalid)?;
        let slice = self.add(&[target])?;
        parts.store(slice, &mut self.line);
        self.line.clean = false;
        Ok(())
    }

    /// Replaces the path and keeps scheme, authority and query (`http-request set-path`).
    ///
    /// # Errors
    /// [`EditError::Invalid`] when `path` does not begin with `/`, holds `?`, or the result is not
    /// a valid target.
    pub fn set_path(&mut self, path: &[u8]) -> Result<(), EditError> {
        let valid = path == b"*" || path.first() == Some(&b'/');
        if !valid || path.contains(&b'?') {
            return Err(EditError::Invalid);
        }
        let query = self.query().map(<[u8]>::to_vec);
        self.rebuild_target(path, query.as_deref())
    }

    /// Replaces path and query (`http-request set-pathq`).
    ///
    /// # Errors
    /// As [`Head::set_path`].
    pub fn set_path_and_query(&mut self, pathq: &[u8]) -> Result<(), EditError> {
        if pathq.first() != Some(&b'/') && pathq != b"*" {
            return Err(EditError::Invalid);
        }
        self.rebuild_target(pathq, None)
    }

    /// Replaces the query, given without question mark; an empty one leaves the target without
    /// (`http-request set-query`).
    ///
    /// # Errors
    /// [`EditError::Invalid`] when the result is not a valid target.
    pub fn set_query(&mut self, query: &[u8]) -> Result<(), EditError> {
        let path = self.path().to_vec();
        self.rebuild_target(&path, (!query.is_empty()).then_some(query))
    }

    fn rebuild_target(&mut self, path: &[u8], query: Option<&[u8]>) -> Result<(), EditError> {
        let kept = self.line.path.start().saturating_sub(self.line.target.start());
        let mut target = self.target().get(..kept).unwrap_or_default().to_vec();
        target.extend_from_slice(path);
        if let Some(query) = query {
            target.push(b'?');
            target.extend_from_slice(query);
        }
        self.set_target(&target)
    }

    /// Replaces the status and drops the reason phrase, so that the standard one is written.
    pub fn set_status(&mut self, status: u16) {
        self.line.status = status;
        self.line.reason = Slice::default();
        self.line.clean = false;
    }

    /// Replaces the reason phrase.
    ///
    /// # Errors
    /// [`EditError::Invalid`] when it holds a control character.
    pub fn set_reason(&mut self, reason: &[u8]) -> Result<(), EditError> {
        if !is_field_value(reason) {
            return Err(EditError::Invalid);
        }
        self.line.reason = self.add(&[trim_ows(reason)])?;
        self.line.clean = false;
        Ok(())
    }

    /// Adds a field after all others.
    ///
    /// # Errors
    /// [`EditError::Invalid`] when `value` holds a control character.
    pub fn append(&mut self, name: &FieldName, value: &[u8]) -> Result<(), EditError> {
        self.append_parts(name.as_bytes(), name.known(), value)
    }

    /// Adds a field called `known`, its name in lower case, after all others.
    ///
    /// # Errors
    /// [`EditError::Invalid`] for `Known::Other` or when `value` holds a control character.
    pub fn append_known(&mut self, known: Known, value: &[u8]) -> Result<(), EditError> {
        self.append_parts(known.name().as_bytes(), known, value)
    }

    fn append_parts(&mut self, name: &[u8], known: Known, value: &[u8]) -> Result<(), EditError> {
        if name.is_empty() || !is_field_value(value) {
            return Err(EditError::Invalid);
        }
        let value = trim_ows(value);
        // The bytes between and after make an added field look like a received one, so that
        // neighbours are written in one piece.
        let line = self.add(&[name, b": ", value, b"\r\n"])?;
        let value_at = name.len() + 2;
        self.fields.push(Field {
            name: line.part(0, name.len()),
            value: line.part(value_at, value_at + value.len()),
            known,
            clean: true,
            folded: false,
        });
        self.present = self.present.with(known);
        Ok(())
    }

    /// Removes all fields called `name` and adds this one (`set-header`).
    ///
    /// # Errors
    /// As [`Head::append`]; nothing is removed then.
    pub fn set(&mut self, name: &FieldName, value: &[u8]) -> Result<(), EditError> {
        let before = self.fields.len();
        self.append(name, value)?;
        let added = self.fields.pop();
        self.fields.truncate(before);
        self.remove(name);
        if let Some(field) = added {
            self.present = self.present.with(field.known);
            self.fields.push(field);
        }
        Ok(())
    }

    /// Removes all fields called `name`; tells how many there were (`del-header`).
    pub fn remove(&mut self, name: &FieldName) -> usize {
        let known = name.known();
        if known != Known::Other {
            return self.remove_known(known);
        }
        let mut fields = std::mem::take(&mut self.fields);
        let before = fields.len();
        fields.retain(|f| !self.is_named(f, name));
        self.fields = fields;
        before - self.fields.len()
    }

    /// Removes all fields called `known`; tells how many there were.
    pub fn remove_known(&mut self, known: Known) -> usize {
        if !self.has(known) {
            return 0;
        }
        let before = self.fields.len();
        self.fields.retain(|f| f.known != known);
        self.present = self.present.without(known);
        before - self.fields.len()
    }

    /// Keeps the fields for which `keep(name, value)` holds (`del-header` with a match method).
    pub fn retain(&mut self, mut keep: impl FnMut(&[u8], &[u8]) -> bool) {
        let mut fields = std::mem::take(&mut self.fields);
        fields.retain(|f| keep(self.bytes(f.name), self.bytes(f.value)));
        self.present = Default::default();
        for field in &fields {
            self.present = self.present.with(field.known);
        }
        self.fields = fields;
    }

    /// Removes the field line at `index`; the id of its name stays in [`Head::present`] only
    /// while another line has it.
    pub fn remove_at(&mut self, index: usize) {
        if index >= self.fields.len() {
            return;
        }
        let known = self.fields.remove(index).known;
        if !self.fields.iter().any(|f| f.known == known) {
            self.present = self.present.without(known);
        }
    }

    /// Replaces the value of the field at `index` of [`Head::fields`] and keeps its place
    /// (`replace-header`, `replace-value`).
    ///
    /// # Errors
    /// [`EditError::Invalid`] when there is no such field or `value` holds a control character.
    pub fn replace(&mut self, index: usize, value: &[u8]) -> Result<(), EditError> {
        if !is_field_value(value) || index >= self.fields.len() {
            return Err(EditError::Invalid);
        }
        let slice = self.add(&[trim_ows(value)])?;
        if let Some(field) = self.fields.get_mut(index) {
            field.value = slice;
            field.clean = false;
            field.folded = false;
        }
        Ok(())
    }
}
