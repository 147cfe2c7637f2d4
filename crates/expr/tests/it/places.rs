//! Every fetch against HAProxy's list: its type, and the places that may use it.
use evenkeel_expr::{Place, Type, fetch_aliases, fetches};

/// The columns of the list. Rules on bodies have no place of their own here.
const COLUMNS: [Option<Place>; 22] = [
    Some(Place::CONNECTION),
    Some(Place::SESSION),
    Some(Place::FE_REQUEST_CONTENT),
    Some(Place::FE_HTTP_REQUEST),
    None,
    Some(Place::USE_BACKEND),
    Some(Place::BE_REQUEST_CONTENT),
    Some(Place::BE_HTTP_REQUEST),
    None,
    Some(Place::USE_SERVER),
    Some(Place::CONNECT),
    Some(Place::BE_RESPONSE_CONTENT),
    Some(Place::BE_HTTP_RESPONSE),
    None,
    Some(Place::STICK_STORE),
    Some(Place::FE_RESPONSE_CONTENT),
    Some(Place::FE_HTTP_RESPONSE),
    None,
    Some(Place::LOG),
    Some(Place::CHECK),
    Some(Place::STARTUP),
    Some(Place::CLI),
];

fn type_name(output: Type) -> &'static str {
    output.name()
}

#[test]
fn every_fetch_of_haproxy_is_known_with_its_type_and_places() {
    let mut wrong = Vec::new();
    let mut known = 0;
    for line in include_str!("golden/places.txt").lines().filter(|line| !line.starts_with('#')) {
        let mut words = line.split(' ');
        let mut next = || words.next().expect("three columns");
        let (name, output, places) = (next(), next(), next());
        let alias = fetch_aliases().find(|(alias, _)| *alias == name);
        // `hdr` and its kin mean either message; what they stand for is in the list itself.
        if ["hdr", "cookie", "payload", "payload_lv"].contains(&name) {
            continue;
        }
        let modern = alias.map_or(name, |(_, modern)| modern);
        let Some(fetch) = fetches().find(|fetch| fetch.name == modern) else {
            wrong.push(format!("{name}: unknown"));
            continue;
        };
        known += 1;
        if type_name(fetch.output) != output {
            wrong.push(format!("{name}: {} instead of {output}", type_name(fetch.output)));
        }
        for (column, (place, mark)) in COLUMNS.iter().zip(places.chars()).enumerate() {
            if place.is_some_and(|place| place.offers(fetch.need) != (mark == 'x')) {
                wrong.push(format!("{name}: place {column} should be {mark}"));
            }
        }
    }
    assert!(known > 500);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn names_are_unique() {
    let mut names: Vec<&str> = fetches().map(|fetch| fetch.name).collect();
    names.extend(fetch_aliases().map(|(alias, _)| alias));
    names.sort_unstable();
    let twice: Vec<_> = names.windows(2).filter(|pair| pair[0] == pair[1]).collect();
    assert!(twice.is_empty(), "{twice:?}");
}
