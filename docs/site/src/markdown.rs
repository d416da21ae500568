//! How does a document become HTML?
//!
//! Headings get the anchors that they have on GitHub, links lead to the pages of the site, tables scroll by themselves,
//! and lines of Rust that rustdoc hides are hidden.

use std::path::Path;
use std::path::PathBuf;

use pulldown_cmark::CodeBlockKind;
use pulldown_cmark::CowStr;
use pulldown_cmark::Event;
use pulldown_cmark::HeadingLevel;
use pulldown_cmark::Options;
use pulldown_cmark::Parser;
use pulldown_cmark::Tag;
use pulldown_cmark::TagEnd;

use crate::places;

/// A document as HTML.
#[derive(Debug)]
pub struct Document {
    pub body: String,
    /// Its headings: level, anchor, text.
    pub headings: Vec<(u32, String, String)>,
    /// What it links to in the repository.
    pub linked: Vec<PathBuf>,
}

/// Converts the document at `path` in the repository.
pub fn convert(repository: &Path, path: &Path, text: &str) -> Result<Document, String> {
    let parsed: Vec<Event<'_>> = Parser::new_ext(text, Options::ENABLE_TABLES).collect();
    let own = places::target(repository, path)?.path;
    let mut document = Document {
        body: String::new(),
        headings: Vec::new(),
        linked: Vec::new(),
    };
    let mut events: Vec<Event<'_>> = Vec::with_capacity(parsed.len());
    let mut in_rust = false;
    for (number, event) in parsed.iter().enumerate() {
        match event {
            Event::Start(Tag::Heading { level, .. }) => {
                let text = text_of_heading(&parsed[number..]);
                let anchor = anchor(&text, &document.headings);
                events.push(Event::Start(Tag::Heading {
                    level: *level,
                    id: Some(anchor.clone().into()),
                    classes: Vec::new(),
                    attrs: Vec::new(),
                }));
                document.headings.push((*level as u32, anchor, text));
            }
            Event::End(TagEnd::Heading(level)) => {
                if *level != HeadingLevel::H1 {
                    let (_, anchor, text) = document.headings.last().expect("it began");
                    let link = format!(
                        " <a class=\"anchor\" href=\"#{}\" aria-label=\"Link to {}\">#</a>",
                        escaped(anchor),
                        escaped(text),
                    );
                    events.push(Event::InlineHtml(link.into()));
                }
                events.push(event.clone());
            }
            Event::Start(Tag::Link {
                link_type,
                dest_url,
                title,
                id,
            }) => {
                let dest_url = rewritten(repository, path, &own, dest_url, &mut document.linked)?;
                events.push(Event::Start(Tag::Link {
                    link_type: *link_type,
                    dest_url,
                    title: title.clone(),
                    id: id.clone(),
                }));
            }
            Event::Start(Tag::Image {
                link_type,
                dest_url,
                title,
                id,
            }) => {
                let dest_url = rewritten(repository, path, &own, dest_url, &mut document.linked)?;
                events.push(Event::Start(Tag::Image {
                    link_type: *link_type,
                    dest_url,
                    title: title.clone(),
                    id: id.clone(),
                }));
            }
            Event::Start(Tag::Table(_)) => {
                let before =
                    "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"Table\">";
                events.push(Event::Html(before.into()));
                events.push(event.clone());
            }
            Event::End(TagEnd::Table) => {
                events.push(event.clone());
                events.push(Event::Html("</div>\n".into()));
            }
            Event::Start(Tag::CodeBlock(CodeBlockKind::Fenced(language))) => {
                in_rust = language.split(',').next() == Some("rust");
                events.push(event.clone());
            }
            Event::End(TagEnd::CodeBlock) => {
                in_rust = false;
                events.push(event.clone());
            }
            Event::Text(code) if in_rust => events.push(Event::Text(shown(code).into())),
            // Comments in the source are for its authors.
            Event::Html(html) if html.trim_start().starts_with("<!--") => {}
            event => events.push(event.clone()),
        }
    }
    pulldown_cmark::html::push_html(&mut document.body, events.into_iter());
    let code = "<pre><code";
    let focusable = "<pre tabindex=\"0\"><code";
    document.body = document.body.replace(code, focusable);
    Ok(document)
}

