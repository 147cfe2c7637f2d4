//! Where containers are reached from where the balancer stands.

use super::*;

fn lone(name: &str, networks: Vec<Network>) -> Container {
    let labels = [("evenkeel.host", "a.test")];
    Container { networks, ..container(name, "10.9.9.9", &labels, &[]) }
}

/// The balancer in a container on `p_default`, whose gateway leads to its machine.
fn contained(container: Container) -> Vec<Observation> {
    let mut list = seen(vec![container]);
    let mut mine = network("p_default", "10.0.0.250");
    mine.ipv6 = Some(ip("fd00::250"));
    mine.gateway = Some(ip("10.0.0.254"));
    list[0].own = Some(OwnContainer {
        id: "self".into(),
        project: None,
        service: None,
        networks: vec![mine],
        host_network: false,
    });
    list
}

/// Address of the only server, or why there is none.
fn place(observations: &[Observation]) -> String {
    let survey = anew(&Config::default(), observations, &Options::default());
    let seat = &survey.seats[0];
    match seat.servers.first() {
        Some((_, _, address)) => address.clone(),
        None => format!("{:?}", seat.standing),
    }
}

#[test]
fn the_host_network_is_reached_at_the_host() {
    let mut c = lone("a_1", vec![]);
    c.host_network = true;
    assert_eq!(place(&contained(c.clone())), "10.0.0.254:80");
    assert_eq!(place(&seen(vec![c.clone()])), "127.0.0.1:80");
    let mut far = seen(vec![c.clone()]);
    far[0].machine = Some(ip("192.0.2.7"));
    assert_eq!(place(&far), "192.0.2.7:80");
    let mut alone = contained(c);
    alone[0].own.as_mut().expect("own").networks[0].gateway = None;
    assert!(place(&alone).contains("name the host's address with the label evenkeel.address"));
}

#[test]
fn without_a_shared_network_the_published_port_is_used() {
    let mut c = lone("a_1", vec![network("other", "10.1.0.1")]);
    let reason = place(&contained(c.clone()));
    let said = "it shares no network with the balancer (it is on other, the balancer on \
                p_default), and it publishes no port";
    assert!(reason.contains(said), "{reason}");
    c.published = vec![(80, ip("0.0.0.0"), 32768), (80, ip("::"), 32768)];
    assert_eq!(place(&contained(c.clone())), "10.0.0.254:32768");
    assert_eq!(place(&seen(vec![c.clone()])), "10.1.0.1:80", "on this machine");
    let mut far = seen(vec![c.clone()]);
    far[0].machine = Some(ip("2001:db8::7"));
    assert_eq!(place(&far), "[2001:db8::7]:32768");
    c.published = vec![(80, ip("127.0.0.1"), 8080)];
    assert!(place(&contained(c.clone())).contains("out of reach"));
    c.networks.clear();
    assert_eq!(place(&seen(vec![c.clone()])), "127.0.0.1:8080");
    c.published = vec![(90, ip("0.0.0.0"), 8090)];
    assert!(place(&contained(c)).contains("its port 80 is not published"));
}

#[test]
fn a_shared_network_gives_an_address_of_a_family_that_both_have() {
    let six = Network { ipv4: None, ipv6: Some(ip("fd00::1")), ..network("p_default", "10.0.0.1") };
    assert_eq!(place(&contained(lone("a_1", vec![six.clone()]))), "[fd00::1]:80");
    let mut only_four = contained(lone("a_1", vec![six]));
    only_four[0].own.as_mut().expect("own").networks[0].ipv6 = None;
    assert!(place(&only_four).contains("shares no network"));
}

#[test]
fn a_network_of_several_engines_is_shared_with_the_container_that_we_run_in() {
    let mut all = contained(lone("a_1", vec![network("other", "10.1.0.1")]));
    let own = all[0].own.as_mut().expect("own");
    own.networks.push(network("overlay", "10.5.0.250"));
    let mut far = seen(vec![lone("b_1", vec![network("overlay", "10.5.0.2")])]);
    far[0].provider = "docker:far".into();
    far[0].machine = Some(ip("192.0.2.7"));
    all[0].containers.clear();
    all.extend(far);
    assert_eq!(place(&all), "10.5.0.2:80");
}

#[test]
fn a_label_says_where_a_container_is_reached() {
    let mut c = lone("a_1", vec![network("p_default", "10.0.0.1")]);
    c.labels.insert("evenkeel.address".into(), "192.0.2.9".into());
    assert_eq!(place(&contained(c.clone())), "192.0.2.9:80");
    c.labels.insert("evenkeel.address".into(), "published".into());
    c.published = vec![(80, ip("0.0.0.0"), 8080)];
    assert_eq!(place(&contained(c.clone())), "10.0.0.254:8080");
    c.labels.insert("evenkeel.address".into(), "10.0.0.".into());
    assert!(place(&contained(c)).contains("is neither an address nor 'published'"));
}
