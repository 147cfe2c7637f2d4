//! The statistics page inside of a session: what it reads and what it leaves to the next request.

use e2e::client::{PATIENCE, Socket};
use e2e::http::Reader;
use e2e::ports::Address;
use e2e::scenario::application::Application;
use e2e::scenario::balancer::{Balancer, DEFAULTS, ask, body};
use std::io::Write;
use std::time::Duration;

#[test]
fn after_an_action_the_connection_goes_on() {
    let one = Application::start("one", Duration::ZERO).expect("loopback has free ports");
    let balancer = Balancer::start(|address| {
        format!(
            "{DEFAULTS}listen apps\n    bind {address}\n    stats uri /stats\n    \
             stats admin if TRUE\n    server one {}\n",
            one.address
        )
    })
    .unwrap();
    let socket = Socket::connect(&Address::Tcp(balancer.address), None).expect("it listens");
    let mut reader = Reader::new(socket, PATIENCE);
    let form = "s=one&action=drain&b=apps";
    let post = format!(
        "POST /stats HTTP/1.1\r\nHost: {0}\r\nOrigin: http://{0}\r\nContent-Length: {1}\r\n\r\n\
         {form}",
        balancer.address,
        form.len()
    );
    reader.socket.write_all(post.as_bytes()).expect("sent");
    let head = reader.head().expect("an answer");
    let answer = reader.response_body(head, "POST");
    assert_eq!(answer.head.word(1), "303", "{answer:?}");
    let table = ask(&mut reader, "/stats;csv", "").expect("the same connection");
    assert_eq!(table.head.word(1), "200", "{table:?}");
    let table = body(&table);
    let line = table.lines().find(|l| l.starts_with("apps,one,")).unwrap_or_default();
    assert!(line.contains(",DRAIN,"), "{table}");
}