/// The text of the heading that begins here.
fn text_of_heading(events: &[Event<'_>]) -> String {
    let until_end = events
        .iter()
        .take_while(|event| !matches!(event, Event::End(TagEnd::Heading(_))));
    let words = until_end.filter_map(|event| match event {
        Event::Text(text) | Event::Code(text) => Some(&**text),
        Event::SoftBreak => Some(" "),
        _ => None,
    });
    words.collect()
}

/// The anchor that GitHub gives a heading behind others.
fn anchor(heading: &str, before: &[(u32, String, String)]) -> String {
    let kept = |c: &char| c.is_alphanumeric() || [' ', '-', '_'].contains(c);
    let anchor: String = heading.trim().to_lowercase().chars().filter(kept).collect();
    let anchor = anchor.replace(' ', "-");
    let is_free = |name: &String| before.iter().all(|(_, other, _)| other != name);
    let numbered = (1..).map(|number| format!("{anchor}-{number}"));
    let mut names = std::iter::once(anchor.clone()).chain(numbered);
    names.find(is_free).expect("there is a number for each")
}

/// The link as it is in the site.
fn rewritten<'a>(
    repository: &Path,
    path: &Path,
    own: &Path,
    link: &str,
    linked: &mut Vec<PathBuf>,
) -> Result<CowStr<'a>, String> {
    if link.starts_with("https://") || link.starts_with("http://") || link.starts_with('#') {
        return Ok(link.to_owned().into());
    }
    let (file, anchor) = link.split_once('#').unwrap_or((link, ""));
    let wrong = || {
        format!(
            "{}: the link {link} leads out of the repository",
            path.display()
        )
    };
    let file = places::resolve(path, file).ok_or_else(wrong)?;
    let target = places::target(repository, &file)
        .map_err(|error| format!("{}: {error}", path.display()))?;
    linked.push(file);
    let mut link = places::relative(own, &target.path);
    if !anchor.is_empty() {
        link += "#";
        link += anchor;
    }
    Ok(link.into())
}

/// Rust without the lines that rustdoc hides.
fn shown(code: &str) -> String {
    let is_shown = |line: &&str| {
        let line = line.trim();
        !(line == "#" || line.starts_with("# "))
    };
    code.split_inclusive('\n').filter(is_shown).collect()
}

/// A page that shows a file.
pub fn source(path: &Path, text: &str) -> String {
    let mut body = format!(
        "<h1>{}</h1>\n<pre tabindex=\"0\"><code>",
        escaped(&path.to_string_lossy())
    );
    body += &escaped(text);
    body += "</code></pre>\n";
    body
}

/// A page that lists the files of a folder, and the files.
pub fn folder(repository: &Path, path: &Path) -> Result<(String, Vec<PathBuf>), String> {
    let failed = |error: std::io::Error| format!("{}: {error}", path.display());
    let mut files = Vec::new();
    for found in std::fs::read_dir(repository.join(path)).map_err(failed)? {
        let found = found.map_err(failed)?;
        // Hidden files, and what is no text, are not shown.
        let is_text =
            std::fs::read(found.path()).is_ok_and(|bytes| String::from_utf8(bytes).is_ok());
        let name = found.file_name().to_string_lossy().into_owned();
        if is_text && !name.starts_with('.') {
            files.push(path.join(name));
        }
    }
    files.sort();
    let own = places::target(repository, path)?.path;
    let mut body = format!("<h1>{}</h1>\n<ul>\n", escaped(&path.to_string_lossy()));
    for file in &files {
        let target = places::target(repository, file)?.path;
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        body += &format!(
            "<li><a href=\"{}\">{}</a></li>\n",
            escaped(&places::relative(&own, &target)),
            escaped(&name)
        );
    }
    body += "</ul>\n";
    Ok((body, files))
}

/// Text in HTML.
pub fn escaped(text: &str) -> String {
    let text = text.replace('&', "&amp;").replace('<', "&lt;");
    text.replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn repository() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
    }

    fn body(text: &str) -> String {
        let converted = convert(&repository(), Path::new("docs/GUIDE.md"), text);
        converted.expect("is converted").body
    }

    #[test]
    fn links_lead_to_pages() {
        let rows = [
            ("[a](../README.md#x)", "href=\"index.html#x\""),
            ("[a](CRASH_SAFETY.md)", "href=\"crash-safety.html\""),
            ("[a](#b)", "href=\"#b\""),
            ("[a](https://b.example)", "href=\"https://b.example\""),
            ("[a](../LICENSE)", "href=\"files/LICENSE.html\""),
            ("[a](schemas)", "href=\"files/docs/schemas/index.html\""),
            (
                "![a](plots/w4-scaling.svg)",
                "src=\"files/docs/plots/w4-scaling.svg\"",
            ),
        ];
        for (markdown, expected) in rows {
            let html = body(markdown);
            assert!(html.contains(expected), "{markdown}: {html}");
        }
        let path = Path::new("docs/GUIDE.md");
        for wrong in ["[a](NONE.md)", "[a](../../x.md)"] {
            assert!(convert(&repository(), path, wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn headings_have_the_anchors_of_github() {
        let text = "# A b, `c`: 1,000 × d_e\n\n## Twice\n\n## Twice\n";
        let converted =
            convert(&repository(), Path::new("docs/GUIDE.md"), text).expect("is converted");
        let anchors: Vec<&str> = converted
            .headings
            .iter()
            .map(|(_, anchor, _)| &**anchor)
            .collect();
        assert_eq!(anchors, ["a-b-c-1000--d_e", "twice", "twice-1"]);
        assert!(converted.body.contains("<h2 id=\"twice-1\">"));
    }

    #[test]
    fn hidden_lines_of_rust_are_hidden_and_other_comments_are_not() {
        let html = body(
            "```rust\n# use a;\nlet b = 1;\n#\n```\n```sh\n# a comment\n```\n<!-- from x -->\n",
        );
        assert!(html.contains("let b = 1;") && !html.contains("use a"));
        assert!(html.contains("# a comment") && !html.contains("from x"));
    }
}
