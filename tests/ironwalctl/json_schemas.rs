//! What must hold: all that `--json` prints is as `docs/schemas` says, and has no field that is not there.
//!
//! The validator knows the few words of JSON Schema that those files use, and refuses others. Where Python's jsonschema
//! is installed, it has to agree.

use std::collections::BTreeMap;
use std::process::Stdio;

use super::exit_codes::synopses;
use super::*;

fn schemas() -> BTreeMap<String, Value> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/schemas");
    let files = std::fs::read_dir(dir).expect("lists");
    files
        .map(|file| {
            let file = file.expect("an entry").path();
            let name = file.file_stem().and_then(|name| name.to_str());
            let text = std::fs::read_to_string(&file).expect("reads");
            let schema = serde_json::from_str(&text).expect("JSON");
            (name.expect("UTF-8").to_owned(), schema)
        })
        .collect()
}

/// What is wrong with a value; nothing, if it is as the schema says. Properties that it does not name are wrong: the
/// schemas describe everything.
fn wrong_with(value: &Value, schema: &Value, place: &str) -> Vec<String> {
    let mut wrong = Vec::new();
    for (word, says) in schema.as_object().expect("an object") {
        match word.as_str() {
            "$schema" | "title" | "description" => {}
            "type" => {
                let one = [says.clone()];
                let types = says.as_array().map_or(&one[..], |types| &types[..]);
                let is = |name: &Value| match name.as_str().expect("a name") {
                    "object" => value.is_object(),
                    "array" => value.is_array(),
                    "string" => value.is_string(),
                    "boolean" => value.is_boolean(),
                    "integer" => value.is_i64() || value.is_u64(),
                    "null" => value.is_null(),
                    name => panic!("the type {name} is not known here"),
                };
                if !types.iter().any(is) {
                    wrong.push(format!("{place}: {value} is no {says}"));
                }
            }
            "minimum" => {
                if value
                    .as_i64()
                    .is_some_and(|value| value < says.as_i64().expect("a number"))
                {
                    wrong.push(format!("{place}: {value} is below {says}"));
                }
            }
            "const" => {
                if value != says {
                    wrong.push(format!("{place}: {value} is not {says}"));
                }
            }
            "enum" => {
                if !says.as_array().expect("a list").contains(value) {
                    wrong.push(format!("{place}: {value} is none of {says}"));
                }
            }
            "items" => {
                for (number, item) in value.as_array().into_iter().flatten().enumerate() {
                    wrong.extend(wrong_with(item, says, &format!("{place}[{number}]")));
                }
            }
            "required" => {
                for name in says.as_array().expect("a list") {
                    let name = name.as_str().expect("a name");
                    if value.is_object() && value.get(name).is_none() {
                        wrong.push(format!("{place}: {name} is missing"));
                    }
                }
            }
            "properties" => {
                for (name, field) in value.as_object().into_iter().flatten() {
                    let place = format!("{place}.{name}");
                    match says.get(name) {
                        Some(schema) => wrong.extend(wrong_with(field, schema, &place)),
                        None => wrong.push(format!("{place} is not in the schema")),
                    }
                }
            }
            "oneOf" => {
                let schemas = says.as_array().expect("a list").iter();
                let fits = schemas.filter(|schema| wrong_with(value, schema, place).is_empty());
                if fits.count() != 1 {
                    wrong.push(format!("{place}: {value} is not one of the forms"));
                }
            }
            word => panic!("{word} is not known here"),
        }
    }
    wrong
}

