//! Why there is no hardware adapter: no card, no loader of drivers, no driver, or no permission.

use std::fs::{self, File};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// Makers of cards that drivers for Vulkan exist for, by their numbers on the PCI bus.
const MAKERS: [(&str, &str); 3] = [("0x10de", "NVIDIA"), ("0x1002", "AMD"), ("0x8086", "Intel")];

/// The class of display controllers on the PCI bus.
const DISPLAY: &str = "0x03";

/// Directories of libraries, and what of them are directories of one architecture each.
const LIBRARIES: [&str; 5] = ["/usr/lib", "/usr/lib64", "/lib", "/lib64", "/usr/local/lib"];
const LOADER: &str = "libvulkan.so.1";

/// What a system has that runs Linux.
struct Found {
    /// Makers of its cards.
    makers: Vec<&'static str>,
    has_loader: bool,
    /// A device that this user may not open.
    denied: Option<PathBuf>,
}

/// What is missing, in words; some adapter of Vulkan may be there nevertheless, in software.
pub(crate) fn explanation(has_vulkan: bool) -> String {
    if !cfg!(target_os = "linux") {
        return "the system offers none; install the driver of the card's maker".to_owned();
    }
    let found = Found { makers: makers(), has_loader: has_vulkan || has_loader(), denied: denied() };
    found.explanation()
}

impl Found {
    fn explanation(&self) -> String {
        let Some(maker) = self.makers.first() else {
            return "no graphics card of NVIDIA, AMD or Intel is on the PCI bus; a container or a virtual machine sees \
                    one that is passed through to it"
                .to_owned();
        };
        let card = format!("there is a card of {maker}, ");
        card + &match (self.has_loader, &self.denied, *maker) {
            (false, ..) => format!(
                "but no loader of Vulkan drivers ({LOADER}): install libvulkan1 (Debian, Ubuntu), vulkan-loader (Fedora) or \
                 vulkan-icd-loader (Arch), and the card's driver"
            ),
            (true, Some(path), _) => {
                format!("but no permission to open {}: join the group that owns it, render or video", path.display())
            }
            (true, None, "NVIDIA") => "but no Vulkan driver for it: install NVIDIA's, with its part for graphics \
                                       (libnvidia-gl); to a container give NVIDIA_DRIVER_CAPABILITIES=all"
                .to_owned(),
            (true, None, _) => "but no Vulkan driver for it: install mesa-vulkan-drivers (Arch: vulkan-radeon, \
                                vulkan-intel)"
                .to_owned(),
        }
    }
}

/// Entries of a directory; none of one that cannot be read.
fn entries(directory: &Path) -> Vec<PathBuf> {
    let found = fs::read_dir(directory).into_iter().flatten().flatten();
    found.map(|entry| entry.path()).collect()
}

fn makers() -> Vec<&'static str> {
    let says = |card: &Path, what: &str| fs::read_to_string(card.join(what)).unwrap_or_default();
    let mut cards = entries(Path::new("/sys/bus/pci/devices"));
    cards.retain(|card| says(card, "class").starts_with(DISPLAY));
    let maker = |card: &PathBuf| {
        let vendor = says(card, "vendor");
        MAKERS.iter().find(|(number, _)| vendor.trim() == *number).map(|(_, maker)| *maker)
    };
    cards.iter().filter_map(maker).collect()
}

fn has_loader() -> bool {
    let given = std::env::var_os("LD_LIBRARY_PATH").unwrap_or_default();
    let usual = LIBRARIES.iter().map(PathBuf::from);
    let directories: Vec<PathBuf> = std::env::split_paths(&given).chain(usual).collect();
    let of_architectures = directories.iter().flat_map(|directory| entries(directory)).collect::<Vec<_>>();
    directories.iter().chain(&of_architectures).any(|directory| directory.join(LOADER).exists())
}

fn denied() -> Option<PathBuf> {
    let is_denied = |path: &PathBuf| File::open(path).is_err_and(|error| error.kind() == ErrorKind::PermissionDenied);
    let is_for_computing = |path: &PathBuf| path.to_string_lossy().contains("/renderD");
    entries(Path::new("/dev/dri")).into_iter().filter(is_for_computing).find(is_denied)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_thing_that_is_missing_is_named() {
        let explained = |makers: &[&'static str], has_loader, denied: Option<&str>| {
            Found { makers: makers.to_vec(), has_loader, denied: denied.map(PathBuf::from) }.explanation()
        };
        assert!(explained(&[], false, None).starts_with("no graphics card"));
        assert!(
            explained(&["AMD"], false, None)
                .contains("a card of AMD, but no loader of Vulkan drivers (libvulkan.so.1)")
        );
        assert!(
            explained(&["Intel"], true, Some("/dev/dri/renderD128"))
                .contains("no permission to open /dev/dri/renderD128")
        );
        assert!(explained(&["Intel"], true, None).contains("install mesa-vulkan-drivers"));
        assert!(explained(&["NVIDIA", "Intel"], true, None).contains("libnvidia-gl"));
    }
}
