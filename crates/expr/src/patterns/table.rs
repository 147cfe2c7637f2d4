//! Tables that are copied cheaply: what does not change is shared with the copy, so that looking
//! up goes on in the old one while the new one is made.
use std::borrow::Borrow;
use std::collections::HashMap;
use std::hash::{BuildHasher, Hash, RandomState};
use std::sync::Arc;

use super::Entry;

/// Up to this many keys are compared one after the other.
const FEW: usize = 8;
/// Parts of a table that has just outgrown that.
const FIRST_PARTS: usize = 16;
/// Most items in one part of a list.
const CHUNK: usize = 256;

/// The entries of one key, in the order in which they came.
#[derive(Clone)]
pub(super) enum Slots {
    One(Arc<Entry>),
    Many(Vec<Arc<Entry>>),
}

impl Slots {
    pub(super) fn first(&self) -> Option<&Arc<Entry>> {
        match self {
            Self::One(entry) => Some(entry),
            Self::Many(entries) => entries.first(),
        }
    }

    pub(super) fn all(&self) -> &[Arc<Entry>] {
        match self {
            Self::One(entry) => std::slice::from_ref(entry),
            Self::Many(entries) => entries,
        }
    }

    fn push(&mut self, entry: Arc<Entry>) {
        match self {
            Self::One(first) => *self = Self::Many(vec![Arc::clone(first), entry]),
            Self::Many(entries) => entries.push(entry),
        }
    }

    /// Whether nothing is left.
    fn remove(&mut self, seq: u64) -> bool {
        match self {
            Self::One(entry) => entry.seq == seq,
            Self::Many(entries) => {
                entries.retain(|e| e.seq != seq);
                entries.is_empty()
            }
        }
    }

    fn replace(&mut self, with: &Arc<Entry>) {
        let entries = match self {
            Self::One(entry) => std::slice::from_mut(entry),
            Self::Many(entries) => entries.as_mut_slice(),
        };
        for entry in entries.iter_mut().filter(|e| e.seq == with.seq) {
            *entry = Arc::clone(with);
        }
    }
}

/// Entries by key.
#[derive(Clone)]
pub(super) enum Table<K> {
    Few(Vec<(K, Slots)>),
    /// In parts that grow with the square root of the number of keys: a change copies one part
    /// and the list of parts.
    Many {
        parts: Vec<Arc<HashMap<K, Slots, RandomState>>>,
        hasher: RandomState,
        keys: usize,
    },
}

impl<K> Default for Table<K> {
    fn default() -> Self {
        Self::Few(Vec::new())
    }
}

fn part_of<Q: Hash + ?Sized>(hasher: &RandomState, parts: usize, key: &Q) -> usize {
    // The part is chosen by other bits than the place in it.
    (hasher.hash_one(key) >> 24) as usize & (parts - 1)
}

impl<K: Hash + Eq + Clone> Table<K> {
    pub(super) fn get<Q>(&self, key: &Q) -> Option<&Slots>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        match self {
            Self::Few(pairs) => pairs.iter().find(|(k, _)| k.borrow() == key).map(|(_, s)| s),
            Self::Many { parts, hasher, .. } => {
                parts.get(part_of(hasher, parts.len(), key))?.get(key)
            }
        }
    }

    pub(super) fn insert(&mut self, key: K, entry: Arc<Entry>) {
        match self {
            Self::Few(pairs) => {
                if let Some((_, slots)) = pairs.iter_mut().find(|(k, _)| *k == key) {
                    return slots.push(entry);
                }
                pairs.push((key, Slots::One(entry)));
                if pairs.len() > FEW {
                    let pairs = std::mem::take(pairs);
                    *self = Self::split(pairs, RandomState::new(), FIRST_PARTS);
                }
            }
            Self::Many { parts, hasher, keys } => {
                let part = part_of(hasher, parts.len(), &key);
                let Some(part) = parts.get_mut(part) else { return };
                match Arc::make_mut(part).entry(key) {
                    std::collections::hash_map::Entry::Occupied(mut slot) => {
                        slot.get_mut().push(entry);
                    }
                    std::collections::hash_map::Entry::Vacant(slot) => {
                        slot.insert(Slots::One(entry));
                        *keys += 1;
                    }
                }
                if *keys > parts.len() * parts.len() {
                    let (count, hasher) = (parts.len() * 2, hasher.clone());
                    let pairs = parts.drain(..).flat_map(Arc::unwrap_or_clone).collect();
                    *self = Self::split(pairs, hasher, count);
                }
            }
        }
    }

    fn split(pairs: Vec<(K, Slots)>, hasher: RandomState, count: usize) -> Self {
        let keys = pairs.len();
        let mut parts: Vec<_> = (0..count).map(|_| HashMap::with_hasher(hasher.clone())).collect();
        for (key, slots) in pairs {
            let at = part_of(&hasher, count, &key);
            if let Some(part) = parts.get_mut(at) {
                part.insert(key, slots);
            }
        }
        Self::Many { parts: parts.into_iter().map(Arc::new).collect(), hasher, keys }
    }

    pub(super) fn remove(&mut self, key: &K, seq: u64) {
        match self {
            Self::Few(pairs) => pairs.retain_mut(|(k, slots)| k != key || !slots.remove(seq)),
            Self::Many { parts, hasher, keys } => {
                let part = part_of(hasher, parts.len(), key);
                let Some(part) = parts.get_mut(part).map(Arc::make_mut) else { return };
                if part.get_mut(key).is_some_and(|slots| slots.remove(seq)) {
                    part.remove(key);
                    *keys -= 1;
                }
            }
        }
    }

    pub(super) fn replace(&mut self, key: &K, with: &Arc<Entry>) {
        let slots = match self {
            Self::Few(pairs) => pairs.iter_mut().find(|(k, _)| k == key).map(|(_, s)| s),
            Self::Many { parts, hasher, .. } => {
                let part = part_of(hasher, parts.len(), key);
                parts.get_mut(part).and_then(|p| Arc::make_mut(p).get_mut(key))
            }
        };
        if let Some(slots) = slots {
            slots.replace(with);
        }
    }

    /// The key of an entry; every one is looked at.
    pub(super) fn key_of(&self, seq: u64) -> Option<K> {
        let has = |(_, slots): &(&K, &Slots)| slots.all().iter().any(|e| e.seq == seq);
        let found = match self {
            Self::Few(pairs) => pairs.iter().map(|(k, s)| (k, s)).find(has),
            Self::Many { parts, .. } => parts.iter().flat_map(|part| part.iter()).find(has),
        };
        found.map(|(key, _)| key.clone())
    }

    pub(super) fn is_empty(&self) -> bool {
        match self {
            Self::Few(pairs) => pairs.is_empty(),
            Self::Many { keys, .. } => *keys == 0,
        }
    }
}

