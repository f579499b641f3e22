//! Pictures: lines over seconds, as SVG (<https://www.w3.org/TR/SVG11/>).

use std::fmt::Write;

/// One line.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Line {
    pub(crate) name: &'static str,
    /// One value for each second.
    pub(crate) values: Vec<f64>,
}

/// A picture with lines from zero up.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Chart {
    pub(crate) title: &'static str,
    pub(crate) lines: Vec<Line>,
}

const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 200.0;
const LEFT: f64 = 64.0;
const TOP: f64 = 28.0;
const BOTTOM: f64 = 24.0;

/// Told apart by those who see no colours too: the second is dashed.
const STYLES: [(&str, &str); 2] = [("#1f5fa8", "none"), ("#b3401a", "5 3")];

/// Marks on the vertical axis.
const MARKS: usize = 4;

impl Chart {
    /// The picture.
    #[expect(clippy::cast_precision_loss, reason = "seconds of a load are far below 2^53")]
    pub(crate) fn svg(&self) -> String {
        let seconds = self.lines.iter().map(|line| line.values.len()).max().unwrap_or(0);
        let highest = self.lines.iter().flat_map(|line| &line.values).copied().fold(0.0, f64::max);
        let top = round_up(highest);
        let x = |second: usize| LEFT + (WIDTH - LEFT) * second as f64 / (seconds.max(2) - 1) as f64;
        let y = |value: f64| TOP + (HEIGHT - TOP - BOTTOM) * (1.0 - value / top);
        let mut svg = format!(
            "<svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"{title}\"><title>{title}</title>\
             <text x=\"{LEFT}\" y=\"16\">{title}</text>",
            title = self.title
        );
        for mark in 0..=MARKS {
            let value = top * mark as f64 / MARKS as f64;
            let at = y(value);
            write!(
                svg,
                "<line class=\"grid\" x1=\"{LEFT}\" x2=\"{WIDTH}\" y1=\"{at:.1}\" y2=\"{at:.1}\"/>\
                 <text class=\"mark\" x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
                LEFT - 6.0,
                at + 4.0,
                short(value)
            )
            .expect("a string takes everything");
        }
        for (number, line) in self.lines.iter().enumerate() {
            let (color, dashes) = STYLES[number % STYLES.len()];
            let point = |(second, value): (usize, &f64)| format!("{:.1},{:.1}", x(second), y(*value));
            let points: Vec<String> = line.values.iter().enumerate().map(point).collect();
            let name_at = WIDTH - 80.0 * (self.lines.len() - number) as f64;
            write!(
                svg,
                "<polyline fill=\"none\" stroke=\"{color}\" stroke-dasharray=\"{dashes}\" points=\"{}\"/>\
                 <text x=\"{name_at}\" y=\"16\" fill=\"{color}\">{}</text>",
                points.join(" "),
                line.name
            )
            .expect("a string takes everything");
        }
        write!(
            svg,
            "<text class=\"mark\" x=\"{LEFT}\" y=\"{at}\">0 s</text>\
             <text class=\"mark\" x=\"{WIDTH}\" y=\"{at}\" text-anchor=\"end\">{seconds} s</text></svg>",
            at = HEIGHT - 6.0
        )
        .expect("a string takes everything");
        svg
    }
}

/// The next of 1, 2, 5, 10, … that is not below the value.
fn round_up(value: f64) -> f64 {
    if value <= 0.0 {
        return 1.0;
    }
    let scale = 10_f64.powf(value.log10().floor());
    [1.0, 2.0, 5.0, 10.0].into_iter().map(|step| step * scale).find(|top| *top >= value).unwrap_or(value)
}

fn short(value: f64) -> String {
    if value >= 100.0 || value.fract() == 0.0 { format!("{value:.0}") } else { format!("{value:.2}") }
}

#[cfg(test)]
mod tests {
    use super::{Chart, Line, round_up};

    #[test]
    fn axes_end_at_round_numbers() {
        for (value, top) in
            [(0.0, 1.0), (0.7, 1.0), (1.0, 1.0), (3.2, 5.0), (99.0, 100.0), (4_321.0, 5_000.0)]
        {
            assert!((round_up(value) - top).abs() < 1e-9, "{value}");
        }
    }

    #[test]
    fn a_line_goes_from_one_side_to_the_other() {
        let chart = Chart { title: "t", lines: vec![Line { name: "n", values: vec![0.0, 5.0, 10.0] }] };
        let svg = chart.svg();
        assert!(svg.contains("points=\"64.0,176.0 392.0,102.0 720.0,28.0\""), "{svg}");
        assert!(svg.starts_with("<svg ") && svg.ends_with("</svg>"));
    }
}
