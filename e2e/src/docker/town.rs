//! A network with small services and the balancer beside them, each container made by hand: for
//! what labels and variables ask for. Everything is removed at the end, whatever happens.

use super::docker;
use super::pool::{exchange, good};
use crate::http::Message;
use crate::scenario::wait_until;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// How long containers may take to start and to be found.
const SOON: Duration = Duration::from_secs(60);
/// Containers that are started at the same time.
const AT_ONCE: usize = 4;
/// Image that services and the balancer's binary run in.
const IMAGE: &str = "python:3-slim";
/// Answers every request with its name, on every port it is told. `/slow` takes two seconds; `/ws`
/// becomes a tunnel that sends back what comes; FAILS names a path that is answered 500; with LOG
/// each request is a line of its log.
pub const SERVICE: &str = include_str!("service.py");

/// The engine's socket, mounted.
const SOCKET: &str = "/var/run/docker.sock:/var/run/docker.sock";

/// The balancer's binary, mounted.
fn mounted() -> Result<Vec<String>, String> {
    let binary = crate::binaries::evenkeel()?.path;
    Ok(vec!["-v".to_owned(), format!("{}:/evenkeel:ro", binary.display())])
}

/// A town.
pub struct Town {
    name: String,
    containers: Vec<String>,
    networks: Vec<String>,
    /// The balancer that is spoken to.
    balancer: String,
    address: Option<SocketAddr>,
}

/// A service of one container: its name, the ports that it exposes and listens on, and what it
/// says in labels and variables.
pub type Service<'a> = (&'a str, &'a [&'a str], &'a [&'a str]);

impl Town {
    /// An empty one, or why there can be none.
    pub fn found() -> Result<Self, String> {
        static NUMBER: AtomicUsize = AtomicUsize::new(0);
        super::engine()?;
        super::images::stand_ins()?;
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("evt{}n{number}", std::process::id());
        docker(&["network", "create", &name])?;
        let networks = vec![name.clone()];
        let balancer = "lb".to_owned();
        Ok(Self { networks, name, containers: Vec::new(), balancer, address: None })
    }

    /// Its name, which is its network's as well.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// A service's container.
    pub fn container_name(&self, service: &str) -> String {
        format!("{}-{service}-1", self.name)
    }

    /// One more network, with words of `docker network create`; gives its name.
    pub fn network(&mut self, words: &[&str]) -> Result<String, String> {
        let name = format!("{}x{}", self.name, self.networks.len());
        docker(&[&["network", "create"], words, &[name.as_str()]].concat())?;
        self.networks.push(name.clone());
        Ok(name)
    }

    /// Words that start a container, which is removed at the end.
    fn run(
        &mut self,
        service: &str,
        network: &[&str],
        options: &[String],
        words: &[&str],
    ) -> Vec<String> {
        let container = self.container_name(service);
        let project = format!("com.docker.compose.project={}", self.name);
        let label = format!("com.docker.compose.service={service}");
        let fixed = [&["run", "-d", "--name", &container], network].concat();
        let labels = ["--label", &project, "--label", &label];
        let options: Vec<&str> = options.iter().map(String::as_str).collect();
        let all = [&fixed[..], &labels, &options, &[IMAGE], words].concat();
        self.containers.push(container.clone());
        all.into_iter().map(str::to_owned).collect()
    }

    /// A service of one container that exposes these ports, with labels (`NAME.X=V`, a dot in the
    /// name) and variables (`NAME=V`).
    pub fn service(&mut self, name: &str, ports: &[&str], says: &[&str]) -> Result<(), String> {
        let network = self.name.clone();
        self.elsewhere(name, ports, &["--network", &network], says)
    }

