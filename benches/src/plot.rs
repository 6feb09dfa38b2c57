//! Lines over a few places as an SVG, in whole numbers.

use std::fmt::Write;

/// One line of a plot.
pub(crate) struct Line {
    pub name: String,
    pub points: Vec<u64>,
}

const WIDTH: u64 = 720;
const HEIGHT: u64 = 380;
const LEFT: u64 = 70;
const RIGHT: u64 = 200;
const TOP: u64 = 40;
const BOTTOM: u64 = 40;
const COLOURS: [&str; 6] = ["#8a8f98", "#0b7a4b", "#b58a2c", "#1f5fbf", "#a33a3a", "#5b3a8c"];

/// The plot: places from left to right, figures from nought upwards.
pub(crate) fn lines(title: &str, places: &[String], lines: &[Line]) -> String {
    let most = lines.iter().flat_map(|line| &line.points).max().copied().unwrap_or(1).max(1);
    let (wide, high) = (WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM);
    let x = |place: usize| LEFT + wide * place as u64 / (places.len().max(2) as u64 - 1);
    let y = |figure: u64| TOP + high - high * figure / most;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" font-family=\"sans-serif\" \
         font-size=\"12\">\n<title>{title}</title>\n<rect width=\"{WIDTH}\" height=\"{HEIGHT}\" fill=\"#ffffff\"/>\n\
         <text x=\"{LEFT}\" y=\"22\" font-size=\"15\" fill=\"#1d2320\">{title}</text>\n"
    );
    for quarter in 0..=4 {
        let figure = most * quarter / 4;
        let (height, end, label) = (y(figure), LEFT + wide, LEFT - 8);
        let _ = writeln!(
            svg,
            "<line x1=\"{LEFT}\" x2=\"{end}\" y1=\"{height}\" y2=\"{height}\" stroke=\"#e3e6e4\"/>\
             <text x=\"{label}\" y=\"{}\" text-anchor=\"end\" fill=\"#4a524e\">{figure}</text>",
            height + 4
        );
    }
    for (place, name) in places.iter().enumerate() {
        let (at, height) = (x(place), HEIGHT - BOTTOM + 18);
        let _ = writeln!(svg, "<text x=\"{at}\" y=\"{height}\" text-anchor=\"middle\" fill=\"#4a524e\">{name}</text>");
    }
    for (number, (line, colour)) in lines.iter().zip(COLOURS.iter().cycle()).enumerate() {
        let points: Vec<(u64, u64)> =
            line.points.iter().enumerate().map(|(place, figure)| (x(place), y(*figure))).collect();
        let path: Vec<String> = points.iter().map(|(x, y)| format!("{x},{y}")).collect();
        let _ = writeln!(
            svg,
            "<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"/>",
            path.join(" ")
        );
        for (x, y) in points {
            let _ = writeln!(svg, "<circle cx=\"{x}\" cy=\"{y}\" r=\"3\" fill=\"{colour}\"/>");
        }
        let (at, height) = (LEFT + wide + 16, TOP + 14 + 20 * number as u64);
        let _ = writeln!(svg, "<text x=\"{at}\" y=\"{height}\" fill=\"{colour}\">{}</text>", line.name);
    }
    svg.push_str("</svg>\n");
    svg
}
