//! Lists of patterns that change while they are looked up: whatever is done to them, what is found
//! is what a list read anew would find.
use std::sync::Arc;

use evenkeel_expr::{
    Acls, Condition, Expr, Fetch, ParseContext, PatternError, PatternKey, PatternList,
    PatternStore, Place, Registry, Sample, Sources, Verdict,
};
use proptest::prelude::*;

use crate::subject::Session;

/// One file, called `f`.
struct World(Registry, String);

impl Sources for World {
    fn file(&self, name: &str) -> Result<Arc<[u8]>, String> {
        if name == "f" { Ok(self.1.as_bytes().into()) } else { Err("no such file".to_owned()) }
    }
    fn env(&self, _: &str) -> Option<String> {
        None
    }
    fn resolve(&self, host: &str) -> Option<std::net::IpAddr> {
        (host == "host").then_some(std::net::IpAddr::from([10, 1, 1, 1]))
    }
    fn registry(&self) -> Option<&Registry> {
        Some(&self.0)
    }
}

/// What `words` say of the file `content`, and the lists they use.
fn condition(
    store: &Arc<PatternStore>,
    content: &str,
    words: &[&str],
) -> (Condition, Vec<PatternList>) {
    let world = World(Registry::new(Arc::clone(store)), content.to_owned());
    let acls = Acls::new();
    let context = ParseContext::new(Place::FE_HTTP_REQUEST, &acls, &world);
    let condition = Condition::parse_terms(words, &context).expect("a condition");
    (condition, world.0.finish())
}

fn expression(
    store: &Arc<PatternStore>,
    content: &str,
    text: &str,
) -> Result<(Expr, Vec<PatternList>), String> {
    let world = World(Registry::new(Arc::clone(store)), content.to_owned());
    let acls = Acls::new();
    let context = ParseContext::new(Place::FE_HTTP_REQUEST, &acls, &world);
    let expr = Expr::parse(text, &context).map_err(|e| e.message)?;
    Ok((expr, world.0.finish()))
}

fn path(target: &str) -> Session {
    Session::request(&[&format!("GET {target} HTTP/1.1")])
}

fn value(expr: &Expr, target: &str) -> Option<String> {
    match expr.eval(&path(target)) {
        Fetch::Is(Sample::Str(text)) => Some(String::from_utf8_lossy(&text).into_owned()),
        _ => None,
    }
}

#[test]
fn changes_are_seen_at_once_and_versions_when_they_are_committed() {
    let store = Arc::default();
    let (map, lists) =
        expression(&store, "/a one\n/a two\n", "path,map(f,none)").expect("an expression");
    let cell = &lists[0].cell;
    assert_eq!(value(&map, "/a"), Some("one".to_owned()));
    let first = cell.entries(None)[0].seq;
    cell.delete(PatternKey::Seq(first)).expect("there");
    assert_eq!(value(&map, "/a"), Some("two".to_owned()));
    cell.set(PatternKey::Key(b"/a"), b"three").expect("there");
    assert_eq!(value(&map, "/a"), Some("three".to_owned()));
    assert_eq!(cell.add(Some(1), [(&b"/a"[..], Some(&b"x"[..]))]), Err(PatternError::Version));
    assert_eq!((cell.prepare(), cell.prepare()), (1, 2));
    cell.add(Some(2), [(&b"/b"[..], Some(&b"new"[..]))]).expect("prepared");
    assert_eq!(value(&map, "/b"), Some("none".to_owned()));
    cell.commit(2).expect("prepared");
    assert_eq!(value(&map, "/b"), Some("new".to_owned()));
    assert_eq!(value(&map, "/a"), Some("none".to_owned()));
    assert_eq!(cell.commit(1), Err(PatternError::Version));
    assert_eq!(cell.figures(), (2, 2, 1));
}

#[test]
fn lists_live_on_in_the_next_configuration_until_they_are_changed() {
    let store = Arc::default();
    let words = ["{", "path", "-f", "f", "/x", "}"];
    let (before, lists) = condition(&store, "/a\n", &words);
    let (same, again) = condition(&store, "/a\n", &words);
    assert!(before == same && lists == again);
    assert!(Arc::ptr_eq(&lists[0].cell, &again[0].cell));
    assert!(Arc::ptr_eq(&lists[1].cell, &again[1].cell));
    let (other, _) = condition(&store, "/b\n", &words);
    assert!(before != other);
    // What a command added is not in the file: reading it anew makes another list.
    lists[0].cell.add(None, [(&b"/c"[..], None)]).expect("a path");
    assert_eq!(before.eval(&path("/c")), Verdict::True);
    let (anew, _) = condition(&store, "/a\n", &words);
    assert!(before != anew);
    assert_eq!(anew.eval(&path("/c")), Verdict::False);
    assert_eq!(anew.eval(&path("/x")), Verdict::True);
}