    /// Several services, a few at a time.
    pub fn services(&mut self, all: &[Service<'_>]) -> Result<(), String> {
        let network = self.name.clone();
        let within = ["--network", network.as_str()];
        let prepare = |(name, ports, says): &Service<'_>| self.words(name, ports, &within, says);
        let commands: Vec<Vec<String>> = all.iter().map(prepare).collect();
        for some in commands.chunks(AT_ONCE) {
            let started: Vec<_> = std::thread::scope(|scope| {
                let runs = some.iter().map(|words| scope.spawn(move || docker(words)));
                let runs: Vec<_> = runs.collect();
                runs.into_iter().map(std::thread::ScopedJoinHandle::join).collect()
            });
            for outcome in started {
                outcome.map_err(|_| "a thread that starts containers panicked")??;
            }
        }
        Ok(())
    }

    /// The same with words of `docker run` that say on which network it is.
    pub fn elsewhere(
        &mut self,
        name: &str,
        ports: &[&str],
        network: &[&str],
        says: &[&str],
    ) -> Result<(), String> {
        docker(&self.words(name, ports, network, says)).map(drop)
    }

    fn words(
        &mut self,
        name: &str,
        ports: &[&str],
        network: &[&str],
        says: &[&str],
    ) -> Vec<String> {
        let mut options = vec!["-e".to_owned(), format!("NAME={name}")];
        // A container in another's network exposes nothing itself.
        let own = !network.iter().any(|word| word.starts_with("container:"));
        for port in ports.iter().filter(|_| own) {
            options.extend(["--expose".to_owned(), (*port).to_owned()]);
        }
        for say in says {
            let is_label = say.split('=').next().is_some_and(|name| name.contains('.'));
            options.extend([if is_label { "--label" } else { "-e" }.to_owned(), (*say).to_owned()]);
        }
        self.run(name, network, &options, &[&["python3", "-c", SERVICE], ports].concat())
    }

    /// Speaks from now on to a balancer of this name, which is still to be started.
    pub fn another_balancer(&mut self, name: &str) {
        name.clone_into(&mut self.balancer);
        self.address = None;
    }

    /// Finds out where the balancer that is spoken to listens.
    pub fn balancer_found(&mut self) -> Result<(), String> {
        let format = "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}";
        let ip = docker(&["inspect", "-f", format, &self.container_name(&self.balancer)])?;
        let ip: Ipv4Addr = ip.parse().map_err(|e| format!("{ip}: {e}"))?;
        self.address = Some(SocketAddr::from((ip, 80)));
        Ok(())
    }

    /// The balancer, linked to services, with variables.
    pub fn balancer(&mut self, linked: &[&str], variables: &[&str]) -> Result<(), String> {
        let network = self.name.clone();
        self.balancer_with(&["--network", &network], linked, variables)
    }

    /// The same with words of `docker run`.
    pub fn balancer_with(
        &mut self,
        words: &[&str],
        linked: &[&str],
        variables: &[&str],
    ) -> Result<(), String> {
        let mut options = words.to_vec();
        options.extend(["-v", SOCKET]);
        let links: Vec<String> = linked
            .iter()
            .map(|service| format!("--link={}:{service}", self.container_name(service)))
            .collect();
        options.extend(links.iter().map(String::as_str));
        self.balancer_apart(&options, variables)
    }

    /// `evenkeel agent` with the Docker socket.
    pub fn agent(&mut self, words: &[&str]) -> Result<(), String> {
        let options = [mounted()?, vec!["-v".to_owned(), SOCKET.to_owned()]].concat();
        let program = ["/evenkeel", "agent", "--listen", "0.0.0.0:2375"];
        docker(&self.run("agent", words, &options, &program)).map(drop)
    }

    /// The balancer without the Docker socket, with words of `docker run` and variables.
    pub fn balancer_apart(&mut self, words: &[&str], variables: &[&str]) -> Result<(), String> {
        let mut options = mounted()?;
        for variable in variables {
            options.extend(["-e".to_owned(), (*variable).to_owned()]);
        }
        let name = self.balancer.clone();
        docker(&self.run(&name, words, &options, &["/evenkeel", "run"]))?;
        self.balancer_found()
    }

    /// Where the balancer listens for requests.
    pub fn address(&self) -> Result<SocketAddr, String> {
        self.address.ok_or_else(|| "there is no balancer".to_owned())
    }

    /// Where a port of the balancer is.
    pub fn place(&self, port: u16) -> Result<SocketAddr, String> {
        let address = self.address()?;
        Ok(SocketAddr::new(address.ip(), port))
    }

    /// The answer to a GET request on a port of the balancer, with more header lines.
    pub fn ask(&self, port: u16, host: &str, path: &str, more: &str) -> Result<Message, String> {
        let place = self.place(port)?;
        let request =
            format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n{more}Connection: close\r\n\r\n");
        exchange(place, "GET", &request)
    }

    /// Who answers, or with which status.
    pub fn who(&self, port: u16, host: &str, path: &str, more: &str) -> String {
        let answer = self.ask(port, host, path, more).and_then(|message| good(&message));
        answer.unwrap_or_else(|e| match e.split(' ').nth(1) {
            Some(status) if e.starts_with("HTTP/") => status.to_owned(),
            Some("refused") => "refused".to_owned(),
            _ => e,
        })
    }

    /// Waits until requests end as they should: `[:port] host path` and who answers.
    pub fn expect(&self, table: &[(&str, &str)]) -> Result<(), String> {
        let mut wrong = Vec::new();
        let right = wait_until(SOON, || {
            wrong.clear();
            for (asked, answer) in table {
                let words: Vec<&str> = asked.split(' ').collect();
                let port = words[0].strip_prefix(':').and_then(|p| p.parse().ok());
                let words = &words[usize::from(port.is_some())..];
                let path = words.get(1).copied().unwrap_or("/");
                let got = self.who(port.unwrap_or(80), words[0], path, "");
                if got != *answer {
                    wrong.push(format!("{asked}: {got} instead of {answer}"));
                }
            }
            wrong.is_empty()
        });
        if right { Ok(()) } else { Err(format!("{}\n{}", wrong.join("\n"), self.log())) }
    }

    /// Stops a service's container.
    pub fn stop(&self, service: &str) -> Result<(), String> {
        docker(&["kill", &self.container_name(service)]).map(drop)
    }

    /// What a command of the balancer's binary says, asked inside its container.
    pub fn command(&self, words: &[&str]) -> Result<String, String> {
        let container = self.container_name(&self.balancer);
        docker(&[&["exec", &container, "/evenkeel"], words].concat())
    }

    /// What the balancer said so far.
    pub fn log(&self) -> String {
        let words = ["logs", &self.container_name(&self.balancer)];
        super::command::Run::new("docker").args(&words).transcript().unwrap_or_else(|e| e)
    }
}

impl Drop for Town {
    fn drop(&mut self) {
        let force = ["rm", "-f", "-v"].map(str::to_owned);
        // What is left behind is found by its name.
        let _ = docker(&[&force[..], &self.containers].concat());
        let _ = docker(&[&["network".to_owned(), "rm".to_owned()][..], &self.networks].concat());
    }
}
