//! What must hold: the page of `report` shows what `verify` and `stat` say, whatever the keys of streams and the names of
//! files are, and loads nothing.

use std::collections::BTreeMap;

use super::*;

/// The elements of a page, and the attributes that they may have.
const ALLOWED: &[(&str, &[&str])] = &[
    ("html", &["lang"]),
    ("head", &[]),
    ("meta", &["charset", "name", "content", "http-equiv"]),
    ("title", &[]),
    ("style", &[]),
    ("body", &[]),
    ("header", &[]),
    ("main", &[]),
    ("section", &["id", "class"]),
    ("h1", &[]),
    ("h2", &[]),
    ("h3", &[]),
    ("p", &["class"]),
    ("a", &["href"]),
    ("bdi", &[]),
    ("code", &[]),
    ("strong", &[]),
    ("span", &["class"]),
    ("div", &["class", "tabindex", "role", "aria-label"]),
    ("dl", &[]),
    ("dt", &[]),
    ("dd", &[]),
    ("ul", &["class"]),
    ("li", &[]),
    ("table", &[]),
    ("thead", &[]),
    ("tbody", &[]),
    ("tr", &[]),
    ("th", &["scope", "class"]),
    ("td", &["class", "colspan"]),
    ("details", &[]),
    ("summary", &[]),
    ("figure", &["class"]),
    ("figcaption", &[]),
    (
        "svg",
        &[
            "class",
            "viewBox",
            "preserveAspectRatio",
            "role",
            "aria-hidden",
        ],
    ),
    ("g", &["class"]),
    ("rect", &["class", "x", "y", "width", "height"]),
    ("path", &["class", "d"]),
];

/// What the parser below makes of a page.
#[derive(Default)]
struct Page {
    /// How many of each element with each class there are.
    counts: BTreeMap<String, usize>,
    /// The text outside of `style`, in order, without its escapes.
    text: String,
    ids: Vec<String>,
    links: Vec<String>,
}

/// Reads a page as strictly as it is written. Panics where an element or attribute is none of the above, an attribute has
/// no quotes, elements are not closed in order, or anything would be loaded.
fn parse(html: &str) -> Page {
    let mut page = Page::default();
    let mut left = html
        .strip_prefix("<!DOCTYPE html>\n")
        .expect("a document type");
    let mut within: Vec<String> = Vec::new();
    while let Some((text, rest)) = left.split_once('<') {
        match within.last().is_some_and(|element| element == "style") {
            true => {
                for word in ["url", "@import", "http:", "https:", "<"] {
                    assert!(!text.contains(word), "{word} in the style");
                }
            }
            false => page.text += &unescaped(text),
        }
        let (tag, rest) = rest.split_once('>').expect("the end of a tag");
        left = rest;
        if let Some(closed) = tag.strip_prefix('/') {
            assert_eq!(within.pop().as_deref(), Some(closed), "near {}", &page.text);
            continue;
        }
        let is_empty = tag.ends_with('/') || tag.starts_with("meta ");
        let tag = tag.trim_end_matches('/');
        let (name, mut attributes) = tag.split_once(' ').unwrap_or((tag, ""));
        let allowed = ALLOWED.iter().find(|(allowed, _)| *allowed == name);
        let (_, allowed) = allowed.unwrap_or_else(|| panic!("<{tag}>"));
        let mut class = "";
        while !attributes.trim().is_empty() {
            let (attribute, rest) = attributes.trim_start().split_once("=\"").expect("a quote");
            let (value, rest) = rest.split_once('"').expect("a quote");
            assert!(allowed.contains(&attribute), "{attribute} in <{tag}>");
            match attribute {
                "class" => class = value,
                "id" => page.ids.push(value.to_owned()),
                "href" => page.links.push(value.to_owned()),
                _ => {}
            }
            attributes = rest;
        }
        *page.counts.entry(format!("{name}.{class}")).or_default() += 1;
        if !is_empty {
            within.push(name.to_owned());
        }
    }
    assert_eq!((left, within.len()), ("\n", 0));
    for link in &page.links {
        let target = link.strip_prefix('#').expect("a link within the page");
        assert!(page.ids.iter().any(|id| id == target), "{link}");
    }
    page
}

