//! Selectors, windows, and what moves them in time.

use model::series::{METRIC_NAME, MatchOp, Matcher};

use super::{MAX_PATTERNS, Operand, Parsed, Parser};
use crate::expression::lexer::Token;
use crate::expression::node::{Anchor, Node, Selector, Shift, Window, Windowed};
use crate::expression::{Kind, whole_pattern};

/// The longest duration and the furthest time, some 30,000 years.
pub(super) const MAX_MS: f64 = 1e15;

const MATCH_OPS: &[(&str, MatchOp)] = &[
    ("=", MatchOp::Equal),
    ("!=", MatchOp::NotEqual),
    ("=~", MatchOp::Regex),
    ("!~", MatchOp::NotRegex),
];

impl Parser<'_> {
    /// The part in braces, which may be missing behind a name.
    pub(super) fn matchers(&mut self, name: Option<&str>) -> Parsed<Vec<Matcher>> {
        let place = self.place();
        let equal_name = |value: &str| Matcher {
            name: METRIC_NAME.to_owned(),
            op: MatchOp::Equal,
            value: value.to_owned(),
        };
        let mut matchers: Vec<Matcher> = name.map(equal_name).into_iter().collect();
        if name.is_some() && !self.is_sign("{") {
            return Ok(matchers);
        }
        self.expect_sign("{")?;
        let mut selects = name.is_some();
        while !self.take_sign("}") {
            let place = self.place();
            let label = self.label_name()?;
            let quoted = matches!(self.tokens[self.next - 1].token, Token::Text(_));
            let stands_alone = self.is_sign(",") || self.is_sign("}");
            let (matcher, matches_empty) = if quoted && stands_alone {
                (equal_name(&label), false)
            } else {
                self.matcher(label)?
            };
            let is_name = matcher.name == METRIC_NAME && matcher.op == MatchOp::Equal;
            if name.is_some() && is_name {
                return Err(self.error_at(place, "metric name must not be set twice"));
            }
            selects |= !matches_empty;
            matchers.push(matcher);
            if !self.take_sign(",") && !self.is_sign("}") {
                return Err(self.unexpected("\",\" or \"}\""));
            }
        }
        if !selects {
            let what = "a selector must contain at least one matcher that is not empty";
            return Err(self.error_at(place, what));
        }
        Ok(matchers)
    }

    /// One matcher behind its label, and whether it matches a label that is not there.
    fn matcher(&mut self, name: String) -> Parsed<(Matcher, bool)> {
        let op = MATCH_OPS.iter().find(|(sign, _)| self.is_sign(sign)).map(|(_, op)| *op);
        let op = op.ok_or_else(|| self.unexpected("one of \"=\", \"!=\", \"=~\", \"!~\""))?;
        self.advance();
        let Token::Text(value) = self.peek().clone() else {
            return Err(self.unexpected("a string"));
        };
        let fits_empty = match op {
            MatchOp::Equal | MatchOp::NotEqual => value.is_empty(),
            MatchOp::Regex | MatchOp::NotRegex => self.pattern_fits_empty(&value)?,
        };
        self.advance();
        let negated = matches!(op, MatchOp::NotEqual | MatchOp::NotRegex);
        Ok((Matcher { name, op, value }, fits_empty != negated))
    }

    fn pattern_fits_empty(&mut self, pattern: &str) -> Parsed<bool> {
        self.patterns += 1;
        if self.patterns > MAX_PATTERNS {
            return Err(self.error(format!("more than {MAX_PATTERNS} regular expressions")));
        }
        let whole = whole_pattern(pattern);
        let whole =
            whole.map_err(|_| self.error(format!("bad or huge regular expression {pattern:?}")))?;
        Ok(whole.is_match(""))
    }

    pub(super) fn window(&mut self, operand: Operand, place: usize) -> Parsed<Operand> {
        self.count_operator()?;
        self.expect_sign("[")?;
        let range_ms = self.positive_ms()?;
        let of = if self.take_sign(":") {
            let step_ms = if self.is_sign("]") { None } else { Some(self.positive_ms()?) };
            self.expect_kind(&operand.node, Kind::Vector, place, "a subquery")?;
            Windowed::Subquery { node: operand.node, step_ms }
        } else {
            Windowed::Series(self.plain_selector(operand, place)?)
        };
        self.expect_sign("]")?;
        let window = Window { of, range_ms, shift: Shift::default() };
        Ok(Operand { node: Node::Window(Box::new(window)), bare: true })
    }

    fn plain_selector(&self, operand: Operand, place: usize) -> Parsed<Vec<Matcher>> {
        if let Node::Selector(Selector { matchers, shift }) = operand.node
            && operand.bare
        {
            if shift.anchor.is_none() && shift.offset_ms == 0 {
                return Ok(matchers);
            }
            return Err(self.error_at(place, "no offset or @ modifiers allowed before a range"));
        }
        Err(self.error_at(place, "ranges only allowed for vector selectors"))
    }

    pub(super) fn offset(&mut self, operand: Operand) -> Parsed<Operand> {
        let place = self.place();
        self.advance();
        let sign = self.sign();
        let offset_ms = sign * self.ms()?;
        self.shifted(operand, place, "offset", |shift| {
            let is_new = shift.offset_ms == 0;
            shift.offset_ms = offset_ms;
            is_new
        })
    }

    pub(super) fn anchor(&mut self, operand: Operand) -> Parsed<Operand> {
        let place = self.place();
        self.advance();
        let anchor = if self.is_word("start") || self.is_word("end") {
            let anchor = if self.is_word("start") { Anchor::Start } else { Anchor::End };
            self.advance();
            self.expect_sign("(")?;
            self.expect_sign(")")?;
            anchor
        } else {
            let sign = self.sign();
            Anchor::Time(sign * self.ms()?)
        };
        self.shifted(operand, place, "@ modifier", |shift| shift.anchor.replace(anchor).is_none())
    }

    fn shifted(
        &self,
        mut operand: Operand,
        place: usize,
        what: &str,
        set: impl FnOnce(&mut Shift) -> bool,
    ) -> Parsed<Operand> {
        let bare = operand.bare;
        let Some(shift) = operand.node.shift_mut().filter(|_| bare) else {
            let what = format!("{what} must be preceded by a selector or a subquery");
            return Err(self.error_at(place, what));
        };
        if set(shift) {
            Ok(operand)
        } else {
            Err(self.error_at(place, format!("{what} may not be set multiple times")))
        }
    }

    fn sign(&mut self) -> i64 {
        if self.take_sign("-") {
            return -1;
        }
        self.take_sign("+");
        1
    }

    /// A duration, or a number of seconds.
    fn ms(&mut self) -> Parsed<i64> {
        let ms = if let Token::DurationMs(ms) = self.peek() {
            *ms as f64
        } else if let Token::Number(seconds) = self.peek() {
            (seconds * 1000.0).round()
        } else {
            return Err(self.unexpected("a duration"));
        };
        if ms.is_nan() || ms.abs() > MAX_MS {
            return Err(self.error("time or duration out of bounds"));
        }
        self.advance();
        Ok(ms as i64)
    }

    fn positive_ms(&mut self) -> Parsed<i64> {
        let place = self.place();
        match self.ms()? {
            ms if ms > 0 => Ok(ms),
            _ => Err(self.error_at(place, "duration must be greater than 0")),
        }
    }
}
