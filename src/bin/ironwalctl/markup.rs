//! How is HTML written, so that no text from a log can become a part of it?
//!
//! Markup is `&'static str`: only the tool's own words can be it. All else goes through [`Markup::text`], which escapes.

use std::fmt::Write;

use super::escape;

/// A growing piece of HTML.
#[derive(Debug, Default)]
pub struct Markup {
    written: String,
}

impl Markup {
    /// Markup of the tool.
    pub fn raw(&mut self, markup: &'static str) -> &mut Self {
        self.written += markup;
        self
    }

    /// Any text, in an element or in an attribute with double quotes.
    pub fn text(&mut self, text: &str) -> &mut Self {
        for letter in escape::text(text).chars() {
            match letter {
                '&' => self.written += "&amp;",
                '<' => self.written += "&lt;",
                '>' => self.written += "&gt;",
                '"' => self.written += "&quot;",
                '\'' => self.written += "&#39;",
                letter => self.written.push(letter),
            }
        }
        self
    }

    pub fn number(&mut self, number: u64) -> &mut Self {
        // Writing to a string does not fail.
        let _ = write!(self.written, "{number}");
        self
    }

    /// A coordinate of a picture.
    pub fn coordinate(&mut self, value: f64) -> &mut Self {
        let _ = write!(self.written, "{value:.2}");
        self
    }

    pub fn append(&mut self, other: &Markup) -> &mut Self {
        self.written += &other.written;
        self
    }

    pub fn into_html(self) -> String {
        self.written
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_never_becomes_markup() {
        let rows = [
            ("<script>", "&lt;script&gt;"),
            ("\" onload='x' & y", "&quot; onload=&#39;x&#39; &amp; y"),
            ("a\nb\u{202e}c\0", "a\\nb\\u{202e}c\\u{0}"),
            ("ü日", "ü日"),
        ];
        for (given, written) in rows {
            let mut markup = Markup::default();
            markup.raw("<p>").text(given);
            assert_eq!(markup.into_html(), format!("<p>{written}"));
        }
    }
}