fn unescaped(text: &str) -> String {
    let mut plain = String::new();
    let mut left = text;
    while let Some((before, behind)) = left.split_once('&') {
        let (name, behind) = behind.split_once(';').expect("an entity");
        plain += before;
        plain += match name {
            "amp" => "&",
            "lt" => "<",
            "gt" => ">",
            "quot" => "\"",
            "#39" => "'",
            _ => panic!("the entity {name}"),
        };
        left = behind;
    }
    plain + left
}

impl Page {
    fn count(&self, element: &str) -> usize {
        self.counts.get(element).copied().unwrap_or(0)
    }
}

/// Writes the page of a log, and reads it.
fn report(root: &Path, file: &Path) -> (i32, Page, String) {
    let (code, text, errors) = tool(&["report", path(root), "--html", path(file)]);
    assert!(code != 2, "{errors}");
    let html = std::fs::read_to_string(file).unwrap_or_else(|error| panic!("{error}: {errors}"));
    (code, parse(&html), text)
}

#[test]
fn the_page_shows_what_verify_and_stat_say() {
    let place = temp_dir();
    let root = closed_log(place.path());
    let file = place.path().join("page.html");
    let (code, page, text) = report(&root, &file);
    assert_eq!(code, 0, "{text}");
    assert!(text.contains("page.html: clean, 2 streams"), "{text}");
    assert!(page.text.contains("Clean: everything was read"));
    assert_eq!(
        page.count("path.damage") + page.count("td.bad"),
        1,
        "the legend"
    );

    let segments = segments_in(&root.join("s"));
    // A payload in the second segment, and the fourth is gone.
    harm(&segments[1], |bytes| bytes[1536 + 36] ^= 1);
    std::fs::remove_file(&segments[3]).expect("removes");
    let before = everything(&root);
    let (code, page, text) = report(&root, &file);
    assert!(everything(&root) == before, "the log was changed");
    let (_, verified) = json(&["verify", path(&root), "--json"]);
    let (_, counted) = json(&["stat", path(&root), "--json", "--segments"]);
    let findings = verified["findings"].as_array().expect("a list");
    let bad = findings
        .iter()
        .filter(|finding| finding["severity"] != "note");
    let bad = bad.count();
    assert_eq!(code, 1);
    assert!(text.contains(&format!("{bad} findings")), "{text}");
    assert_eq!(page.count("td.bad"), bad);
    for finding in findings {
        let place = Path::new(finding["path"].as_str().expect("a path"));
        let place = place.strip_prefix(&root).expect("in the log");
        for words in [finding["what"].as_str().expect("text"), path(place)] {
            assert!(page.text.contains(words), "{words}");
        }
    }
    // Every segment is drawn, besides those of the legend; so is what is lost, and the damage where it has a file.
    let streams = counted["streams"].as_array().expect("a list");
    let lists: Vec<&Value> = streams
        .iter()
        .map(|stream| &stream["segment_list"])
        .collect();
    let listed: Vec<&Value> = lists
        .iter()
        .flat_map(|list| list.as_array().expect("a list"))
        .collect();
    let drawn = ["g.sealed", "g.open", "g.end-lost"].map(|kind| page.count(kind));
    assert_eq!(drawn.iter().sum::<usize>(), listed.len() + 3);
    let gaps = listed
        .iter()
        .filter(|segment| number(segment, "lost_before") > 0);
    assert_eq!((gaps.count(), page.count("rect.lost")), (1, 2));
    let is_of = |finding: &&Value, segment: &&Value| finding["path"] == segment["path"];
    let marked = findings
        .iter()
        .filter(|finding| finding["severity"] != "note")
        .filter(|finding| listed.iter().any(|segment| is_of(finding, segment)));
    assert_eq!(page.count("path.damage"), marked.count() + 1);
    for stream in streams {
        let ids = format!(
            "{}..{}",
            number(stream, "first_id"),
            number(stream, "next_id")
        );
        assert!(page.text.contains(&ids), "{ids}");
    }
    let lost: u64 = streams
        .iter()
        .map(|stream| number(stream, "lost_ids"))
        .sum();
    assert!(lost > 0 && page.text.contains(&format!("{lost} ids lost")));
}

