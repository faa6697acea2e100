//! `libremora.so`: what programs load in place of a driver. Every name that a loader looks for is a symlink to it.

use std::fs::OpenOptions;
use std::sync::Mutex;

use tracing_subscriber::EnvFilter;

// The C functions of the front-ends, kept by naming the crate.
pub use remora_opencl as opencl;

/// Runs when the library is loaded. `REMORA_LOG=FILTER[,FILE]` turns on the log; without it nothing is ever printed.
#[used]
#[unsafe(link_section = ".init_array")]
static ON_LOAD: extern "C" fn() = {
    extern "C" fn on_load() {
        // The program must not suffer from a log that can't be written.
        let _ = std::panic::catch_unwind(start_log);
    }
    on_load
};

fn start_log() {
    let Ok(wanted) = std::env::var("REMORA_LOG") else { return };
    let (filter, file) = match wanted.rsplit_once(",/") {
        Some((filter, path)) => {
            (filter.to_owned(), OpenOptions::new().append(true).create(true).open(format!("/{path}")).ok())
        }
        None => (wanted, None),
    };
    let builder = tracing_subscriber::fmt().with_env_filter(EnvFilter::new(filter)).with_ansi(false);
    // Somebody else's program may have a subscriber of its own in a library that shares ours: then it stays.
    let _ = match file {
        Some(file) => builder.with_writer(Mutex::new(file)).try_init(),
        None => builder.with_writer(std::io::stderr).try_init(),
    };
}
