//! The Docker provider beside an engine that breaks in every way: what was seen last stays, and a
//! complete list follows each gap.

use e2e::engine::{Container, Engine, Manner};
use evenkeel_discovery::docker::{Endpoint, Followed, Settings, run};
use model::observed::{Freshness, Observation};
use std::time::Duration;
use tokio::sync::mpsc;

const SOON: Duration = Duration::from_secs(60);
/// How long the engine may take for an answer here.
const PATIENCE: Duration = Duration::from_secs(1);

/// Runs a scenario with an engine and what the provider tells of it.
fn with_engine(scenario: impl AsyncFnOnce(&Engine, &mut Told)) {
    watch(&Engine::start(), &Followed::default(), scenario);
}

/// The same, where these nodes of its Swarm are followed by themselves.
fn with_engine_among(followed: &Followed, scenario: impl AsyncFnOnce(&Engine, &mut Told)) {
    watch(&Engine::start(), followed, scenario);
}

fn watch(engine: &Engine, followed: &Followed, scenario: impl AsyncFnOnce(&Engine, &mut Told)) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.expect("a runtime");
    runtime.block_on(async {
        let (send, receive) = mpsc::channel(4);
        let endpoint = Endpoint::parse(&engine.host(), None).expect("an endpoint");
        let settings = Settings {
            endpoint,
            own_candidates: vec!["self".repeat(4)],
            own_addresses: vec![],
            followed: followed.clone(),
            poll: Duration::from_millis(50),
            patience: PATIENCE,
            seed: 7,
        };
        let provider = tokio::spawn(run(settings, send));
        scenario(engine, &mut Told(receive)).await;
        provider.abort();
    });
}

struct Told(mpsc::Receiver<Observation>);

impl Told {
    /// Waits for an observation that is as wanted.
    async fn until(&mut self, wanted: impl Fn(&Observation) -> bool) -> Observation {
        let wait = async {
            loop {
                let seen = self.0.recv().await.expect("the provider lives");
                if wanted(&seen) {
                    return seen;
                }
            }
        };
        tokio::time::timeout(SOON, wait).await.expect("told in time")
    }

    /// Waits for a complete view with exactly these containers.
    async fn until_fresh(&mut self, ids: &[&str]) -> Observation {
        self.until(|o| matches!(o.freshness, Freshness::Fresh(_)) && names(o) == ids).await
    }
}

fn names(observation: &Observation) -> Vec<&str> {
    observation.containers.iter().map(|c| &*c.id).collect()
}

