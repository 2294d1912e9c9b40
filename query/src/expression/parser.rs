//! Reads the tokens of an expression.
//!
//! Precedence climbing for operators, recursive descent for the rest. Kinds are checked while
//! reading, so that each complaint has a place.
//!
//! Invariants: no more than [`MAX_DEPTH`] nested brackets and [`MAX_OPERATORS`] operators, since
//! every later walk over the nodes recurses as deep as both together; all durations and times are
//! below [`selectors::MAX_MS`], so that sums of them cannot overflow.

mod calls;
mod selectors;

use model::series::Matcher;

use super::lexer::{self, Placed, Token};
use super::node::{
    Aggregator, Arithmetic, Binary, Cardinality, Compare, LabelChoice, Matching, Node, Operator,
    Selector, SetOperator, Shift,
};
use super::{Kind, ParseError};

const MAX_DEPTH: usize = 64;
const MAX_OPERATORS: usize = 256;
/// Each must be compiled, which takes a while.
const MAX_PATTERNS: usize = 64;

/// How tightly `^` binds, and thereby what a leading minus reaches over.
const POWER: u8 = 6;

const OPERATORS: &[(&str, u8, Operator)] = &[
    ("or", 1, Operator::Set(SetOperator::Or)),
    ("and", 2, Operator::Set(SetOperator::And)),
    ("unless", 2, Operator::Set(SetOperator::Unless)),
    ("==", 3, Operator::Compare(Compare::Equal)),
    ("!=", 3, Operator::Compare(Compare::NotEqual)),
    (">", 3, Operator::Compare(Compare::Greater)),
    ("<", 3, Operator::Compare(Compare::Less)),
    (">=", 3, Operator::Compare(Compare::GreaterOrEqual)),
    ("<=", 3, Operator::Compare(Compare::LessOrEqual)),
    ("+", 4, Operator::Arithmetic(Arithmetic::Add)),
    ("-", 4, Operator::Arithmetic(Arithmetic::Subtract)),
    ("*", 5, Operator::Arithmetic(Arithmetic::Multiply)),
    ("/", 5, Operator::Arithmetic(Arithmetic::Divide)),
    ("%", 5, Operator::Arithmetic(Arithmetic::Modulo)),
    ("atan2", 5, Operator::Arithmetic(Arithmetic::Atan2)),
    ("^", POWER, Operator::Arithmetic(Arithmetic::Power)),
];

type Parsed<T> = Result<T, ParseError>;

pub(super) fn parse(text: &str) -> Parsed<Node> {
    let mut parser = Parser::new(text)?;
    if parser.peek() == &Token::End {
        return Err(parser.error("no expression found"));
    }
    let node = parser.expression(0)?;
    parser.end()?;
    Ok(node)
}

pub(super) fn parse_selector(text: &str) -> Parsed<Vec<Matcher>> {
    let mut parser = Parser::new(text)?;
    let name = parser.take_name();
    let matchers = parser.matchers(name)?;
    parser.end()?;
    Ok(matchers)
}

struct Parser<'a> {
    text: &'a str,
    tokens: Vec<Placed<'a>>,
    next: usize,
    depth: usize,
    operators: usize,
    patterns: usize,
}

/// An operand, and whether `[`, `offset` and `@` may follow: behind a bracket only a subquery may.
struct Operand {
    node: Node,
    bare: bool,
}

impl<'a> Parser<'a> {
    fn new(text: &'a str) -> Parsed<Self> {
        Ok(Self { text, tokens: lexer::cut(text)?, next: 0, depth: 0, operators: 0, patterns: 0 })
    }