#[test]
fn the_validator_can_fail() {
    let schemas = schemas();
    let good = serde_json::json!({"stream": "s", "matches": 3, "unreadable_ids": 0});
    assert_eq!(wrong_with(&good, &schemas["grep-count"], ""), [""; 0]);
    let stat_of = |first: Value| serde_json::json!({"record": "stream", "stream": "s", "first_id": first, "next_id": 0, "properties": null});
    assert!(wrong_with(&stat_of(0.into()), &schemas["export"], "").is_empty());
    assert!(wrong_with(&stat_of(u64::MAX.into()), &schemas["export"], "").is_empty());
    let rows = [
        ("grep-count", serde_json::json!({"stream": "s"})),
        (
            "grep-count",
            serde_json::json!({"stream": 1, "matches": 3, "unreadable_ids": 0}),
        ),
        (
            "grep-count",
            serde_json::json!({"stream": "s", "matches": -3, "unreadable_ids": 0}),
        ),
        (
            "grep-count",
            serde_json::json!({"stream": "s", "matches": 3.5, "unreadable_ids": 0}),
        ),
        (
            "grep-count",
            serde_json::json!({"stream": "s", "matches": 3, "unreadable_ids": 0, "more": 1}),
        ),
        ("grep-count", serde_json::json!([])),
        ("export", stat_of(Value::Null)),
        ("export", serde_json::json!({"record": "other"})),
        (
            "tail",
            serde_json::json!({"event": "x", "stream": "s", "id": 1, "end_id": 2, "length": null,
            "data_base64": null, "error": null}),
        ),
        (
            "load",
            serde_json::json!({"command": "repair", "directory": "", "complete": true, "streams": []}),
        ),
    ];
    for (name, value) in rows {
        assert!(
            !wrong_with(&value, &schemas[name], "").is_empty(),
            "{name}: {value}"
        );
    }
}

/// Logs of all kinds, whole and damaged.
fn logs(place: &Path) -> Vec<PathBuf> {
    let log = |name: &str| {
        let place = place.join(name);
        std::fs::create_dir(&place).expect("makes");
        closed_log(&place)
    };
    let rich = log("rich");
    let mut how = options(&place.join("rich"), SyncMode::Async);
    how.compression = CompressionType::Lz4;
    let wal = Wal::new(how).expect("opens");
    let stream = wal.stream("s").expect("a handle");
    stream
        .set_properties(&[(b"vote\xff", Some(b"t7"))], Durability::Written)
        .expect("sets");
    wal.append_batch("lz4", &[&[7; 5000], &[8; 5000]])
        .expect("appends");
    wal.append("text\u{1b}", "ü".as_bytes()).expect("appends");
    wal.close().expect("closes");
    let damaged = log("damaged");
    harm(&segments_in(&damaged.join("s"))[1], |bytes| {
        bytes[1536 + 36] ^= 1
    });
    std::fs::remove_file(&segments_in(&damaged.join("s"))[3]).expect("removes");
    let foreign = log("foreign");
    let newest = segments_in(&foreign.join("s")).pop().expect("a segment");
    harm(&newest, |bytes| bytes.fill(7));
    let place = place.join("journal");
    std::fs::create_dir(&place).expect("makes");
    let unrecovered = super::journal::unrecovered_log(&place);
    vec![rich, damaged, foreign, unrecovered]
}