#[test]
fn the_segments_that_stat_lists_hold_the_ids_of_their_stream() {
    let place = temp_dir();
    let root = closed_log(place.path());
    let segments = segments_in(&root.join("s"));
    std::fs::remove_file(&segments[3]).expect("removes");
    let (code, counted) = json(&["stat", path(&root), "--segments", "--json", "--stream=s"]);
    assert_eq!(code, 1);
    let stream = &counted["streams"][0];
    let listed = stream["segment_list"].as_array().expect("a list");
    assert_eq!(listed.len(), segments.len() - 1);
    let mut next = number(stream, "first_id");
    for segment in listed {
        assert_eq!(
            number(segment, "first_id"),
            next + number(segment, "lost_before")
        );
        next = number(segment, "end_id");
        let len = std::fs::metadata(segment["path"].as_str().expect("a path"))
            .expect("reads")
            .len();
        assert_eq!(number(segment, "bytes"), len);
        assert!(number(segment, "frames_end") <= len && number(segment, "modified_ms") > 0);
    }
    assert_eq!(next, number(stream, "next_id"));
    let bytes: u64 = listed.iter().map(|segment| number(segment, "bytes")).sum();
    assert_eq!(bytes, number(stream, "bytes"));
    let (_, text, _) = tool(&["stat", path(&root), "--segments", "--stream=s"]);
    let lines = text
        .lines()
        .filter(|line| line.starts_with("  ") && line.contains(".wal: ids "));
    assert_eq!(lines.count(), listed.len(), "{text}");
    assert!(text.contains(" ids lost before it"), "{text}");
    // Without the option there is no list.
    let (_, counted) = json(&["stat", path(&root), "--json"]);
    assert!(counted["streams"][0].get("segment_list").is_none());
}

#[test]
fn no_text_of_a_log_becomes_markup() {
    let hostile = [
        "<script>alert(1)</script>",
        "\"><img src=x onerror=alert(1)>",
        "' onmouseover='alert(1)",
        "</title></style></svg><h1>",
        "&lt;b&gt; &amp;",
        "<!-- ",
        "]]>",
        "\u{202e}gnp.\u{1b}[2J",
        "ü日 \u{5d0}\u{5d1}",
    ];
    let place = temp_dir();
    let mut how = options(place.path(), SyncMode::Async);
    how.root_path = place.path().join("log<script>\"&'");
    how.max_segment_size = 4096;
    let root = how.root_path.clone();
    let wal = Wal::new(how).expect("opens");
    for key in hostile {
        for id in 0..100 {
            wal.append(key, &entry(id)).expect("appends");
        }
    }
    wal.close().expect("closes");
    // Findings name keys, and the file.
    let (_, counted) = json(&["stat", path(&root), "--json", "--segments"]);
    for stream in counted["streams"].as_array().expect("a list") {
        let segment = stream["segment_list"][0]["path"].as_str().expect("a path");
        harm(Path::new(segment), |bytes| bytes[1536 + 36] ^= 1);
    }
    std::fs::write(root.join("<img src=x>"), b"x").expect("writes");
    let file = place.path().join("page.html");
    let (code, page, _) = report(&root, &file);
    assert_eq!(code, 1);
    assert_eq!(page.count("td.bad"), hostile.len());
    for key in hostile {
        let shown = key
            .replace('\u{202e}', "\\u{202e}")
            .replace('\u{1b}', "\\u{1b}");
        // In the findings, the table, the headings, the names of pictures and the summary.
        assert!(page.text.matches(&*shown).count() >= 5, "{key:?}");
    }
    let html = std::fs::read_to_string(&file).expect("reads");
    let policy = "http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\"";
    assert!(html.contains(policy));
    assert!(!html.contains('\u{202e}') && !html.contains('\u{1b}'));
}

#[test]
#[should_panic(expected = "<script>")]
fn the_check_of_pages_can_fail() {
    parse("<!DOCTYPE html>\n<html lang=\"en\"><script></script></html>\n");
}