#[test]
fn names_of_hosts_can_be_taken_away() {
    let store = Arc::default();
    let (condition, lists) =
        condition(&store, "host\n10.2.0.0/16\n", &["{", "src", "-f", "f", "}"]);
    let mut session = path("/");
    session.src = Some(([10, 1, 1, 1], 1).into());
    assert_eq!(condition.eval(&session), Verdict::True);
    lists[0].cell.delete(PatternKey::Key(b"host")).expect("there");
    assert_eq!(condition.eval(&session), Verdict::False);
    assert!(lists[0].cell.add(None, [(&b"host"[..], None)]).is_err());
}

#[test]
fn values_and_patterns_are_checked_by_everything_that_looks_them_up() {
    let store = Arc::default();
    let (_map, lists) = expression(&store, "5 6\n", "path,map_int_int(f)").expect("an expression");
    let cell = &lists[0].cell;
    let add = |key: &str, value: &str| cell.add(None, [(key.as_bytes(), Some(value.as_bytes()))]);
    assert!(matches!(add("x", "1"), Err(PatternError::Pattern { .. })));
    assert_eq!(add("7", "x"), Err(PatternError::Value("x".to_owned())));
    assert_eq!(cell.set(PatternKey::Key(b"5"), b"y"), Err(PatternError::Value("y".to_owned())));
    assert_eq!(cell.entries(None).len(), 1);
    let refused = expression(&store, "5 6\n7 x\n", "path,map_int_int(f)").err();
    assert_eq!(refused.as_deref(), Some("'map_int_int': 'f' line 2: value 'x' is invalid"));
}

#[derive(Clone, Debug)]
enum Step {
    Add(String),
    Delete(String),
    Clear,
    /// These instead, by a version.
    Replace(Vec<String>),
}

fn step() -> impl Strategy<Value = Step> {
    let key = "/[abAB]{0,3}";
    prop_oneof![
        6 => key.prop_map(Step::Add),
        3 => key.prop_map(Step::Delete),
        1 => Just(Step::Clear),
        1 => prop::collection::vec(key, 0..12).prop_map(Step::Replace),
    ]
}

proptest! {
    #[test]
    fn what_is_found_is_what_a_list_read_anew_finds(
        start in prop::collection::vec("/[abAB]{0,3}", 0..12),
        steps in prop::collection::vec(step(), 0..40),
        asked in prop::collection::vec("/[abAB]{0,4}", 1..12),
        how in prop::sample::select(vec!["str", "beg", "end", "sub", "dir"]),
        fold in any::<bool>(),
    ) {
        let mut words = vec!["{", "path", "-m", how];
        words.extend(fold.then_some("-i"));
        words.extend(["-f", "f", "}"]);
        let (test, lists) = condition(&Arc::default(), &start.join("\n"), &words);
        let cell = &lists[0].cell;
        let mut model = start;
        for step in steps {
            match step {
                Step::Add(key) => {
                    prop_assert_eq!(cell.add(None, [(key.as_bytes(), None)]), Ok(()));
                    model.push(key);
                }
                Step::Delete(key) => {
                    let done = cell.delete(PatternKey::Key(key.as_bytes()));
                    prop_assert_eq!(done.is_ok(), model.contains(&key));
                    model.retain(|known| *known != key);
                }
                Step::Clear => {
                    cell.clear(None);
                    model.clear();
                }
                Step::Replace(keys) => {
                    let version = cell.prepare();
                    let entries = keys.iter().map(|key| (key.as_bytes(), None));
                    prop_assert_eq!(cell.add(Some(version), entries), Ok(()));
                    prop_assert_eq!(cell.commit(version), Ok(()));
                    model = keys;
                }
            }
        }
        let shown: Vec<String> = cell
            .entries(None)
            .iter()
            .map(|e| String::from_utf8_lossy(&e.key).into_owned())
            .collect();
        prop_assert_eq!(&shown, &model);
        let (anew, _) = condition(&Arc::default(), &model.join("\n"), &words);
        for target in asked {
            let session = path(&target);
            prop_assert_eq!(test.eval(&session), anew.eval(&session), "{}", target);
        }
    }
}
