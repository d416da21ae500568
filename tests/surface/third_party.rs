//! Do the checked-in lists of the crates inside the library and the tool say what cargo builds?
//!
//! `packaging/ironwal.cdx.json` is a bill of materials in CycloneDX's form, `packaging/THIRD_PARTY.txt` has the licences
//! that are due beside binaries. Both are rendered in memory and compared. To write them anew:
//! `IRONWAL_WRITE_THIRD_PARTY=1 cargo test --test surface third_party`

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::env;
use std::fmt::Write;
use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;
use serde_json::json;

/// The systems whose dependencies are listed; one list for all of them.
const TARGETS: [&str; 3] = [
    "x86_64-unknown-linux-gnu",
    "aarch64-unknown-linux-gnu",
    "s390x-unknown-linux-gnu",
];

/// What a crate may be licensed under, to be linked into a library under the MPL 2.0. Another one is looked at by a
/// person first.
const ACCEPTED: [&str; 9] = [
    "MIT",
    "Apache-2.0",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "ISC",
    "Zlib",
    "Unlicense",
    "MPL-2.0",
    "Unicode-3.0",
];

/// A crate whose code is in a binary.
struct Crate {
    name: String,
    version: String,
    license: String,
    repository: Option<String>,
    /// SHA-256 of the package, as in Cargo.lock.
    checksum: String,
    /// The names of its licence files, and their texts.
    texts: BTreeMap<String, String>,
    /// In the C library; all of them are in the tool.
    in_library: bool,
}

fn home() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// `name version` of what is linked with these features, on any of the targets: cargo's own view of normal dependencies,
/// without procedural macros and what only they use.
fn linked(features: &str) -> BTreeSet<(String, String)> {
    let mut found = BTreeSet::new();
    for target in TARGETS {
        let output = Command::new(env!("CARGO"))
            .args([
                "tree",
                "--locked",
                "--offline",
                "--edges",
                "normal,no-proc-macro",
            ])
            .args([
                "--prefix",
                "none",
                "--format",
                "{p}",
                "--no-default-features",
            ])
            .args(["--target", target, "--features", features])
            .current_dir(home())
            .output()
            .expect("cargo starts");
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        for line in String::from_utf8(output.stdout).expect("UTF-8").lines() {
            let mut words = line.split(' ');
            let (Some(name), Some(version)) = (words.next(), words.next()) else {
                panic!("cargo tree: {line}");
            };
            if name != "ironwal" {
                found.insert((name.into(), version.trim_start_matches('v').into()));
            }
        }
    }
    found
}

/// Checksums by `name version`, from Cargo.lock.
fn checksums() -> BTreeMap<(String, String), String> {
    let lock = fs::read_to_string(home().join("Cargo.lock")).expect("Cargo.lock");
    let mut found = BTreeMap::new();
    for package in lock.split("[[package]]").skip(1) {
        let field = |name: &str| {
            let start = format!("{name} = \"");
            let line = package.lines().find(|line| line.starts_with(&start))?;
            Some(line[start.len()..].trim_end_matches('"').to_owned())
        };
        if let (Some(name), Some(version), Some(checksum)) =
            (field("name"), field("version"), field("checksum"))
        {
            found.insert((name, version), checksum);
        }
    }
    found
}

/// Files of a crate that state its licence. Where it leaves the choice, the one that asks the least of those who ship
/// binaries is taken: MIT's.
fn license_texts(directory: &Path) -> BTreeMap<String, String> {
    let mut texts = BTreeMap::new();
    for entry in fs::read_dir(directory).expect("the crate's directory") {
        let entry = entry.expect("an entry of it");
        let name = entry.file_name().into_string().expect("UTF-8");
        let upper = name.to_uppercase();
        let states = ["LICENSE", "LICENCE", "COPYING", "COPYRIGHT", "NOTICE"];
        if states.iter().any(|start| upper.starts_with(start)) && entry.path().is_file() {
            let text = fs::read_to_string(entry.path()).expect("a text");
            texts.insert(name, text.replace("\r\n", "\n").trim().to_owned());
        }
    }
    if let Some(mit) = texts
        .keys()
        .find(|name| name.to_uppercase().contains("MIT"))
    {
        let mit = mit.clone();
        texts.retain(|name, _| *name == mit || name.to_uppercase().starts_with("NOTICE"));
    }
    texts
}

