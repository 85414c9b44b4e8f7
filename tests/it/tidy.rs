//! What the house promises about itself.

use std::{fs, path::Path, process::Command};

fn files(dir: &Path, found: &mut Vec<std::path::PathBuf>) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if name.starts_with('.') || name == "target" || name == "node_modules" {
            continue;
        }
        if path.is_dir() { files(&path, found) } else { found.push(path) }
    }
}

fn tree(args: &[&str]) -> String {
    let output = Command::new(env!("CARGO"))
        .args(["tree", "--offline", "--edges", "normal,build", "--prefix", "none"])
        .args(args)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn crates_depend_one_way() {
    let services = ["fleet-sim", "fleet-pipeline", "fleet-api"];
    for service in services {
        let tree = tree(&["-p", service]);
        for other in services.into_iter().chain(["data-fleet"]).filter(|name| *name != service) {
            let depends = tree.lines().any(|line| line.starts_with(&format!("{other} ")));
            assert!(!depends, "{service} depends on {other}");
        }
    }
    assert!(!tree(&["-p", "fleet-core", "--all-features"]).contains("fleet-proto"));
}

#[test]
fn plain_fleet_core_has_no_runtime_no_c_and_no_client() {
    let tree = tree(&["-p", "fleet-core", "--no-default-features"]);
    for name in ["tokio ", "rusqlite", "libsqlite3", "-sys ", "cc ", "hyper", "reqwest", "mio "] {
        let has = tree.lines().any(|line| line.starts_with(name) || line.contains("-sys v"));
        assert!(!has, "{name} in\n{tree}");
    }
}

/// `scripts/run` builds no server's client: they are of the services of a cluster.
#[test]
fn the_platform_in_one_process_has_no_client_of_a_cluster() {
    let tree = tree(&["-p", "data-fleet"]);
    for name in ["rdkafka", "mongodb", "redis", "openssl"] {
        assert!(!tree.lines().any(|line| line.starts_with(name)), "{name} in\n{tree}");
    }
}

#[test]
fn files_tell_one_story() {
    let mut found = Vec::new();
    files(Path::new(env!("CARGO_MANIFEST_DIR")), &mut found);
    let long: Vec<String> = found
        .iter()
        .filter(|path| path.extension().is_some_and(|ext| ext == "rs" || ext == "js"))
        .map(|path| (path, fs::read_to_string(path).unwrap().lines().count()))
        .filter(|(_, lines)| *lines > 500)
        .map(|(path, lines)| format!("{}: {lines} lines", path.display()))
        .collect();
    assert!(long.is_empty(), "{long:?}");
}

#[test]
fn links_in_markdown_lead_somewhere() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = Vec::new();
    files(root, &mut found);
    for path in found.iter().filter(|path| path.extension().is_some_and(|ext| ext == "md")) {
        let text = fs::read_to_string(path).unwrap();
        for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let target = link.split('#').next().unwrap();
            if !target.is_empty() && !target.contains("://") {
                let there = path.parent().unwrap().join(target).exists();
                assert!(there, "{}: {link}", path.display());
            }
        }
    }
}
