//! The nginx.conf that means the same: keep-alive to the servers, HTTP/1.1, X-Forwarded-For.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::Path;

use super::Features;

/// The counterpart of [`super::haproxy_cfg::small`]; nginx has no active health checks.
#[must_use]
pub fn small(
    bind: SocketAddr,
    statistics: SocketAddr,
    servers: &[SocketAddr],
    f: Features,
    directory: &Path,
) -> String {
    let mut text = preamble(f.workers, directory);
    upstream(&mut text, "app", servers);
    let header = if f.forwarded_for { FORWARDED_FOR } else { "" };
    let _ = writeln!(
        text,
        "  server {{ listen {bind} backlog=4096; {header}location / {{ proxy_pass http://app; }} }}"
    );
    if f.statistics {
        let _ = writeln!(text, "  server {{ listen {statistics}; location / {{ stub_status; }} }}");
    }
    text.push_str("}\n");
    text
}

/// The counterpart of [`super::haproxy_cfg::large`].
#[must_use]
pub fn large(
    bind: SocketAddr,
    servers: &[SocketAddr],
    (backends, each): (usize, usize),
    probe: SocketAddr,
    directory: &Path,
) -> String {
    let mut text = preamble(1, directory);
    let servers: Vec<SocketAddr> = servers.iter().copied().cycle().take(each).collect();
    let virtual_host = |text: &mut String, name: &str| {
        let _ = writeln!(
            text,
            "  server {{ listen {bind}; server_name {name}.test; {FORWARDED_FOR}\
             location / {{ proxy_pass http://{name}; }} }}"
        );
    };
    upstream(&mut text, "probe", &[probe]);
    virtual_host(&mut text, "probe");
    for backend in 0..backends {
        let name = format!("app{backend}");
        upstream(&mut text, &name, &servers);
        virtual_host(&mut text, &name);
    }
    text.push_str("}\n");
    text
}

const FORWARDED_FOR: &str = "proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for; \
                             proxy_set_header Connection \"\"; ";

fn upstream(text: &mut String, name: &str, servers: &[SocketAddr]) {
    let _ = write!(text, "  upstream {name} {{");
    for address in servers {
        let _ = write!(text, " server {address};");
    }
    text.push_str(" keepalive 512; keepalive_requests 1000000000; }\n");
}

fn preamble(workers: usize, directory: &Path) -> String {
    let at = directory.display();
    format!(
        "daemon off;\nuser root;\nworker_processes {workers};\npid {at}/nginx.pid;\n\
         error_log stderr error;\nevents {{ worker_connections 16000; }}\nhttp {{\n\
         \x20 access_log off;\n  keepalive_requests 1000000000;\n  keepalive_timeout 300s;\n\
         \x20 server_names_hash_max_size 8192;\n  proxy_http_version 1.1;\n\
         \x20 proxy_set_header Connection \"\";\n  proxy_max_temp_file_size 0;\n\
         \x20 client_body_temp_path {at}/body;\n  proxy_temp_path {at}/proxy;\n\
         \x20 fastcgi_temp_path {at}/fastcgi;\n  uwsgi_temp_path {at}/uwsgi;\n\
         \x20 scgi_temp_path {at}/scgi;\n"
    )
}

#[cfg(test)]
mod tests {
    use super::{large, small};
    use crate::proxies::Features;
    use std::path::Path;

    #[test]
    fn braces_close() {
        let address = "127.0.0.1:80".parse().expect("address");
        let here = Path::new("/tmp");
        for text in [
            small(address, address, &[address; 4], Features::default(), here),
            large(address, &[address; 4], (10, 3), address, here),
        ] {
            assert_eq!(text.matches('{').count(), text.matches('}').count(), "{text}");
        }
    }
}
