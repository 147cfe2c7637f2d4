//! Side-by-side benchmarks: load generator and backends in one thread, proxies measured in CPU per request.
fn main() {}
