//! What stands around a document: navigation, the page before and after, and where the text comes from.

use std::path::Path;

use crate::markdown::Document;
use crate::markdown::escaped;
use crate::navigation::Entry;
use crate::navigation::Navigation;
use crate::places;

/// All headings of all pages.
pub const HEADINGS: &str = "headings.html";
pub const STYLE: &str = "site.css";

/// The whole page at `own` in the site, of the file at `source` in the repository.
pub fn around(navigation: &Navigation, own: &Path, source: &Path, body: &str) -> String {
    let to = |path: &Path| escaped(&places::relative(own, path));
    let title = title(body);
    let mut html =
        String::from("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n");
    html += "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n";
    html += &format!("<title>{title} · ironwal</title>\n");
    html += &format!(
        "<link rel=\"stylesheet\" href=\"{}\">\n",
        to(Path::new(STYLE))
    );
    html += "</head>\n<body>\n<a class=\"skip\" href=\"#main\">Skip to the text</a>\n";
    html += &format!(
        "<header><a class=\"home\" href=\"{}\">ironwal</a><a class=\"to-contents\" href=\"#contents\">Contents</a></header>\n",
        to(Path::new("index.html"))
    );
    html += "<div class=\"columns\">\n<main id=\"main\">\n";
    html += body;
    html += &neighbours(navigation, own, source);
    html += &format!(
        "<footer>From <code>{}</code></footer>\n</main>\n",
        escaped(&source.to_string_lossy())
    );
    html += &contents(navigation, own, source);
    html += "</div>\n</body>\n</html>\n";
    html
}

/// The text of the first heading, as HTML without tags.
fn title(body: &str) -> String {
    let begin = body
        .find("<h1")
        .and_then(|at| Some(at + body[at..].find('>')? + 1));
    let Some(begin) = begin else {
        return "Documentation".to_owned();
    };
    let end = body[begin..]
        .find("</h1>")
        .map_or(body.len(), |end| begin + end);
    let mut title = String::new();
    let mut in_tag = false;
    for letter in body[begin..end].chars() {
        match letter {
            '<' => in_tag = true,
            '>' => in_tag = false,
            letter if !in_tag => title.push(letter),
            _ => {}
        }
    }
    title
}

fn place_of(entry: &Entry, own: &Path) -> String {
    let mut link = places::relative(own, &places::document(&entry.document));
    if !entry.anchor.is_empty() {
        link += "#";
        link += &entry.anchor;
    }
    escaped(&link)
}

fn contents(navigation: &Navigation, own: &Path, source: &Path) -> String {
    let mut html = String::from("<nav id=\"contents\" aria-label=\"Contents\">\n");
    for part in &navigation.parts {
        html += &format!("<h2>{}</h2>\n<ul>\n", escaped(&part.title));
        for entry in &part.entries {
            let is_here = entry.document == source && entry.anchor.is_empty();
            let here = if is_here {
                " aria-current=\"page\""
            } else {
                ""
            };
            let link = place_of(entry, own);
            html += &format!(
                "<li><a href=\"{link}\"{here}>{}</a></li>\n",
                escaped(&entry.title)
            );
        }
        html += "</ul>\n";
    }
    html += "<h2>Generated</h2>\n<ul>\n";
    for reference in &navigation.references {
        let link = escaped(&places::relative(own, &reference.path));
        html += &format!(
            "<li><a href=\"{link}\">{}</a></li>\n",
            escaped(&reference.title)
        );
    }
    let link = escaped(&places::relative(own, Path::new(HEADINGS)));
    html += &format!("<li><a href=\"{link}\">All headings</a></li>\n</ul>\n</nav>\n");
    html
}

/// Links to the pages before and after.
fn neighbours(navigation: &Navigation, own: &Path, source: &Path) -> String {
    let entries = navigation.parts.iter().flat_map(|part| &part.entries);
    let pages: Vec<_> = entries.filter(|entry| entry.anchor.is_empty()).collect();
    let Some(here) = pages.iter().position(|entry| entry.document == source) else {
        return String::new();
    };
    let mut html = String::from("<nav class=\"neighbours\" aria-label=\"Pages before and after\">");
    let before = here.checked_sub(1).and_then(|before| pages.get(before));
    for (class, arrow, entry) in [("before", "←", before), ("after", "→", pages.get(here + 1))]
    {
        if let Some(entry) = entry {
            html += &format!(
                "<a class=\"{class}\" href=\"{}\"><span aria-hidden=\"true\">{arrow}</span> {}</a>",
                place_of(entry, own),
                escaped(&entry.title)
            );
        }
    }
    html += "</nav>\n";
    html
}

/// The page of all headings: what the browser finds on it, the site has.
pub fn headings(documents: &[(&Path, &Document)]) -> String {
    let mut html = String::from("<h1 id=\"all-headings\">All headings</h1>\n");
    for (path, document) in documents {
        let link = escaped(&places::relative(Path::new(HEADINGS), path));
        for (number, (level, anchor, text)) in document.headings.iter().enumerate() {
            let (anchor, text) = (escaped(anchor), escaped(text));
            match (number, level) {
                (0, _) => html += &format!("<h2><a href=\"{link}\">{text}</a></h2>\n<ul>\n"),
                (_, 2) => html += &format!("<li><a href=\"{link}#{anchor}\">{text}</a></li>\n"),
                _ => {
                    html +=
                        &format!("<li class=\"deep\"><a href=\"{link}#{anchor}\">{text}</a></li>\n")
                }
            }
        }
        html += "</ul>\n";
    }
    html
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_title_is_the_text_of_the_first_heading() {
        assert_eq!(
            title("<p>x</p><h1 id=\"a\">The <code>a</code> &amp; b</h1>"),
            "The a &amp; b"
        );
        assert_eq!(title("<p>x</p>"), "Documentation");
    }
}
