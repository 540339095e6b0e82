//! Completions, manual pages and the version.

use crate::support::Place;

#[test]
fn every_shell_has_completions_of_all_commands() {
    let place = Place::new();
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let script = place.run(&format!("completions {shell}"));
        assert_eq!((script.status, script.stderr.as_str()), (0, ""), "{shell}");
        for word in ["select", "covariance", "random-state", "threads"] {
            assert!(script.stdout.contains(word), "{word} is not among those of {shell}");
        }
    }
}

#[cfg(unix)]
#[test]
fn bash_takes_the_completions() {
    let place = Place::new();
    place.write("script", place.run("completions bash").stdout);
    let complete = "source ./script; COMP_WORDS=(mixtura fit --cov); COMP_CWORD=2; _mixtura mixtura --cov fit; \
                    printf '%s\\n' \"${COMPREPLY[@]}\"";
    let Ok(output) = std::process::Command::new("bash").args(["-c", complete]).current_dir(place.path(".")).output()
    else {
        return;
    };
    let found = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(found.lines().any(|word| word == "--covariance"), "{found} {}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn every_command_has_a_manual_page() {
    let place = Place::new();
    let made = place.run("man man1/of/mixtura --json").json();
    let pages = made["pages"].as_array().unwrap().len();
    let help = place.run("--help").stdout;
    let commands: Vec<&str> = help
        .lines()
        .skip_while(|line| !line.starts_with("Commands:"))
        .skip(1)
        .take_while(|line| !line.is_empty())
        .filter_map(|line| line.strip_prefix("  ")?.split(' ').next())
        .filter(|name| !name.is_empty() && *name != "help")
        .collect();
    assert!(commands.len() > 12, "{commands:?}");
    assert_eq!(pages, commands.len() + 1);
    for command in commands {
        let page = String::from_utf8(place.read(&format!("man1/of/mixtura/mixtura-{command}.1"))).unwrap();
        assert!(page.contains(".TH") && page.contains("OPTIONS"), "{command}");
    }
    assert_eq!(place.run("man man1").stderr.lines().count(), pages);
    place.write("file", "");
    let refused = place.run("man file");
    assert_eq!(refused.status, 1);
    assert!(refused.stderr.starts_with("error: file: cannot be written"), "{}", refused.stderr);
}

#[test]
fn the_version_says_how_the_program_was_built() {
    let place = Place::new();
    let long = place.run("--version").stdout;
    assert_eq!(place.run("version").stdout, long);
    assert_eq!(
        place.run("fit --version").stdout.lines().next(),
        Some(&*format!("mixtura-fit {}", env!("CARGO_PKG_VERSION")))
    );
    assert_eq!(long.lines().next(), Some(&*format!("mixtura {}", env!("CARGO_PKG_VERSION"))));
    assert_eq!(place.run("-V").lines(), [format!("mixtura {}", env!("CARGO_PKG_VERSION"))]);
    let features = long.lines().nth(1).unwrap();
    assert_eq!(features.starts_with("features: gpu "), cfg!(feature = "gpu"), "{features}");
    let json = place.run("version --json").json();
    assert_eq!(json["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(json["mpi"], cfg!(feature = "mpi"));
    assert_eq!(json["commit"].is_null(), !long.contains("commit: "));
}