    fn peek(&self) -> &Token<'a> {
        &self.tokens[self.next].token
    }

    fn peek_second(&self) -> &Token<'a> {
        let last = self.tokens.len() - 1;
        &self.tokens[(self.next + 1).min(last)].token
    }

    /// Where the next token begins, in bytes.
    fn place(&self) -> usize {
        self.tokens[self.next].at
    }

    /// Takes the next token; the end stays where it is.
    fn advance(&mut self) -> Token<'a> {
        let token = self.peek().clone();
        if token != Token::End {
            self.next += 1;
        }
        token
    }

    fn error(&self, what: impl Into<String>) -> ParseError {
        self.error_at(self.place(), what)
    }

    fn error_at(&self, place: usize, what: impl Into<String>) -> ParseError {
        ParseError::new(self.text, place, what)
    }

    fn unexpected(&self, wanted: &str) -> ParseError {
        let found = match self.peek() {
            Token::Word(word) => format!("{word:?}"),
            Token::Number(number) => format!("number {number}"),
            Token::DurationMs(ms) => format!("duration of {ms} ms"),
            Token::Text(text) => format!("string {text:?}"),
            Token::Sign(sign) => format!("{sign:?}"),
            Token::End => "end of input".to_owned(),
        };
        self.error(format!("unexpected {found}, expected {wanted}"))
    }

    fn is_sign(&self, sign: &str) -> bool {
        matches!(self.peek(), Token::Sign(found) if *found == sign)
    }

    fn take_sign(&mut self, sign: &str) -> bool {
        let found = self.is_sign(sign);
        if found {
            self.advance();
        }
        found
    }

    fn expect_sign(&mut self, sign: &str) -> Parsed<()> {
        if self.take_sign(sign) { Ok(()) } else { Err(self.unexpected(&format!("{sign:?}"))) }
    }

    fn is_word(&self, word: &str) -> bool {
        matches!(self.peek(), Token::Word(found) if found.eq_ignore_ascii_case(word))
    }

    fn take_word(&mut self, word: &str) -> bool {
        let found = self.is_word(word);
        if found {
            self.advance();
        }
        found
    }

    fn take_name(&mut self) -> Option<&'a str> {
        let Token::Word(word) = *self.peek() else {
            return None;
        };
        self.advance();
        Some(word)
    }

    fn end(&self) -> Parsed<()> {
        if self.peek() == &Token::End { Ok(()) } else { Err(self.unexpected("an operator")) }
    }

    fn expect_kind(&self, node: &Node, wanted: Kind, place: usize, whose: &str) -> Parsed<()> {
        let found = node.kind();
        if found == wanted {
            return Ok(());
        }
        let (wanted, found) = (wanted.documented(), found.documented());
        Err(self.error_at(place, format!("expected type {wanted} in {whose}, got {found}")))
    }
}