fn crates() -> Vec<Crate> {
    let in_library = linked("capi");
    let in_tool = linked("cli");
    let checksums = checksums();
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--locked", "--offline"])
        .args(["--features", "capi,cli", "--filter-platform", TARGETS[0]])
        .current_dir(home())
        .output()
        .expect("cargo starts");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let mut found = Vec::new();
    for package in metadata["packages"].as_array().expect("packages") {
        let name = text(&package["name"]).expect("a name");
        let version = text(&package["version"]).expect("a version");
        let key = (name.clone(), version.clone());
        if !in_library.contains(&key) && !in_tool.contains(&key) {
            continue;
        }
        let manifest = text(&package["manifest_path"]).expect("a path");
        let directory = Path::new(&manifest).parent().expect("a directory");
        found.push(Crate {
            name,
            version,
            // The older way to write OR.
            license: text(&package["license"])
                .expect("a licence")
                .replace('/', " OR "),
            repository: text(&package["repository"]),
            checksum: checksums[&key].clone(),
            texts: license_texts(directory),
            in_library: in_library.contains(&key),
        });
    }
    found.sort_by(|a, b| (&a.name, &a.version).cmp(&(&b.name, &b.version)));
    assert_eq!(found.len(), in_library.union(&in_tool).count());
    found
}

fn bill_of_materials(crates: &[Crate]) -> String {
    let reference = |of: &Crate| format!("pkg:cargo/{}@{}", of.name, of.version);
    let own = format!("pkg:cargo/ironwal@{}", env!("CARGO_PKG_VERSION"));
    let components: Vec<Value> = crates
        .iter()
        .map(|one| {
            let mut component = json!({
                "type": "library",
                "bom-ref": reference(one),
                "name": one.name,
                "version": one.version,
                "scope": "required",
                "hashes": [{ "alg": "SHA-256", "content": one.checksum }],
                "licenses": [{ "expression": one.license }],
                "purl": reference(one),
                "properties": [{
                    "name": "ironwal:in",
                    "value": if one.in_library { "libironwal, ironwalctl" } else { "ironwalctl" },
                }],
            });
            if let Some(repository) = &one.repository {
                component["externalReferences"] = json!([{ "type": "vcs", "url": repository }]);
            }
            component
        })
        .collect();
    let bill = json!({
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {
            "component": {
                "type": "library",
                "bom-ref": own,
                "name": "ironwal",
                "version": env!("CARGO_PKG_VERSION"),
                "licenses": [{ "license": { "id": "MPL-2.0" } }],
                "purl": own,
            },
        },
        "components": components,
        "dependencies": [{
            "ref": own,
            "dependsOn": crates.iter().map(reference).collect::<Vec<_>>(),
        }],
    });
    let mut text = serde_json::to_string_pretty(&bill).expect("JSON");
    text.push('\n');
    text
}

fn notices(crates: &[Crate]) -> String {
    let mut text = String::from(
        "Crates whose code is in the binaries of ironwal, and the licences under which they are used here.\n\
         Written by tests/surface/third_party.rs.\n\n",
    );
    let mut of_text: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for one in crates {
        let label = format!("{} {}", one.name, one.version);
        let place = if one.in_library {
            "libironwal, ironwalctl"
        } else {
            "ironwalctl"
        };
        writeln!(text, "{label}: {} (in {place})", one.license).expect("to memory");
        for license in one.texts.values() {
            of_text.entry(license).or_default().push(label.clone());
        }
    }
    let mut sections: Vec<(Vec<String>, &str)> = of_text
        .into_iter()
        .map(|(license, users)| (users, license))
        .collect();
    sections.sort();
    for (users, license) in sections {
        write!(
            text,
            "\n{}\n\n{}\n\n{license}\n",
            "-".repeat(80),
            users.join(", ")
        )
        .expect("to memory");
    }
    text
}

/// Also the system's C library and Rust's standard library are in a binary; their terms come with the toolchain.
#[test]
fn the_lists_of_crates_are_what_cargo_links() {
    let crates = crates();
    for one in &crates {
        let names = one.license.replace(['(', ')'], "");
        let choice = names.split(" OR ").any(|alternative| {
            alternative
                .split(" AND ")
                .all(|name| ACCEPTED.contains(&name.trim()))
        });
        assert!(choice, "{} is licensed under {}", one.name, one.license);
        assert!(!one.texts.is_empty(), "{} has no licence text", one.name);
    }
    let files = [
        ("packaging/ironwal.cdx.json", bill_of_materials(&crates)),
        ("packaging/THIRD_PARTY.txt", notices(&crates)),
    ];
    for (name, text) in files {
        let path = home().join(name);
        if env::var_os("IRONWAL_WRITE_THIRD_PARTY").is_some() {
            fs::write(&path, &text).expect("the list is written");
        }
        let found = fs::read_to_string(&path).expect("the list is there");
        assert!(
            found == text,
            "{name} is not what cargo links. If that is meant: \
             IRONWAL_WRITE_THIRD_PARTY=1 cargo test --test surface third_party"
        );
    }
}
