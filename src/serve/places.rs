//! How many connections there is room for.

/// Most connections at once, where the system has room for so many; more wait until one is closed.
const MOST: usize = 4096;
/// Files that are open beside connections.
const SPARE: u64 = 128;

/// How many connections fit the process's limit of open files, which is raised as far as it may be.
pub(super) fn places() -> usize {
    #[cfg(unix)]
    {
        use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
        let limit = getrlimit(Resource::Nofile);
        let wanted = MOST as u64 + SPARE;
        let raised = limit.maximum.map_or(wanted, |most| most.min(wanted)).max(limit.current.unwrap_or(wanted));
        let now = match setrlimit(Resource::Nofile, Rlimit { current: Some(raised), ..limit }) {
            Ok(()) => raised,
            Err(_) => limit.current.unwrap_or(wanted),
        };
        usize::try_from(now.saturating_sub(SPARE)).unwrap_or(MOST).clamp(16, MOST)
    }
    #[cfg(not(unix))]
    MOST
}