/// Operators and operands.
impl Parser<'_> {
    fn expression(&mut self, at_least: u8) -> Parsed<Node> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(self.error(format!("nested deeper than {MAX_DEPTH} levels")));
        }
        let place = self.place();
        let mut left = self.operand()?;
        while let Some((binding, operator)) = self.operator().filter(|(b, _)| *b >= at_least) {
            let operator_place = self.place();
            self.count_operator()?;
            self.advance();
            let (as_bool, matching) = self.modifiers()?;
            let right_place = self.place();
            let right = self.expression(if binding == POWER { binding } else { binding + 1 })?;
            let binary = Binary { operator, left, right, as_bool, matching };
            self.check_binary(&binary, [place, operator_place, right_place])?;
            left = Node::Binary(Box::new(binary));
        }
        self.depth -= 1;
        Ok(left)
    }

    fn count_operator(&mut self) -> Parsed<()> {
        self.operators += 1;
        let fits = self.operators <= MAX_OPERATORS;
        fits.then_some(()).ok_or_else(|| self.error(format!("more than {MAX_OPERATORS} operators")))
    }

    fn operator(&self) -> Option<(u8, Operator)> {
        let written = match self.peek() {
            Token::Sign(sign) => (*sign).to_owned(),
            Token::Word(word) => word.to_ascii_lowercase(),
            Token::Number(_) | Token::DurationMs(_) | Token::Text(_) | Token::End => return None,
        };
        let known = OPERATORS.iter().find(|(name, ..)| *name == written);
        known.map(|(_, binding, operator)| (*binding, *operator))
    }

    fn check_binary(&self, binary: &Binary, places: [usize; 3]) -> Parsed<()> {
        let [left_place, operator_place, right_place] = places;
        for (node, place) in [(&binary.left, left_place), (&binary.right, right_place)] {
            if !matches!(node.kind(), Kind::Scalar | Kind::Vector) {
                let found = node.kind().documented();
                let what = format!("an operator needs scalars or instant vectors, got {found}");
                return Err(self.error_at(place, what));
            }
        }
        let scalars =
            [&binary.left, &binary.right].iter().filter(|node| node.kind() == Kind::Scalar).count();
        let is_comparison = binary.operator.is_comparison();
        let is_set = matches!(binary.operator, Operator::Set(_));
        let is_matched = binary.matching.by != LabelChoice::default();
        let is_grouped = binary.matching.cardinality != Cardinality::OneToOne;
        let complaint = if binary.as_bool && !is_comparison {
            "bool modifier can only be used on comparison operators"
        } else if is_comparison && scalars == 2 && !binary.as_bool {
            "comparisons between scalars must use BOOL modifier"
        } else if is_set && scalars > 0 {
            "set operators are not allowed in binary scalar expressions"
        } else if is_set && is_grouped {
            "no grouping allowed for set operations"
        } else if scalars > 0 && is_matched {
            "vector matching only allowed between instant vectors"
        } else {
            return Ok(());
        };
        Err(self.error_at(operator_place, complaint))
    }

    /// What may stand behind an operator: `bool`, `on(...)`, `group_left(...)`.
    fn modifiers(&mut self) -> Parsed<(bool, Matching)> {
        let as_bool = self.take_word("bool");
        let mut matching = Matching::default();
        let is_on = self.is_word("on");
        if !is_on && !self.is_word("ignoring") {
            return Ok((as_bool, matching));
        }
        self.advance();
        let labels = self.label_list()?;
        let place = self.place();
        for (word, cardinality) in
            [("group_left", Cardinality::ManyToOne), ("group_right", Cardinality::OneToMany)]
        {
            if self.take_word(word) {
                matching.cardinality = cardinality;
                matching.include = if self.is_sign("(") { self.label_list()? } else { Vec::new() };
                break;
            }
        }
        if let Some(label) = matching.include.iter().find(|label| is_on && labels.contains(label)) {
            let what = format!("label {label:?} must not occur in ON and GROUP clause at once");
            return Err(self.error_at(place, what));
        }
        matching.by = if is_on { LabelChoice::Only(labels) } else { LabelChoice::AllBut(labels) };
        Ok((as_bool, matching))
    }

    fn operand(&mut self) -> Parsed<Node> {
        let place = self.place();
        if self.is_sign("-") || self.is_sign("+") {
            self.count_operator()?;
            let negative = self.is_sign("-");
            self.advance();
            let node = self.expression(POWER)?;
            if !matches!(node.kind(), Kind::Scalar | Kind::Vector) {
                let found = node.kind().documented();
                let what = format!("a sign needs a scalar or instant vector, got {found}");
                return Err(self.error_at(place, what));
            }
            return Ok(if negative { negated(node) } else { node });
        }
        let mut operand = self.primary()?;
        loop {
            operand = if self.is_sign("[") {
                self.window(operand, place)?
            } else if self.is_sign("@") {
                self.anchor(operand)?
            } else if self.is_word("offset") {
                self.offset(operand)?
            } else {
                return Ok(operand.node);
            };
        }
    }

    fn primary(&mut self) -> Parsed<Operand> {
        let opaque = |node| Operand { node, bare: false };
        match self.peek().clone() {
            Token::Number(number) => {
                self.advance();
                Ok(opaque(Node::Number(number)))
            }
            Token::DurationMs(ms) => {
                self.advance();
                Ok(opaque(Node::Number(ms as f64 / 1000.0)))
            }
            Token::Text(text) => {
                self.advance();
                Ok(opaque(Node::Text(text)))
            }
            Token::Sign("(") => {
                self.advance();
                let node = self.expression(0)?;
                self.expect_sign(")")?;
                Ok(opaque(node))
            }
            Token::Sign("{") => {
                let matchers = self.matchers(None)?;
                Ok(selector(matchers))
            }
            Token::Word(word) => self.named(word),
            Token::Sign(_) | Token::End => Err(self.unexpected("an expression")),
        }
    }

    /// What begins with a word: an aggregation, a function call or a metric.
    fn named(&mut self, word: &str) -> Parsed<Operand> {
        let lower = word.to_ascii_lowercase();
        let aggregator = Aggregator::ALL.iter().find(|(name, _)| *name == lower);
        let second = self.peek_second().clone();
        let is_call = second == Token::Sign("(");
        let is_grouped = matches!(&second, Token::Word(next)
            if next.eq_ignore_ascii_case("by") || next.eq_ignore_ascii_case("without"));
        if let Some((_, operator)) = aggregator
            && (is_call || is_grouped)
        {
            return Ok(Operand { node: self.aggregation(word, *operator)?, bare: false });
        }
        if is_call {
            return Ok(Operand { node: self.call(word)?, bare: false });
        }
        self.advance();
        Ok(selector(self.matchers(Some(word))?))
    }
}

fn negated(node: Node) -> Node {
    if let Node::Number(number) = node {
        return Node::Number(-number);
    }
    Node::Negate(Box::new(node))
}

fn selector(matchers: Vec<Matcher>) -> Operand {
    let node = Node::Selector(Selector { matchers, shift: Shift::default() });
    Operand { node, bare: true }
}