#[test]
fn events_change_what_is_seen_and_no_newer_version_is_asked_for() {
    with_engine(async |engine, told| {
        engine.put(Container::new("a"));
        told.until_fresh(&["a"]).await;
        engine.put(Container::new("b"));
        engine.event("b", "start", "");
        told.until_fresh(&["a", "b"]).await;
        engine.event("a", "kill", r#","signal":"15""#);
        told.until(|o| o.containers.iter().any(|c| &*c.id == "a" && c.stopping)).await;
        engine.remove("a");
        engine.event("a", "destroy", "");
        told.until_fresh(&["b"]).await;
        // Before it has said its version nothing else is asked.
        let asked = engine.asked();
        let (first, others) = asked.split_first().expect("it was asked");
        assert!(first.ends_with("/version"), "{asked:?}");
        let agreed = others.iter().filter(|p| p.starts_with("/v1.24/")).count();
        assert!(agreed == others.len() && agreed >= 4, "{asked:?}");
    });
}

#[test]
fn what_happens_during_a_gap_is_seen_after_it() {
    with_engine(async |engine, told| {
        engine.put(Container::new("a"));
        engine.put(Container::new("b"));
        told.until_fresh(&["a", "b"]).await;
        for cut in ["", r#"{"Type":"container","Acti"#] {
            engine.set(Manner::Refusing);
            engine.cut(cut);
            let stale = told.until(|o| matches!(o.freshness, Freshness::Stale { .. })).await;
            assert_eq!(stale.containers.len(), 2, "nothing is emptied");
            engine.remove("a");
            engine.put(Container::new("c"));
            engine.set(Manner::Good);
            told.until_fresh(&["b", "c"]).await;
            engine.remove("c");
            engine.put(Container::new("a"));
            engine.event("a", "start", "");
            engine.event("c", "destroy", "");
            told.until_fresh(&["a", "b"]).await;
        }
    });
}

/// What is told of an engine that cannot be used, and which is as it should be in the end.
fn told_of(manner: Manner, words: &[&str]) {
    with_engine(async |engine, told| {
        engine.set(manner);
        engine.put(Container::new("a"));
        let blind = told.until(|o| matches!(o.freshness, Freshness::Blind(_))).await;
        assert_eq!(blind.containers, []);
        let Freshness::Blind(reason) = &blind.freshness else { return };
        let line = words.iter().all(|word| reason.contains(word)) && !reason.contains('\n');
        assert!(line, "{manner:?}: {reason}");
        engine.set(Manner::Good);
        told.until_fresh(&["a"]).await;
        engine.set(manner);
        engine.cut("");
        let stale = told.until(|o| matches!(o.freshness, Freshness::Stale { .. })).await;
        assert_eq!(names(&stale), ["a"], "the last good set goes on");
        engine.put(Container::new("b"));
        engine.set(Manner::Good);
        told.until_fresh(&["a", "b"]).await;
    });
}

#[test]
fn an_engine_that_answers_nonsense_is_asked_again_until_it_makes_sense() {
    told_of(Manner::Failing, &["500", "out of order", "see the engine's own log"]);
    told_of(Manner::Garbage, &["that is no Docker API"]);
    told_of(Manner::Nonsense, &[]);
    told_of(Manner::Refusing, &[]);
}

#[test]
fn an_engine_that_never_answers_is_given_up_and_asked_again() {
    for manner in [Manner::Silent, Manner::EndlessHead, Manner::EndlessBody] {
        told_of(manner, &["does not answer in time", "docker ps"]);
    }
}

#[test]
fn an_engine_that_is_too_old_is_told_with_the_remedy() {
    told_of(Manner::TooOld, &["up to version 1.23", "from 1.24 on", "use a newer engine"]);
}

#[test]
fn a_refused_version_and_a_guard_are_told_with_the_remedy() {
    told_of(Manner::TooNew, &["too old", "use a newer evenkeel"]);
    told_of(Manner::Forbidding, &["403", "/containers/json", "evenkeel agent"]);
}

#[test]
fn an_engine_that_falls_silent_is_away() {
    with_engine(async |engine, told| {
        engine.put(Container::new("a"));
        told.until_fresh(&["a"]).await;
        // Its event stream stays open.
        engine.set(Manner::Silent);
        let stale = told.until(|o| matches!(o.freshness, Freshness::Stale { .. })).await;
        assert_eq!(names(&stale), ["a"]);
        engine.remove("a");
        engine.put(Container::new("b"));
        engine.set(Manner::Good);
        told.until_fresh(&["b"]).await;
    });
}

#[test]
fn a_slow_engine_is_waited_for() {
    with_engine(async |engine, told| {
        engine.set(Manner::Slow(PATIENCE / 2));
        engine.put(Container::new("a"));
        told.until_fresh(&["a"]).await;
        engine.run(Container::new("b"));
        told.until_fresh(&["a", "b"]).await;
        engine.event("a", "kill", r#","signal":"15""#);
        told.until(|o| o.containers.iter().any(|c| &*c.id == "a" && c.stopping)).await;
    });
}

#[test]
fn events_that_are_no_json_cost_a_new_listing_and_nothing_else() {
    with_engine(async |engine, told| {
        engine.set(Manner::GarbledEvents);
        engine.put(Container::new("a"));
        told.until(|o| names(o) == ["a"]).await;
        engine.put(Container::new("b"));
        let seen = told.until(|o| names(o) == ["a", "b"]).await;
        assert_eq!(seen.containers.len(), 2);
        engine.set(Manner::Good);
        // What was told last may have been complete already: only something new is told again.
        engine.run(Container::new("c"));
        told.until_fresh(&["a", "b", "c"]).await;
    });
}

#[test]
fn a_container_that_the_engine_cannot_describe_hides_no_other() {
    let broken = |status, body: &[u8]| Container {
        instead: Some((status, body.to_vec())),
        ..Container::new("broken")
    };
    for (status, body) in [
        (500, &br#"{"message":"cannot be read"}"#[..]),
        (200, b"{\"Id\":\"broken\",\"Config\":{\"Labels\":{\"a\":\"\xff\xfe\"}}}"),
        (200, b"{\"Id\":7}"),
        (200, b"{}"),
        (200, b"{\"Id\":\"broken\""),
    ] {
        with_engine(async |engine, told| {
            engine.put(Container::new("a"));
            engine.put(broken(status, body));
            engine.put(Container::new("c"));
            let seen = told.until_fresh(&["a", "c"]).await;
            let named: Vec<&str> = seen.unreadable.iter().map(|u| &*u.name).collect();
            assert_eq!(named, ["broken"]);
            // It is looked at again by itself, without an event.
            engine.put(Container::new("broken"));
            let seen = told.until_fresh(&["a", "broken", "c"]).await;
            assert_eq!(seen.unreadable, []);
            // What was known of it stays.
            engine.run(broken(status, body));
            let seen = told.until(|o| !o.unreadable.is_empty()).await;
            assert_eq!(names(&seen), ["a", "broken", "c"]);
            engine.remove("broken");
            engine.event("broken", "destroy", "");
            let seen = told.until_fresh(&["a", "c"]).await;
            assert_eq!(seen.unreadable, []);
        });
    }
}

#[test]
fn an_engine_that_is_not_there_yet_is_waited_for() {
    let engine = Engine::absent();
    watch(&engine, &Followed::default(), async |engine, told| {
        let blind = told.until(|o| matches!(o.freshness, Freshness::Blind(_))).await;
        let Freshness::Blind(reason) = &blind.freshness else { return };
        let path = engine.path().display().to_string();
        let mount = format!("mount it (-v {path}:{path})");
        assert!(reason.starts_with("there is no socket") && reason.contains(&mount), "{reason}");
        engine.put(Container::new("a"));
        engine.show();
        told.until_fresh(&["a"]).await;
    });
}

#[test]
fn a_socket_nobody_listens_on_and_a_folder_in_its_place_are_told_apart() {
    let engine = Engine::absent();
    drop(std::os::unix::net::UnixListener::bind(engine.path()).expect("a socket"));
    watch(&engine, &Followed::default(), async |engine, told| {
        let stale = |o: &Observation, word: &str| match &o.freshness {
            Freshness::Blind(reason) => reason.contains(word),
            _ => false,
        };
        told.until(|o| stale(o, "nobody listens on") && stale(o, "mount its folder")).await;
        engine.hide();
        std::fs::create_dir(engine.path()).expect("a folder");
        told.until(|o| stale(o, "is a folder")).await;
        std::fs::remove_dir(engine.path()).expect("the folder");
        engine.put(Container::new("a"));
        engine.show();
        told.until_fresh(&["a"]).await;
    });
}

#[test]
fn a_socket_that_vanishes_and_comes_back_is_found_again() {
    with_engine(async |engine, told| {
        engine.put(Container::new("a"));
        told.until_fresh(&["a"]).await;
        engine.hide();
        engine.cut("");
        told.until(|o| matches!(o.freshness, Freshness::Stale { .. })).await;
        engine.put(Container::new("b"));
        engine.show();
        told.until_fresh(&["a", "b"]).await;
    });
}

/// Tasks that the manager tells of.
fn tasks(observation: &Observation) -> Vec<&str> {
    let swarm = observation.swarm.as_ref();
    swarm.map_or(Vec::new(), |s| s.tasks.iter().map(|t| &*t.container.id).collect())
}

#[test]
fn tasks_of_other_nodes_are_looked_at_and_told_when_they_change() {
    with_engine(async |engine, told| {
        engine.put(Container::new("x"));
        engine.lead(&[("t1", "a", "10.0.1.1"), ("t2", "b", "10.0.1.2")]);
        let seen = told.until(|o| tasks(o) == ["t2"]).await;
        assert_eq!(names(&seen), ["x"], "containers are told together with the Swarm");
        assert!(seen.node.is_some_and(|n| n.manager && &*n.id == "a"));
        let looks =
            |engine: &Engine| engine.asked().iter().filter(|p| p.contains("/tasks")).count();
        // Tasks of its own node, and answers that are the same, are not told.
        engine.lead(&[("t9", "a", "10.0.1.9"), ("t2", "b", "10.0.1.2")]);
        let before = looks(engine);
        while looks(engine) < before + 3 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        assert!(told.0.is_empty(), "nothing that matters has changed");
        engine.lead(&[("t2", "b", "10.0.1.2"), ("t3", "b", "10.0.1.3")]);
        told.until(|o| tasks(o) == ["t2", "t3"]).await;
        // A manager that cannot answer keeps what it said, and says so.
        engine.set(Manner::Failing);
        let mute = told.until(|o| o.swarm.as_ref().is_some_and(|s| s.fault.is_some())).await;
        assert_eq!(tasks(&mute), ["t2", "t3"]);
        engine.lead(&[("t3", "b", "10.0.1.3")]);
        engine.set(Manner::Good);
        told.until(|o| o.swarm.as_ref().is_some_and(|s| s.fault.is_none()) && tasks(o) == ["t3"])
            .await;
    });
}

#[test]
fn where_every_node_is_followed_no_tasks_are_asked_for() {
    let followed = Followed::default();
    let mut other = Some(followed.follow("b".into()));
    with_engine_among(&followed, async |engine, told| {
        engine.lead(&[("t2", "b", "10.0.1.2")]);
        let seen = told.until(|o| o.swarm.is_some()).await;
        assert_eq!(tasks(&seen), [""; 0]);
        // Ten times as long as between two looks.
        tokio::time::sleep(Duration::from_millis(500)).await;
        let asked = engine.asked();
        assert!(!asked.iter().any(|p| p.contains("/tasks")), "{asked:?}");
        drop(other.take());
        told.until(|o| tasks(o) == ["t2"]).await;
    });
}

#[test]
fn an_engine_that_becomes_a_manager_is_asked_anew() {
    with_engine(async |engine, told| {
        engine.put(Container::new("x"));
        let seen = told.until_fresh(&["x"]).await;
        assert_eq!((seen.node, seen.swarm), (None, None));
        engine.lead(&[("t1", "b", "10.0.1.1")]);
        engine.event_of("node", "a", "update", "");
        told.until(|o| tasks(o) == ["t1"]).await;
    });
}
