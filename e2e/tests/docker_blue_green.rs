//! examples/blue-green on the real engine: every command of its README, with names and a port of
//! the test's own, while clients ask.

use e2e::docker::command::Run;
use e2e::docker::pool::{get, good};
use e2e::docker::scenario::expect;
use e2e::docker::{docker, engine, images, skip};
use e2e::process::Scratch;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// What the README calls what it makes.
const NAMES: [&str; 5] = ["balancer", "webapp1", "webapp2", "webapp:1", "webapp:2"];
const HOST: &str = "localhost";

/// The README's commands, block by block, and what they are to be called here.
struct Walk {
    scratch: Scratch,
    blocks: Vec<String>,
    prefix: String,
    port: u16,
}

impl Walk {
    fn new() -> Result<Self, String> {
        engine()?;
        images::ensure()?;
        let scratch = Scratch::new().map_err(|e| e.to_string())?;
        let example = images::root().join("examples/blue-green");
        let words = ["-r".as_ref(), example.as_os_str(), scratch.path.as_os_str()];
        Run::new("cp").args(&words).output()?;
        let readme =
            std::fs::read_to_string(example.join("README.md")).map_err(|e| e.to_string())?;
        let parts = readme.split("```sh\n").skip(1);
        let blocks = parts.filter_map(|p| p.split("```").next()).map(str::to_owned).collect();
        let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|l| l.local_addr());
        let port = free.map_err(|e| e.to_string())?.port();
        Ok(Self { scratch, blocks, prefix: format!("evkb{}", std::process::id()), port })
    }

    /// What a container or image of the README is called here.
    fn name(&self, name: &str) -> String {
        format!("{}-{name}", self.prefix)
    }

    fn run(&self, block: usize) -> Result<String, String> {
        let mut text = self.blocks.get(block).ok_or("the README has fewer commands")?.clone();
        text = text
            .replace("make -C ../.. image\n", "")
            .replace("-p 80:80", &format!("-p {}:80", self.port));
        text = text.replace("http://localhost/", &format!("http://localhost:{}/", self.port));
        // Servers in the file keep their names.
        let lines = text.lines().map(|line| match line.contains("docker") {
            true => NAMES.iter().fold(line.to_owned(), |line, name| {
                line.replace(&format!(" {name}"), &format!(" {}", self.name(name)))
            }),
            false => line.to_owned(),
        });
        let text = lines.collect::<Vec<_>>().join("\n");
        Run::new("sh").args(&["-euc", &text]).dir(&self.scratch.path.join("blue-green")).output()
    }
}

impl Drop for Walk {
    fn drop(&mut self) {
        let (containers, images) = NAMES.split_at(3);
        for (words, names) in [(["rm", "-f"], containers), (["rmi", "-f"], images)] {
            for name in names {
                let _ = docker(&[words[0], words[1], &self.name(name)]);
            }
        }
    }
}

#[test]
fn a_new_version_takes_the_old_ones_place_and_nobody_notices() {
    match Walk::new() {
        Ok(walk) => {
            if let Err(why) = go(&walk) {
                panic!("{why}");
            }
        }
        Err(reason) => skip(&reason),
    }
}

fn go(walk: &Walk) -> Result<(), String> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, walk.port));
    walk.run(0)?;
    let first = walk.run(1)?;
    expect(first.contains("webapp, version 1"), || first.clone())?;
    let (over, failed) = (AtomicBool::new(false), Mutex::new(Vec::new()));
    let walked = std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while !over.load(Ordering::Relaxed) {
                    if let Err(why) = get(address, HOST, "/").and_then(|m| good(&m))
                        && let Ok(mut failed) = failed.lock()
                    {
                        failed.push(why);
                    }
                    std::thread::sleep(Duration::from_millis(5));
                }
            });
        }
        let walked = walk.run(2).and_then(|_| walk.run(3));
        over.store(true, Ordering::Relaxed);
        walked
    });
    let failed = failed.into_inner().map_err(|e| e.to_string())?;
    let second = walked?;
    expect(failed.is_empty(), || format!("{} failed: {failed:?}", failed.len()))?;
    expect(second.contains("webapp, version 2"), || second.clone())?;
    walk.run(4)?;
    let left = docker(&["ps", "-aq", "--filter", &format!("name={}", walk.prefix)])?;
    expect(left.is_empty(), || format!("left behind: {left}"))
}
