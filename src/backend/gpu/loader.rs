//! Whether the system has what finds graphics drivers at all. A machine without a Vulkan loader looks to wgpu like one
//! without a GPU; a person needs to know which it is. Files are looked at, nothing is loaded.

use std::path::{Path, PathBuf};

/// Where Linux keeps libraries besides its cache of them.
const FOLDERS: [&str; 7] = [
    "/lib",
    "/usr/lib",
    "/lib64",
    "/usr/lib64",
    "/usr/local/lib",
    "/usr/lib/x86_64-linux-gnu",
    "/usr/lib/aarch64-linux-gnu",
];

/// What to say where no adapter was found.
pub(super) fn nothing_found() -> String {
    if !cfg!(target_os = "linux") {
        return "no adapter was found".into();
    }
    let cache = std::fs::read("/etc/ld.so.cache").unwrap_or_default();
    let wanted = std::env::var_os("LD_LIBRARY_PATH").unwrap_or_default();
    let folders = std::env::split_paths(&wanted).chain(FOLDERS.iter().map(PathBuf::from));
    said(has_loader(&cache, folders))
}

fn said(loader: bool) -> String {
    if loader {
        return "no adapter was found: there is a Vulkan loader, but no driver that it can use".into();
    }
    "no adapter was found, because there is no Vulkan loader (libvulkan.so.1); install it (libvulkan1 on Debian and \
     Ubuntu, vulkan-loader on Fedora) and the driver of the GPU"
        .into()
}

/// Whether the cache of the dynamic linker or one of `folders` has the loader.
fn has_loader(cache: &[u8], mut folders: impl Iterator<Item = PathBuf>) -> bool {
    const NAME: &str = "libvulkan.so.1";
    memchr::memmem::find(cache, NAME.as_bytes()).is_some()
        || folders.any(|folder| Path::new(&folder).join(NAME).exists())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_loader_is_told_from_a_missing_driver() {
        let folder = tempfile::tempdir().unwrap();
        let folders = || std::iter::once(folder.path().to_path_buf());
        assert!(!has_loader(b"libvulkan_lvp.so\0/usr/lib/libvulkan_lvp.so\0", folders()));
        assert!(has_loader(b"libc.so.6\0libvulkan.so.1\0", folders()));
        std::fs::write(folder.path().join("libvulkan.so.1"), "").unwrap();
        assert!(has_loader(b"", folders()));
        assert!(said(false).contains("libvulkan.so.1") && said(false).contains("install"));
        assert!(said(true).contains("no driver"));
    }
}
