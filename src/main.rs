//! The command-line program: parse, run, print the error, set the exit code. Everything else is the library's.

#![warn(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]

use std::ffi::OsString;
use std::process::ExitCode;

fn main() -> ExitCode {
    hush_device_layer();
    forget_projections();
    tilefire::cli::main()
}

/// Mesa's Vulkan layer that orders devices by the user's wish asks for a display, and complains on standard error where
/// there is none: on servers, beside the lines this program prints. It is left out there, unless its wish is set. The
/// program may do so, the library not: the environment belongs to whoever's process it is.
fn hush_device_layer() {
    let set = |name| std::env::var_os(name).is_some();
    if cfg!(target_os = "linux") && !["XDG_RUNTIME_DIR", "MESA_VK_DEVICE_SELECT", "DRI_PRIME"].into_iter().any(set) {
        #[expect(unsafe_code, reason = "the layer takes this wish from the environment only")]
        // SAFETY: the program has a single thread at this point, so nobody reads the environment meanwhile.
        unsafe {
            std::env::set_var("NODEVICE_SELECT", "1");
        }
    }
}

/// Other installations of PROJ are told by the environment where their databases are, what to do without a grid, what to
/// print. What this program makes and says is the same on every machine.
fn forget_projections() {
    let of_proj = |name: &OsString| name.as_encoded_bytes().starts_with(b"PROJ_");
    let names: Vec<OsString> = std::env::vars_os().map(|(name, _)| name).filter(of_proj).collect();
    for name in names {
        #[expect(unsafe_code, reason = "the library PROJ reads some of them from nowhere else")]
        // SAFETY: the program has a single thread at this point, so nobody reads the environment meanwhile.
        unsafe {
            std::env::remove_var(name);
        }
    }
}
