//! Fleets: who is usable, who comes next, what survives a change; and queues against a model.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use model::{AdminReason, Algorithm, HashFunction, HashMethod, HashType, Operational};
use proptest::prelude::*;

use crate::testing::{backend, check};
use crate::{Fleet, Key, Pick, PickRequest, Queues};

fn picks(fleet: &Fleet, n: usize, now_ms: u64) -> String {
    let one = |random: u64| match fleet.pick(&PickRequest { now_ms, random, ..Default::default() })
    {
        Pick::Server(i) => fleet.members()[i].config.name.to_string(),
        Pick::Saturated => "*".into(),
        Pick::NoServer => "-".into(),
    };
    (0..n as u64).map(|r| one(r.wrapping_mul(0x9E37_79B9_7F4A_7C15))).collect()
}

#[test]
fn backups_stand_in_one_or_all() {
    let of = |all| {
        let b = backend(4, |b, s| {
            b.allbackups = all;
            s[2].backup = true;
            s[3].backup = true;
        });
        Fleet::new(b, None, 0)
    };
    let fleet = of(false);
    assert_eq!(picks(&fleet, 4, 0), "abab");
    fleet.members()[0].state.set_operational(Operational::Down, 0);
    assert_eq!(picks(&fleet, 3, 0), "bbb");
    fleet.members()[1].state.add_admin(AdminReason::RuntimeDrain, 0);
    assert_eq!(picks(&fleet, 3, 0), "ccc");
    let fleet = of(true);
    for m in &fleet.members()[..2] {
        m.state.set_weight(0);
    }
    assert_eq!(picks(&fleet, 4, 0), "cdcd");
    for m in &fleet.members()[2..] {
        m.state.add_admin(AdminReason::ConfigMaint, 0);
    }
    assert_eq!(picks(&fleet, 2, 0), "--");
}

#[test]
fn limits_saturate() {
    let b = backend(2, |_, s| s.iter_mut().for_each(|s| s.maxconn = Some(1)));
    let fleet = Fleet::new(b, None, 0);
    assert!(fleet.take(0, 0) && !fleet.take(0, 0));
    assert_eq!(picks(&fleet, 2, 0), "bb");
    assert!(fleet.take(1, 0));
    assert_eq!(picks(&fleet, 1, 0), "*");
    fleet.give_back(&fleet.members()[0].state);
    assert_eq!(picks(&fleet, 1, 0), "a");
    assert_eq!(fleet.shared().served(), 1);
}

#[test]
fn the_limit_grows_with_the_load() {
    let b = backend(1, |b, s| {
        b.fullconn = Some(1000);
        s[0].minconn = Some(10);
        s[0].maxconn = Some(100);
    });
    let fleet = Fleet::new(Arc::clone(&b), None, 0);
    let config = &fleet.members()[0].config;
    let limit = |load| fleet.members()[0].state.limit(config, load, b.fullconn, 0);
    assert_eq!([limit(0), limit(500), limit(1000), limit(5000)], [10, 50, 100, 100].map(Some));
}

#[test]
fn a_change_keeps_states_and_the_turn() {
    let first = Fleet::new(backend(5, |_, _| {}), None, 0);
    assert_eq!(picks(&first, 7, 0), "abcdeab");
    let kept = Arc::clone(&first.members()[3].state);
    let second = Fleet::new(
        backend(6, |_, s| {
            s.remove(2);
        }),
        Some(&first),
        0,
    );
    assert!(Arc::ptr_eq(&kept, &second.members()[2].state));
    assert_eq!(picks(&second, 10, 0), "deabfdeabf");
}

#[test]
fn names_addresses_and_identities() {
    let first = Fleet::new(backend(3, |_, _| {}), None, 0);
    first.members()[1].state.set_operational(Operational::Down, 0);
    let second = Fleet::new(
        backend(3, |_, s| {
            s[0].name = "renamed".into();
            s[0].identity = model::ServerIdentity::Named("renamed".into());
            s[1].port = model::Port::Fixed(9);
        }),
        Some(&first),
        0,
    );
    let same = |i: usize| Arc::ptr_eq(&first.members()[i].state, &second.members()[i].state);
    assert!(same(0), "same address under another name");
    assert!(!same(1), "another address is another server");
    assert!(same(2));
    assert_eq!(second.members()[1].state.operational(), Operational::Running);
    let container = |started_ns| model::ServerIdentity::Container {
        provider: "docker".into(),
        id: "c".into(),
        started_ns,
    };
    let with = |n, before| Fleet::new(backend(1, |_, s| s[0].identity = container(n)), before, 0);
    let old = with(1, None);
    let again = with(1, Some(&old));
    let restarted = with(2, Some(&again));
    assert!(Arc::ptr_eq(&old.members()[0].state, &again.members()[0].state));
    assert!(!Arc::ptr_eq(&old.members()[0].state, &restarted.members()[0].state));
}

