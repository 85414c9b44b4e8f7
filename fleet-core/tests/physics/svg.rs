//! Line charts as SVG, written by hand: readable on light and dark pages.

use std::fmt::{self, Write as _};

const WIDTH: f64 = 740.0;
const HEIGHT: f64 = 420.0;
/// The plot's own edges.
const LEFT: f64 = 58.0;
const RIGHT: f64 = 520.0;
const TOP: f64 = 46.0;
const BOTTOM: f64 = 368.0;

/// Okabe and Ito's colours, toned so that each stands out on white and on near-black; every second
/// line is dashed too.
const COLOURS: [&str; 8] =
    ["#2f7fc1", "#d9780f", "#229b71", "#c4508f", "#7f68cf", "#a8850a", "#d5504b", "#4f8796"];

const STYLE: &str = "\
.back{fill:#ffffff}.grid{stroke:#e3e3e3}.axis{stroke:#8a8a8a}.mark{stroke:#8a8a8a;stroke-dasharray:3 4}
text{fill:#303030;font:12px system-ui,-apple-system,'Segoe UI',sans-serif}.title{font-size:15px;font-weight:600}
.line{fill:none;stroke-width:2;stroke-linejoin:round}
@media (prefers-color-scheme:dark){.back{fill:#0d1117}.grid{stroke:#2a3038}text{fill:#c9d1d9}}
";

/// A chart: its words, its lines, and levels worth a dashed line across.
#[derive(Clone, Debug)]
pub(crate) struct Chart {
    pub(crate) title: String,
    pub(crate) x_label: &'static str,
    pub(crate) y_label: &'static str,
    pub(crate) lines: Vec<Line>,
    /// Heights with a name.
    pub(crate) levels: Vec<(f64, &'static str)>,
}

/// One line with its name.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    pub(crate) name: String,
    pub(crate) points: Vec<(f64, f64)>,
}

/// One axis: values from `least` to `most`, a tick every `tick`.
struct Axis {
    least: f64,
    most: f64,
    tick: f64,
}

impl Axis {
    /// Upwards: round ticks around all `values`, from 0 where that is near.
    fn upwards(values: impl Iterator<Item = f64> + Clone) -> Self {
        let Self { least, most, tick } = Self::along(values.chain([0.0]));
        Self { least: (least / tick).floor() * tick, most: (most / tick).ceil() * tick, tick }
    }

    /// Along: just as far as the `values` reach, with about seven round ticks.
    fn along(values: impl Iterator<Item = f64> + Clone) -> Self {
        let least = values.clone().fold(f64::INFINITY, f64::min);
        let most = values.fold(f64::NEG_INFINITY, f64::max);
        let rough = (most - least).max(1e-9) / 7.0;
        let decade = 10_f64.powf(rough.log10().floor());
        let round = [1.0, 2.0, 5.0, 10.0].into_iter().find(|step| step * decade >= rough);
        let tick = round.unwrap_or(10.0) * decade;
        Self { least, most, tick }
    }

    fn ticks(&self) -> impl Iterator<Item = f64> + '_ {
        let first = (self.least / self.tick - 1e-9).ceil();
        let last = (self.most / self.tick + 1e-9).floor();
        (0..60)
            .map(move |i| first + f64::from(i))
            .take_while(move |i| *i <= last)
            .map(|i| i * self.tick)
    }

    /// Where `value` lies between `from` and `to`.
    fn place(&self, value: f64, from: f64, to: f64) -> f64 {
        from + (value - self.least) / (self.most - self.least) * (to - from)
    }
}

impl Chart {
    /// The chart as a file.
    pub(crate) fn svg(&self) -> String {
        let mut out = String::new();
        self.write(&mut out).expect("a string takes all that is written");
        out
    }

    fn write(&self, out: &mut String) -> fmt::Result {
        let points = || self.lines.iter().flat_map(|line| line.points.iter().copied());
        let x = Axis::along(points().map(|point| point.0));
        let y = Axis::upwards(points().map(|point| point.1).chain(self.levels.iter().map(|l| l.0)));
        writeln!(
            out,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" \
             width=\"{WIDTH}\" height=\"{HEIGHT}\" role=\"img\">\n<title>{}</title>\n\
             <style>\n{STYLE}</style>\n\
             <rect class=\"back\" width=\"{WIDTH}\" height=\"{HEIGHT}\" rx=\"6\"/>\n\
             <text class=\"title\" x=\"{LEFT}\" y=\"26\">{}</text>",
            self.title, self.title
        )?;
        self.write_axes(out, &x, &y)?;
        for (level, name) in &self.levels {
            let at = y.place(*level, BOTTOM, TOP);
            writeln!(
                out,
                "<line class=\"mark\" x1=\"{LEFT}\" x2=\"{RIGHT}\" y1=\"{at:.1}\" y2=\"{at:.1}\"/>\n\
                 <text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{name}</text>",
                RIGHT - 6.0,
                at + 14.0
            )?;
        }
        self.write_lines(out, &x, &y)?;
        writeln!(out, "</svg>")
    }

    fn write_axes(&self, out: &mut String, x: &Axis, y: &Axis) -> fmt::Result {
        for tick in y.ticks() {
            let at = y.place(tick, BOTTOM, TOP);
            let class = if tick <= y.least { "axis" } else { "grid" };
            writeln!(
                out,
                "<line class=\"{class}\" x1=\"{LEFT}\" x2=\"{RIGHT}\" y1=\"{at:.1}\" y2=\"{at:.1}\"/>\n\
                 <text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
                LEFT - 8.0,
                at + 4.0,
                number(tick, y.tick)
            )?;
        }
        for tick in x.ticks() {
            let at = x.place(tick, LEFT, RIGHT);
            writeln!(
                out,
                "<line class=\"axis\" x1=\"{at:.1}\" x2=\"{at:.1}\" y1=\"{BOTTOM}\" y2=\"{:.1}\"/>\n\
                 <text x=\"{at:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{}</text>",
                BOTTOM + 5.0,
                BOTTOM + 20.0,
                number(tick, x.tick)
            )?;
        }
        let (middle_x, middle_y) = (0.5 * (LEFT + RIGHT), 0.5 * (TOP + BOTTOM));
        writeln!(
            out,
            "<text x=\"{middle_x}\" y=\"{}\" text-anchor=\"middle\">{}</text>\n\
             <text transform=\"translate(16 {middle_y}) rotate(-90)\" text-anchor=\"middle\">{}</text>",
            BOTTOM + 40.0,
            self.x_label,
            self.y_label
        )
    }

    /// The lines, and their names in the order in which they end, highest first.
    fn write_lines(&self, out: &mut String, x: &Axis, y: &Axis) -> fmt::Result {
        let mut order: Vec<usize> = (0..self.lines.len()).collect();
        let end = |i: &usize| self.lines[*i].points.last().map_or(0.0, |point| point.1);
        order.sort_by(|a, b| end(b).total_cmp(&end(a)));
        for (row, i) in order.into_iter().enumerate() {
            let (line, colour) = (&self.lines[i], COLOURS[i % COLOURS.len()]);
            let dash = if i % 2 == 1 { " stroke-dasharray=\"7 3\"" } else { "" };
            let way: Vec<String> = line
                .points
                .iter()
                .map(|&(px, py)| {
                    format!("{:.1},{:.1}", x.place(px, LEFT, RIGHT), y.place(py, BOTTOM, TOP))
                })
                .collect();
            let at = TOP + 10.0 + 20.0 * row as f64;
            writeln!(
                out,
                "<polyline class=\"line\" stroke=\"{colour}\"{dash} points=\"{}\"/>\n\
                 <line class=\"line\" stroke=\"{colour}\"{dash} x1=\"{:.1}\" x2=\"{:.1}\" \
                 y1=\"{at:.1}\" y2=\"{at:.1}\"/>\n<text x=\"{:.1}\" y=\"{:.1}\">{}</text>",
                way.join(" "),
                RIGHT + 16.0,
                RIGHT + 42.0,
                RIGHT + 50.0,
                at + 4.0,
                line.name
            )?;
        }
        Ok(())
    }
}

/// A tick's number with the decimals its step needs, and a true minus.
fn number(value: f64, tick: f64) -> String {
    let text = if tick < 1.0 { format!("{value:.1}") } else { format!("{value:.0}") };
    text.replace('-', "−")
}
