//! How is a plot drawn? Lines over an axis of named places, on a logarithmic scale.

use std::fmt::Write;

/// A line: its name and its value at each place, where it has one.
pub struct Line {
    pub name: String,
    pub values: Vec<Option<f64>>,
    pub bold: bool,
}

/// A plot, with a logarithmic axis upwards.
pub struct Plot<'a> {
    pub title: String,
    pub places: Vec<String>,
    pub lines: Vec<Line>,
    pub tick: &'a dyn Fn(f64) -> String,
}

const WIDTH: f64 = 880.0;
const HEIGHT: f64 = 460.0;
const LEFT: f64 = 80.0;
const RIGHT: f64 = 270.0;
const TOP: f64 = 40.0;
const BOTTOM: f64 = 40.0;

/// Colours that differ for most eyes (Okabe and Ito, 2008), then the same, dashed.
const COLOURS: [&str; 8] = [
    "#000000", "#D55E00", "#0072B2", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#8A8A00",
];

impl Plot<'_> {
    /// The plot as a document, or nothing where there is nothing to draw.
    pub fn drawn(&self) -> Option<String> {
        let values = self
            .lines
            .iter()
            .flat_map(|line| line.values.iter().flatten());
        let values = values.copied().filter(|value| *value > 0.0);
        let (least, most) = values.fold((f64::MAX, 0.0_f64), |(least, most), value| {
            (least.min(value), most.max(value))
        });
        if most == 0.0 {
            return None;
        }
        let (low, high) = (
            least.log10().floor(),
            most.log10().ceil().max(least.log10().floor() + 1.0),
        );
        let y = move |value: f64| {
            let share = (value.max(1e-9).log10() - low) / (high - low);
            HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM)
        };
        let mut text = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" \
             font-family=\"sans-serif\" font-size=\"12\">\n\
             <rect width=\"{WIDTH}\" height=\"{HEIGHT}\" fill=\"white\"/>\n\
             <text x=\"{LEFT}\" y=\"22\" font-size=\"15\">{}</text>\n",
            escaped(&self.title),
        );
        self.axes(&mut text, low as i32, high as i32, &y);
        for (index, line) in self.lines.iter().enumerate() {
            self.line(&mut text, index, line, &y);
        }
        text.push_str("</svg>\n");
        Some(text)
    }

    fn x(&self, place: usize) -> f64 {
        let gaps = (self.places.len().max(2) - 1) as f64;
        LEFT + 20.0 + place as f64 / gaps * (WIDTH - LEFT - RIGHT - 40.0)
    }

    fn axes(&self, text: &mut String, low: i32, high: i32, y: &dyn Fn(f64) -> f64) {
        let right = WIDTH - RIGHT;
        for power in low..=high {
            let (value, at) = (10f64.powi(power), y(10f64.powi(power)));
            let _ = writeln!(
                text,
                "<line x1=\"{LEFT}\" y1=\"{at:.1}\" x2=\"{right}\" y2=\"{at:.1}\" stroke=\"#ddd\"/>\
                 <text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
                LEFT - 8.0,
                at + 4.0,
                escaped(&(self.tick)(value)),
            );
        }
        for (index, place) in self.places.iter().enumerate() {
            let _ = writeln!(
                text,
                "<text x=\"{:.1}\" y=\"{}\" text-anchor=\"middle\">{}</text>",
                self.x(index),
                HEIGHT - BOTTOM + 20.0,
                escaped(place),
            );
        }
    }

    fn line(&self, text: &mut String, index: usize, line: &Line, y: &dyn Fn(f64) -> f64) {
        let colour = COLOURS[index % COLOURS.len()];
        let dash = ["", "6 3", "2 2", "8 3 2 3"][index / COLOURS.len() % 4];
        let width = if line.bold { 3.0 } else { 1.5 };
        let style = format!(
            "stroke=\"{colour}\" stroke-width=\"{width}\" stroke-dasharray=\"{dash}\" fill=\"none\""
        );
        let mut points = String::new();
        for (place, value) in line.values.iter().enumerate() {
            if let Some(value) = value.filter(|value| *value > 0.0) {
                let _ = write!(points, "{:.1},{:.1} ", self.x(place), y(value));
            }
        }
        let _ = writeln!(text, "<polyline points=\"{}\" {style}/>", points.trim_end());
        let (from, at) = (WIDTH - RIGHT + 10.0, TOP + 10.0 + index as f64 * 18.0);
        let _ = writeln!(
            text,
            "<line x1=\"{from}\" y1=\"{at}\" x2=\"{}\" y2=\"{at}\" {style}/>\
             <text x=\"{}\" y=\"{}\">{}</text>",
            from + 26.0,
            from + 32.0,
            at + 4.0,
            escaped(&line.name),
        );
    }
}

fn escaped(text: &str) -> String {
    let text = text.replace('&', "&amp;").replace('<', "&lt;");
    text.replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plot_holds_its_lines_and_escapes_their_names() {
        let line = |values: &[f64]| Line {
            name: "a < b".to_owned(),
            values: values.iter().map(|value| Some(*value)).collect(),
            bold: true,
        };
        let plot = |values: &[f64]| Plot {
            title: "t".to_owned(),
            places: vec!["1".to_owned(), "2".to_owned()],
            lines: vec![line(values)],
            tick: &|value| value.to_string(),
        };
        let drawn = plot(&[1.0, 100.0]).drawn().expect("a plot");
        assert!(drawn.contains("a &lt; b") && drawn.contains("polyline points=\"100.0,420.0 "));
        assert!(plot(&[0.0, 0.0]).drawn().is_none());
    }
}
