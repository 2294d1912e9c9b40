//! Lines and steps as SVG paths, small whatever the number of points.
//!
//! A chart has so many columns; where several points fall into one, the least and the greatest of
//! them are drawn, so that no peak is lost. Coordinates are whole units, relative to the point
//! before: a few bytes per column. A gap in the series is a gap in the line: nothing is ever drawn
//! between two points that have a gap between them, unless they fall into the same column.

use std::fmt::Write;

/// What falls into one column, in units of the chart.
#[derive(Clone, Copy, Debug)]
struct Column {
    x: i32,
    least: i32,
    greatest: i32,
    last: i32,
    /// The greatest came after the least.
    rises: bool,
    after_gap: bool,
}

/// A line through points in order of their `x`; None is a gap.
pub(crate) fn line(points: impl Iterator<Item = (i32, Option<i32>)>) -> String {
    let columns = columns(points);
    let mut path = String::new();
    let mut pen = (0, 0);
    for (index, column) in columns.iter().enumerate() {
        let (enter, leave) = match column.rises {
            true => (column.least, column.greatest),
            false => (column.greatest, column.least),
        };
        if column.after_gap {
            write(&mut path, 'M', column.x, enter);
        } else {
            write(&mut path, 'l', column.x - pen.0, enter - pen.1);
        }
        let next_is_apart = columns.get(index + 1).is_none_or(|next| next.after_gap);
        if enter != leave {
            push(&mut path, 'v', leave - enter);
        } else if column.after_gap && next_is_apart {
            path.push_str("h0"); // A lone point: with round line ends it shows as a dot.
        }
        pen = (column.x, leave);
    }
    path
}

/// The area under steps that each hold until the next, down to `floor`.
pub(crate) fn steps(points: impl Iterator<Item = (i32, i32)>, floor: i32) -> String {
    let columns = columns(points.map(|(x, y)| (x, Some(y))));
    let Some(first) = columns.first() else { return String::new() };
    let mut path = format!("M{} {floor}V{}", first.x, first.last);
    let mut height = first.last;
    for column in &columns {
        if (column.least, column.greatest) == (height, height) {
            continue;
        }
        push(&mut path, 'H', column.x);
        for turn in [column.least, column.greatest, column.last] {
            if turn != height {
                push(&mut path, 'V', turn);
                height = turn;
            }
        }
    }
    if let Some(last) = columns.last() {
        push(&mut path, 'H', last.x);
    }
    push(&mut path, 'V', floor);
    path.push('Z');
    path
}

fn columns(points: impl Iterator<Item = (i32, Option<i32>)>) -> Vec<Column> {
    let mut columns: Vec<Column> = Vec::new();
    let mut after_gap = true;
    for (x, y) in points {
        let Some(y) = y else {
            after_gap = true;
            continue;
        };
        match columns.last_mut().filter(|column| column.x == x) {
            Some(column) => column.take(y),
            None => {
                columns.push(Column { x, least: y, greatest: y, last: y, rises: true, after_gap })
            }
        }
        after_gap = false;
    }
    columns
}

impl Column {
    fn take(&mut self, y: i32) {
        self.last = y;
        if y > self.greatest {
            (self.greatest, self.rises) = (y, true);
        } else if y < self.least {
            (self.least, self.rises) = (y, false);
        }
    }
}

fn write(path: &mut String, command: char, x: i32, y: i32) {
    // The sign of a negative number parts it from the one before.
    let space = if y < 0 { "" } else { " " };
    write!(path, "{command}{x}{space}{y}").expect("a String takes all that is written");
}

fn push(path: &mut String, command: char, value: i32) {
    write!(path, "{command}{value}").expect("a String takes all that is written");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_goes_from_point_to_point() {
        let points = [(0, Some(50)), (10, Some(45)), (20, Some(48))];
        assert_eq!(line(points.into_iter()), "M0 50l10-5l10 3");
    }

    #[test]
    fn a_gap_in_the_series_is_a_gap_in_the_line() {
        let points = [(0, Some(50)), (10, Some(45)), (15, None), (20, Some(48)), (30, Some(40))];
        assert_eq!(line(points.into_iter()), "M0 50l10-5M20 48l10-8");
    }

    #[test]
    fn a_lone_point_is_a_dot() {
        let points = [(0, Some(50)), (5, None), (10, Some(45)), (15, None)];
        assert_eq!(line(points.into_iter()), "M0 50h0M10 45h0");
    }

    #[test]
    fn a_full_column_keeps_its_least_and_its_greatest() {
        let points = [(0, Some(5)), (1, Some(5)), (1, Some(9)), (1, Some(2)), (1, Some(6))];
        assert_eq!(line(points.into_iter()), "M0 5l1 4v-7");
    }

    #[test]
    fn steps_hold_until_the_next() {
        let points = [(0, 80), (10, 80), (20, 60), (30, 60)];
        assert_eq!(steps(points.into_iter(), 100), "M0 100V80H20V60H30V100Z");
        assert_eq!(steps([].into_iter(), 100), "");
    }

    #[test]
    fn a_step_there_and_back_within_a_column_is_drawn() {
        let points = [(0, 80), (10, 80), (10, 40), (10, 80), (20, 80)];
        assert_eq!(steps(points.into_iter(), 100), "M0 100V80H10V40V80H20V100Z");
    }
}
