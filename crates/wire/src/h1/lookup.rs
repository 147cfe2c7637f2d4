//! Finding fields by name: whole lines (`req.fhdr`) and comma-separated items (`req.hdr`).

use super::{Field, Head};
use crate::http::token::list_items;
use crate::http::{FieldName, Known};

impl Head {
    /// Value of the first field called `known`.
    #[must_use]
    #[inline]
    pub fn first(&self, known: Known) -> Option<&[u8]> {
        if !self.has(known) {
            return None;
        }
        self.fields.iter().find(|f| f.known == known).map(|f| self.bytes(f.value))
    }

    /// Values of all fields called `known`, in order. `Other` yields nothing.
    pub fn all(&self, known: Known) -> impl DoubleEndedIterator<Item = &[u8]> + Clone {
        let fields = if self.has(known) { self.fields.as_slice() } else { &[] };
        fields.iter().filter(move |f| f.known == known).map(|f| self.bytes(f.value))
    }

    /// Items of all fields called `known`, split at commas, in order.
    pub fn all_items(&self, known: Known) -> impl Iterator<Item = &[u8]> + Clone {
        self.all(known).flat_map(list_items)
    }

    /// Whether a list field called `known` holds `token`, compared without regard to case.
    #[must_use]
    pub fn has_token(&self, known: Known, token: &[u8]) -> bool {
        self.has(known) && self.all_items(known).any(|item| item.eq_ignore_ascii_case(token))
    }

    /// Whether `field` is called `name`.
    pub(super) fn is_named(&self, field: &Field, name: &FieldName) -> bool {
        field.known == name.known()
            && (field.known != Known::Other
                || self.bytes(field.name).eq_ignore_ascii_case(name.as_bytes()))
    }

    /// Values of all lines called `name`, in order.
    pub fn values<'a>(
        &'a self,
        name: &'a FieldName,
    ) -> impl DoubleEndedIterator<Item = &'a [u8]> + Clone {
        let absent = name.known() != Known::Other && !self.has(name.known());
        let fields = if absent { &[] } else { self.fields.as_slice() };
        fields.iter().filter(move |f| self.is_named(f, name)).map(|f| self.bytes(f.value))
    }

    /// Comma-separated items of all lines called `name`, in order.
    pub fn items<'a>(&'a self, name: &'a FieldName) -> impl Iterator<Item = &'a [u8]> + Clone {
        self.values(name).flat_map(list_items)
    }

    /// One line called `name`: `occurrence` counts from 1, or from the last backwards when negative
    /// (-1 is the last). 0 is nothing. `req.fhdr(name,occurrence)`.
    #[must_use]
    pub fn value<'a>(&'a self, name: &'a FieldName, occurrence: i32) -> Option<&'a [u8]> {
        let back = occurrence.unsigned_abs().checked_sub(1)? as usize;
        if occurrence > 0 { self.values(name).nth(back) } else { self.values(name).nth_back(back) }
    }

    /// One comma-separated item of the lines called `name`, counted like [`Head::value`].
    /// `req.hdr(name,occurrence)`.
    #[must_use]
    pub fn item<'a>(&'a self, name: &'a FieldName, occurrence: i32) -> Option<&'a [u8]> {
        let nth = occurrence.unsigned_abs().checked_sub(1)? as usize;
        if occurrence > 0 {
            return self.items(name).nth(nth);
        }
        // Items of a line can only be found from its start, so count first.
        let back = self.items(name).count().checked_sub(nth + 1)?;
        self.items(name).nth(back)
    }
}
