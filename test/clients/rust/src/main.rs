//! A busy Rust program under the crate pyroscope: spends its time in burn_cpu under a label.

use pyroscope::backend::{pprof_backend, BackendConfig, PprofConfig};
use pyroscope::pyroscope::PyroscopeAgentBuilder;
use std::time::{Duration, Instant};

#[inline(never)]
fn burn_cpu(rounds: u64) -> u64 {
    (0..rounds).fold(0, |sum, i| (sum * 31 + std::hint::black_box(i)) % 1_000_003)
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let [url, user, password] =
        ["PHLOX_URL", "PHLOX_USER", "PHLOX_PASSWORD"].map(|name| std::env::var(name));
    let backend = pprof_backend(PprofConfig::default(), BackendConfig::default());
    let agent = PyroscopeAgentBuilder::new(url?, "busy.rust", 100, "pyroscope-rs", "2.1.5", backend)
        .basic_auth(user?, password?)
        .tags(vec![("region", "north")])
        .upload_interval(Duration::from_secs(2))
        .build()?
        .start()?;
    let (add_tag, remove_tag) = agent.tag_wrapper();
    let start = Instant::now();
    while start.elapsed() < Duration::from_secs(3) {
        add_tag("endpoint".into(), "/checkout".into())?;
        std::hint::black_box(burn_cpu(20_000_000));
        remove_tag("endpoint".into(), "/checkout".into())?;
    }
    agent.stop()?.shutdown();
    Ok(())
}
