//! Does every link of the site lead somewhere? Of the pages that were made, each link must lead to a file of the site, and
//! to an element in it if it names one. What other tools made is only looked at as a target.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::path::Path;
use std::path::PathBuf;

use crate::places;

/// Checks all links of these pages, and returns how many there are.
pub fn check(out: &Path, pages: &BTreeSet<PathBuf>) -> Result<usize, String> {
    let mut count = 0;
    let mut wrong = Vec::new();
    let mut ids: BTreeMap<PathBuf, BTreeSet<String>> = BTreeMap::new();
    for page in pages {
        let html = crate::read(&out.join(page))?;
        for link in attributes(&html, "href").chain(attributes(&html, "src")) {
            count += 1;
            if let Some(why) = broken(out, page, &link, &mut ids) {
                wrong.push(format!("{}: {link}: {why}", page.display()));
            }
        }
    }
    match wrong.is_empty() {
        true => Ok(count),
        false => Err(format!("links that lead nowhere:\n{}", wrong.join("\n"))),
    }
}

fn broken(
    out: &Path,
    page: &Path,
    link: &str,
    ids: &mut BTreeMap<PathBuf, BTreeSet<String>>,
) -> Option<&'static str> {
    if link.starts_with("https://") || link.starts_with("http://") {
        return None;
    }
    let (file, anchor) = link.split_once('#').unwrap_or((link, ""));
    let target = match file {
        "" => page.to_path_buf(),
        file => match places::resolve(page, file) {
            Some(target) => target,
            None => return Some("it leads out of the site"),
        },
    };
    if !out.join(&target).is_file() {
        return Some("there is no such file");
    }
    if anchor.is_empty() {
        return None;
    }
    let found = ids.entry(target.clone()).or_insert_with(|| {
        let html = crate::read(&out.join(&target)).unwrap_or_default();
        attributes(&html, "id").collect()
    });
    (!found.contains(anchor)).then_some("there is no such heading")
}

/// The values of an attribute.
fn attributes<'a>(html: &'a str, name: &str) -> impl Iterator<Item = String> + 'a {
    let begin = format!(" {name}=\"");
    let mut left = html;
    std::iter::from_fn(move || {
        let (_, behind) = left.split_once(&*begin)?;
        let (value, behind) = behind.split_once('"')?;
        left = behind;
        let value = value
            .replace("&lt;", "<")
            .replace("&gt;", ">")
            .replace("&quot;", "\"");
        Some(value.replace("&amp;", "&"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_that_leads_nowhere_is_found() {
        let out = std::env::temp_dir().join(format!("ironwal-docs-check-{}", std::process::id()));
        crate::write(
            &out.join("a.html"),
            b"<h2 id=\"x\"><a href=\"b/c.html#y\"><a href=\"#x\">",
        )
        .expect("writes");
        crate::write(&out.join("b/c.html"), b"<p id=\"y\"><img src=\"../d.svg\">").expect("writes");
        let pages: BTreeSet<PathBuf> = ["a.html", "b/c.html"].map(PathBuf::from).into();
        let wrong = check(&out, &pages).expect_err("d.svg is missing");
        assert!(
            wrong.contains("b/c.html: ../d.svg: there is no such file"),
            "{wrong}"
        );
        assert_eq!(wrong.lines().count(), 2, "{wrong}");
        crate::write(&out.join("d.svg"), b"").expect("writes");
        assert_eq!(check(&out, &pages), Ok(3));
        crate::write(
            &out.join("a.html"),
            b"<a href=\"b/c.html#z\"><a href=\"../e.html\">",
        )
        .expect("writes");
        let wrong = check(&out, &pages).expect_err("two lead nowhere");
        assert!(
            wrong.contains("no such heading") && wrong.contains("out of the site"),
            "{wrong}"
        );
        std::fs::remove_dir_all(&out).expect("removes");
    }
}
