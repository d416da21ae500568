//! Which pages are there, in which order? A Markdown file with a heading for each part and a list of links below it.

use std::path::Path;
use std::path::PathBuf;

use crate::places;

/// The pages of the site.
#[derive(Debug)]
pub struct Navigation {
    pub parts: Vec<Part>,
    pub references: Vec<Reference>,
}

/// Pages under one heading.
#[derive(Debug)]
pub struct Part {
    pub title: String,
    pub entries: Vec<Entry>,
}

/// A page, or a place in one.
#[derive(Debug)]
pub struct Entry {
    pub title: String,
    /// In the repository.
    pub document: PathBuf,
    pub anchor: String,
}

/// A reference that another tool makes.
#[derive(Debug)]
pub struct Reference {
    pub title: String,
    /// In the site.
    pub path: PathBuf,
}

impl Navigation {
    /// Reads it; `path` is where it stands in the repository.
    pub fn parse(text: &str, path: &Path, references: Vec<Reference>) -> Result<Self, String> {
        let mut parts: Vec<Part> = Vec::new();
        for line in text.lines() {
            if let Some(title) = line.strip_prefix("## ") {
                parts.push(Part {
                    title: title.to_owned(),
                    entries: Vec::new(),
                });
            }
            let Some(item) = line.strip_prefix("- [") else {
                continue;
            };
            let wrong = || format!("{}: {line}", path.display());
            let (title, link) = item.split_once("](").ok_or_else(wrong)?;
            let link = link.strip_suffix(')').ok_or_else(wrong)?;
            let (file, anchor) = link.split_once('#').unwrap_or((link, ""));
            let part = parts.last_mut().ok_or_else(wrong)?;
            part.entries.push(Entry {
                title: title.to_owned(),
                document: places::resolve(path, file).ok_or_else(wrong)?,
                anchor: anchor.to_owned(),
            });
        }
        Ok(Navigation { parts, references })
    }

    /// The documents in their order, each once.
    pub fn documents(&self) -> impl Iterator<Item = &Path> {
        let mut seen: Vec<&Path> = Vec::new();
        let entries = self.parts.iter().flat_map(|part| &part.entries);
        for entry in entries {
            if !seen.contains(&entry.document.as_path()) {
                seen.push(&entry.document);
            }
        }
        seen.into_iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_and_links_are_read_in_their_order() {
        let text = "# Navigation\n\nWords.\n\n## Begin\n\n- [A](../A.md)\n- [A again](../A.md#x)\n\n## End\n- [B](B.md)\n";
        let read = Navigation::parse(text, Path::new("docs/site/n.md"), vec![]).expect("is one");
        let titles: Vec<&str> = read.parts.iter().map(|part| &*part.title).collect();
        assert_eq!(titles, ["Begin", "End"]);
        assert_eq!(read.parts[0].entries[1].anchor, "x");
        let documents: Vec<&Path> = read.documents().collect();
        assert_eq!(
            documents,
            [Path::new("docs/A.md"), Path::new("docs/site/B.md")]
        );
        assert!(Navigation::parse("- [A](a.md)", Path::new("n.md"), vec![]).is_err());
    }
}