#[test]
fn maintenance_follows_the_file_and_keeps_what_was_asked_at_run_time() {
    let disabled = |yes| backend(1, |_, s| s[0].disabled = yes);
    let a = Fleet::new(disabled(true), None, 0);
    assert_eq!(picks(&a, 1, 0), "-");
    a.members()[0].state.add_admin(AdminReason::RuntimeDrain, 0);
    let b = Fleet::new(disabled(false), Some(&a), 0);
    assert_eq!(b.members()[0].state.admin().0, AdminReason::RuntimeDrain as u8);
}

#[test]
fn a_server_that_begins_as_down_waits_for_its_check_again_after_maintenance() {
    let down = |disabled| {
        backend(1, |_, s| {
            s[0].disabled = disabled;
            s[0].check = Some(Box::new(check(model::InitState::Down)));
        })
    };
    let a = Fleet::new(down(false), None, 0);
    assert_eq!(picks(&a, 1, 0), "-");
    a.members()[0].state.set_operational(Operational::Running, 0);
    assert_eq!(picks(&a, 1, 0), "a");
    let b = Fleet::new(down(true), Some(&a), 0);
    let c = Fleet::new(down(false), Some(&b), 0);
    assert_eq!(picks(&c, 1, 0), "-");
}

#[test]
fn a_slow_start_rises_in_steps() {
    let b = backend(2, |_, s| s[1].slowstart = Some(Duration::from_secs(100)));
    let fleet = Fleet::new(b, None, 0);
    assert_eq!(picks(&fleet, 4, 0), "abab", "none at the start of the process");
    let state = &fleet.members()[1].state;
    state.set_operational(Operational::Down, 0);
    state.set_operational(Operational::Running, 0);
    assert_eq!(state.operational(), Operational::Starting);
    let share = |now| picks(&fleet, 1700, now).matches('b').count();
    let (start, half, end) = (share(0), share(50_000), share(100_000));
    assert!((95..=105).contains(&start), "one sixteenth of the weight: {start}");
    assert!((560..=570).contains(&half), "half of the weight: {half}");
    assert!((849..=851).contains(&end), "the whole weight: {end}");
    assert_eq!(state.operational(), Operational::Running);
}

#[test]
fn redispatch_avoids_the_failed_server() {
    for algorithm in [Algorithm::RoundRobin, Algorithm::LeastConn, Algorithm::Source] {
        let fleet = Fleet::new(backend(2, |b, _| b.algorithm = algorithm), None, 0);
        let request = PickRequest { key: Some(Key::Hash(0)), avoid: Some(0), ..Default::default() };
        assert_eq!(fleet.pick(&request), Pick::Server(1));
        fleet.members()[1].state.set_operational(Operational::Down, 0);
        assert_eq!(fleet.pick(&request), Pick::Server(0), "the only one left");
    }
}

#[test]
fn a_hash_leads_to_a_full_server_too() {
    let b = backend(2, |b, s| {
        b.algorithm = Algorithm::Source;
        s[0].maxconn = Some(1);
    });
    let fleet = Fleet::new(b, None, 0);
    assert!(fleet.take(0, 0));
    let request = PickRequest { key: Some(Key::Hash(0)), ..Default::default() };
    assert_eq!(fleet.pick(&request), Pick::Server(0));
}

#[test]
fn leastconn_prefers_the_idle_and_respects_weights() {
    let b = backend(3, |b, s| {
        b.algorithm = Algorithm::LeastConn;
        s[2].weight = 4;
    });
    let fleet = Fleet::new(b, None, 0);
    for n in 0..60u64 {
        let random = n.wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let Pick::Server(i) = fleet.pick(&PickRequest { random, ..Default::default() }) else {
            panic!("somebody is free");
        };
        assert!(fleet.take(i, 0));
    }
    let served: Vec<_> = fleet.members().iter().map(|m| m.state.served()).collect();
    assert_eq!(served, [10, 10, 40]);
}

#[test]
fn the_balance_factor_bounds_the_load() {
    let b = backend(4, |b, _| {
        b.algorithm = Algorithm::Source;
        b.hash_type = HashType {
            method: HashMethod::Consistent,
            function: HashFunction::Sdbm,
            avalanche: None,
        };
        b.hash_balance_factor = 150;
    });
    let fleet = Fleet::new(b, None, 0);
    for _ in 0..40 {
        let request = PickRequest { key: Some(Key::Hash(7)), ..Default::default() };
        let Pick::Server(i) = fleet.pick(&request) else { panic!("somebody is within bounds") };
        assert!(fleet.take(i, 0));
    }
    let most = fleet.members().iter().map(|m| m.state.served()).max();
    assert!(most <= Some(15), "{most:?}");
}