/// A part of a list.
type Chunk<T> = Arc<Vec<(T, Arc<Entry>)>>;

/// Items in the order in which they came, each with its entry.
pub(super) struct List<T>(Vec<Chunk<T>>);

impl<T> Clone for List<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<T> Default for List<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T: Clone> List<T> {
    pub(super) fn iter(&self) -> impl Iterator<Item = &(T, Arc<Entry>)> {
        self.0.iter().flat_map(|chunk| chunk.iter())
    }

    pub(super) fn push(&mut self, item: T, entry: Arc<Entry>) {
        match self.0.last_mut().filter(|chunk| chunk.len() < CHUNK) {
            Some(chunk) => Arc::make_mut(chunk).push((item, entry)),
            None => self.0.push(Arc::new(vec![(item, entry)])),
        }
    }

    /// Where an entry is: part and place in it.
    fn place(&self, seq: u64) -> Option<(usize, usize)> {
        let last = |chunk: &Chunk<T>| chunk.last().map_or(0, |(_, e)| e.seq);
        let part = self.0.partition_point(|chunk| last(chunk) < seq);
        let chunk = self.0.get(part)?;
        chunk.binary_search_by_key(&seq, |(_, e)| e.seq).ok().map(|at| (part, at))
    }

    pub(super) fn remove(&mut self, seq: u64) {
        let Some((part, at)) = self.place(seq) else { return };
        let Some(chunk) = self.0.get_mut(part).map(Arc::make_mut) else { return };
        chunk.remove(at);
        if chunk.is_empty() {
            self.0.remove(part);
        }
    }

    pub(super) fn replace(&mut self, with: &Arc<Entry>) {
        let Some((part, at)) = self.place(with.seq) else { return };
        let chunk = self.0.get_mut(part).map(Arc::make_mut);
        if let Some((_, entry)) = chunk.and_then(|c| c.get_mut(at)) {
            *entry = Arc::clone(with);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(seq: u64, key: u64) -> Arc<Entry> {
        Arc::new(Entry { seq, line: 0, key: key.to_string().as_bytes().into(), value: None })
    }

    #[test]
    fn copies_are_not_changed() {
        let mut table = Table::<u64>::default();
        let mut list = List::<u64>::default();
        for seq in 0..3000 {
            table.insert(seq % 2000, entry(seq, seq % 2000));
            list.push(seq, entry(seq, seq));
        }
        let (old_table, old_list) = (table.clone(), list.clone());
        for seq in (0..3000).filter(|seq| seq % 3 == 0) {
            table.remove(&(seq % 2000), seq);
            list.remove(seq);
        }
        table.replace(&1, &entry(1, 77));
        assert_eq!(list.iter().count(), 2000);
        assert_eq!(old_list.iter().count(), 3000);
        for key in 0..2000 {
            let left = table.get(&key).map_or(0, |s| s.all().len());
            let seqs = [key, key + 2000];
            let expected = seqs.iter().filter(|s| **s < 3000 && **s % 3 != 0).count();
            assert_eq!(left, expected, "{key}");
            let before = old_table.get(&key).map_or(0, |s| s.all().len());
            assert_eq!(before, seqs.iter().filter(|s| **s < 3000).count());
        }
        assert_eq!(table.get(&1).and_then(Slots::first).map(|e| &*e.key), Some(&b"77"[..]));
        assert!(!table.is_empty());
    }
}