#[test]
fn all_output_for_programs_is_as_the_schemas_say() {
    let place = temp_dir();
    let old = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/from_06");
    let mut commands: Vec<(&str, Vec<String>)> = Vec::new();
    let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
    let mut count = 0;
    let mut copy = || {
        count += 1;
        place
            .path()
            .join(format!("copy {count}"))
            .to_str()
            .expect("UTF-8")
            .to_owned()
    };
    for log in logs(place.path()) {
        let log = path(&log);
        commands.extend([
            ("verify", words(&["verify", log])),
            ("stat", words(&["stat", log])),
            ("stat", words(&["stat", log, "--segments"])),
            (
                "stat",
                words(&["stat", log, "--watch", "--count=2", "--interval=0.01"]),
            ),
            ("dump", words(&["dump", log])),
            ("dump-properties", words(&["dump", log, "--properties"])),
            ("tail", words(&["tail", log, "-n1000"])),
            ("grep", words(&["grep", log, "a"])),
            ("grep-count", words(&["grep", log, "a", "-c"])),
            ("export", words(&["export", log])),
            ("export", words(&["export", log, "--text"])),
            ("repair", words(&["repair", log, "--to", &copy()])),
            ("snapshot", words(&["snapshot", log, &copy()])),
        ]);
        let file = copy();
        std::fs::write(&file, tool(&["export", log]).1).expect("writes");
        commands.push(("load", words(&["load", &copy(), &file])));
    }
    for name in ["00.jnl", "01.jnl"] {
        let file = place
            .path()
            .join("journal/unrecovered/commit-journal")
            .join(name);
        commands.push(("dump-journal", words(&["dump", path(&file)])));
    }
    for name in ["plain", "sharded"] {
        let old = old.join(name);
        commands.push(("import", words(&["import", path(&old), &copy()])));
    }
    std::fs::create_dir(place.path().join("shards")).expect("makes");
    let (sharded, mixed) = super::checkpoints::sharded_logs(&place.path().join("shards"));
    for log in [path(&sharded), path(&mixed)] {
        commands.push(("checkpoints", words(&["checkpoints", log])));
        commands.push(("checkpoints", words(&["checkpoints", log, "--show=one"])));
    }
    commands.push(("verify", words(&["verify", "/nonexistent"])));
    let schemas = schemas();
    let mut printed: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for (schema, mut arguments) in commands {
        if schema != "export" {
            arguments.push("--json".to_owned());
        }
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let (code, text, _) = tool(&arguments);
        let may_be_empty = matches!(schema, "grep" | "dump-properties");
        assert!(
            code == 3 || !text.is_empty() || may_be_empty,
            "{arguments:?}"
        );
        for line in text.lines() {
            let value: Value = serde_json::from_str(line).expect("JSON");
            let schema = match value.get("error").is_some_and(Value::is_object) {
                true => "error",
                false => schema,
            };
            let wrong = wrong_with(&value, &schemas[schema], schema);
            assert!(wrong.is_empty(), "{arguments:?}: {wrong:?}");
            printed.entry(schema).or_default().push(line.to_owned());
        }
    }
    for schema in schemas.keys() {
        assert!(
            printed.contains_key(&**schema),
            "nothing is checked by {schema}"
        );
    }
    // Each command that can print for programs has a schema of its name.
    for synopsis in synopses()
        .iter()
        .filter(|synopsis| synopsis.contains("--json"))
    {
        let command = synopsis.split(' ').next().expect("a name");
        assert!(schemas.contains_key(command), "{command}");
    }
    for (schema, lines) in &printed {
        agrees_in_python(schema, lines);
    }
}

/// Python's jsonschema, where it is installed, takes the schema and the lines as valid.
fn agrees_in_python(schema: &str, lines: &[String]) {
    const PROGRAM: &str = "\
import json, sys
try:
    import jsonschema
except ImportError:
    sys.exit(77)
schema = json.load(open(sys.argv[1]))
jsonschema.Draft202012Validator.check_schema(schema)
validator = jsonschema.Draft202012Validator(schema)
for line in sys.stdin:
    validator.validate(json.loads(line))
";
    let file = format!("{}/docs/schemas/{schema}.json", env!("CARGO_MANIFEST_DIR"));
    let spawned = Command::new("python3")
        .args(["-c", PROGRAM, &file])
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let Ok(mut child) = spawned else {
        eprintln!("python3 is not installed: {schema} is not checked with it");
        return;
    };
    let mut pipe = child.stdin.take().expect("a pipe");
    let input = lines.join("\n");
    let ended = std::thread::scope(|scope| {
        scope.spawn(move || std::io::Write::write_all(&mut pipe, input.as_bytes()));
        child.wait_with_output().expect("ends")
    });
    match ended.status.code() {
        Some(77) => eprintln!("jsonschema is not installed: {schema} is not checked with it"),
        code => assert_eq!(
            code,
            Some(0),
            "{schema}: {}",
            String::from_utf8_lossy(&ended.stderr)
        ),
    }
}