proptest! {
    /// Over a whole cycle every server gets its share; at its end one pick may stand over.
    #[test]
    fn round_robin_is_fair(weights in proptest::collection::vec(1u16..=20, 2..8)) {
        let b = backend(weights.len() as u32, |_, s| {
            s.iter_mut().zip(&weights).for_each(|(s, w)| s.weight = *w);
        });
        let fleet = Fleet::new(b, None, 0);
        let total: usize = weights.iter().map(|w| usize::from(*w)).sum();
        let sequence = picks(&fleet, total * 16, 0);
        for (i, weight) in weights.iter().enumerate() {
            let letter = char::from(b'a' + i as u8);
            let share = usize::from(*weight) * 16;
            prop_assert!(sequence.matches(letter).count().abs_diff(share) <= 1);
        }
    }

    /// Servers that come and go never make a server wait for longer than everybody's turn.
    #[test]
    fn nobody_starves_while_the_fleet_changes(
        changes in proptest::collection::vec((0usize..6, any::<bool>(), 1usize..12), 1..20),
    ) {
        let fleet = Fleet::new(backend(6, |_, _| {}), None, 0);
        for (index, up, n) in changes {
            let to = if up { Operational::Running } else { Operational::Down };
            fleet.members()[index].state.set_operational(to, 0);
            let usable = fleet.usable_count(0);
            picks(&fleet, n, 0);
            if usable > 0 {
                let seen: std::collections::BTreeSet<char> =
                    picks(&fleet, usable * 3, 0).chars().collect();
                prop_assert_eq!(seen.len(), usable);
            }
        }
    }

    /// The queues behave like plain lists.
    #[test]
    fn queues_behave_like_lists(
        steps in proptest::collection::vec((0u8..6, 0usize..2, -1i16..2), 1..200),
    ) {
        let b = backend(2, |_, s| s.iter_mut().for_each(|s| s.maxconn = Some(2)));
        let fleet = Fleet::new(b, None, 0);
        let mut queues = Queues::default();
        let mut model: BTreeMap<(i16, u32), Option<usize>> = BTreeMap::new();
        let mut tickets = VecDeque::new();
        let mut number = 0;
        let mut free = [2u32; 2];
        for (step, server, class) in steps {
            match step {
                0 | 1 => {
                    number += 1;
                    let pinned = (step == 1).then_some(server);
                    let ticket = match pinned {
                        Some(s) => queues.wait_for(&fleet, s, class, (class, number)),
                        None => queues.wait_for_any(&fleet, class, (class, number)),
                    };
                    tickets.push_back((ticket.unwrap(), (class, number)));
                    model.insert((class, number), pinned);
                }
                2 => {
                    if let Some((ticket, id)) = tickets.pop_front() {
                        let left = queues.leave(&fleet, ticket);
                        prop_assert_eq!(left.is_some(), model.remove(&id).is_some());
                    }
                }
                3 if free[server] < 2 => {
                    fleet.give_back(&fleet.members()[server].state);
                    free[server] += 1;
                }
                4 => {
                    let uid = fleet.members()[server].state.uid();
                    let gone = queues.evict(&fleet, uid);
                    let mut expected = Vec::new();
                    model.retain(|id, pinned| {
                        if *pinned == Some(server) { expected.push(*id) }
                        *pinned != Some(server)
                    });
                    prop_assert_eq!(gone, expected);
                }
                _ => {
                    let next = queues.next(&fleet, server, 0);
                    let fits = |p: &Option<usize>| p.is_none_or(|s| s == server);
                    let wanted = model.iter().find(|(_, p)| fits(p)).map(|(id, _)| *id);
                    let expected = wanted.filter(|_| free[server] > 0);
                    prop_assert_eq!(next, expected);
                    if let Some(id) = expected {
                        model.remove(&id);
                        free[server] -= 1;
                    }
                }
            }
            prop_assert_eq!(queues.len(), model.len());
            prop_assert_eq!(fleet.anybody_waits(), !model.is_empty());
        }
    }
}

#[test]
fn full_queues_refuse() {
    let b = backend(1, |_, s| s[0].maxqueue = 1);
    let fleet = Fleet::new(b, None, 0);
    let mut queues = Queues::default();
    assert!(queues.wait_for(&fleet, 0, 0, 'a').is_ok());
    assert_eq!(queues.wait_for(&fleet, 0, 0, 'b'), Err((crate::QueueFull::MaxQueue, 'b')));
    assert_eq!(queues.wait_for(&fleet, 9, 0, 'c'), Err((crate::QueueFull::NoServer, 'c')));
    assert!(queues.wait_for_any(&fleet, 0, 'd').is_ok());
    assert_eq!(queues.evict_all_waiting_for_any(&fleet), ['d']);
    assert_eq!(fleet.members()[0].state.queued(), 1);
}