#[test]
fn a_page_of_many_streams_shows_the_damaged_ones_and_says_what_is_left_out() {
    let place = temp_dir();
    let how = options(place.path(), SyncMode::Async);
    let root = how.root_path.clone();
    let wal = Wal::new(how).expect("opens");
    for number in 0..120 {
        wal.append(&format!("stream {number:03}"), &entry(number))
            .expect("appends");
    }
    wal.close().expect("closes");
    let (_, counted) = json(&[
        "stat",
        path(&root),
        "--json",
        "--segments",
        "--stream=stream 119",
    ]);
    let last = counted["streams"][0]["segment_list"][0]["path"]
        .as_str()
        .expect("a path");
    harm(Path::new(last), |bytes| bytes[1536 + 36] ^= 1);
    let (code, page, _) = report(&root, &place.path().join("page.html"));
    assert_eq!((code, page.count("section.stream")), (1, 100));
    assert_eq!(
        page.count("path.damage"),
        2,
        "the damaged one and the legend"
    );
    assert!(page.text.contains("20 more pictures are not shown here"));
    assert!(page.ids.iter().any(|id| id == "s119"));
}

#[test]
fn a_page_is_written_whole_and_never_into_the_log() {
    let place = temp_dir();
    let root = closed_log(place.path());
    let before = everything(&root);
    let segment = segments_in(&root.join("s")).remove(0);
    let new = root.join("page.html");
    let link = place.path().join("link.html");
    std::os::unix::fs::symlink(&segment, &link).expect("links");
    for file in [&segment, &new, &link, &root.join("s/../page.html")] {
        let (code, _, errors) = tool(&["report", path(&root), "--html", path(file)]);
        assert!(code == 3 && errors.contains("lies in the log"), "{errors}");
    }
    assert!(everything(&root) == before, "the log was changed");
    // A stream's directory may be elsewhere.
    let elsewhere = place.path().join("elsewhere");
    std::fs::rename(root.join("s"), &elsewhere).expect("moves");
    std::os::unix::fs::symlink(&elsewhere, root.join("s")).expect("links");
    let (code, _, errors) = tool(&[
        "report",
        path(&root),
        "--html",
        path(&elsewhere.join("page.html")),
    ]);
    assert!(code == 3 && errors.contains("lies in the log"), "{errors}");
    std::fs::remove_file(root.join("s")).expect("removes");
    std::fs::rename(&elsewhere, root.join("s")).expect("moves");
    let (code, _, errors) = tool(&["report", path(&root), "--html", path(place.path())]);
    assert!(code == 3 && errors.contains("is a directory"), "{errors}");

    // A page that is there is replaced, through a link too, and nothing else is left.
    let (page, link) = (
        place.path().join("page.html"),
        place.path().join("latest.html"),
    );
    std::fs::write(&page, "old").expect("writes");
    std::os::unix::fs::symlink(&page, &link).expect("links");
    report(&root, &link);
    assert!(
        link.is_symlink()
            && std::fs::read_to_string(&page)
                .expect("reads")
                .contains("Clean")
    );
    let names = std::fs::read_dir(place.path()).expect("lists");
    let names: Vec<_> = names
        .map(|found| found.expect("an entry").file_name())
        .collect();
    assert!(
        !names
            .iter()
            .any(|name| name.to_string_lossy().ends_with(".new")),
        "{names:?}"
    );
    // A link that leads nowhere is not replaced: /dev/stdout is one where standard output is closed.
    let dangling = place.path().join("dangling.html");
    std::os::unix::fs::symlink(place.path().join("nowhere"), &dangling).expect("links");
    let (code, _, errors) = tool(&["report", path(&root), "--html", path(&dangling)]);
    assert!(code == 3 && errors.contains("leads nowhere"), "{errors}");
    assert!(dangling.is_symlink());
    // What is no plain file is written as it is.
    let (code, text, _) = tool(&["report", path(&root), "--html", "/dev/stdout"]);
    assert!(code == 0 && text.starts_with("<!DOCTYPE html>"));
    // Neither is a full disk a page.
    let (code, _, errors) = tool(&["report", path(&root), "--html", "/dev/full"]);
    assert!(code == 3 && errors.contains("/dev/full"), "{errors}");
}
