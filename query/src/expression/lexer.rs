//! Cuts the text of an expression into words, numbers and signs.
//!
//! The whole text is cut before any of it is understood: it is bounded, and the parser can then
//! look ahead as it likes.

use super::{Expression, ParseError};

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Token<'a> {
    /// A name or a keyword; only its place tells which.
    Word(&'a str),
    Number(f64),
    DurationMs(i64),
    Text(String),
    Sign(&'static str),
    End,
}

/// A token and where it begins, in bytes.
#[derive(Clone, Debug)]
pub(super) struct Placed<'a> {
    pub(super) token: Token<'a>,
    pub(super) at: usize,
}

/// Longer ones first, as the first that fits is taken.
const SIGNS: &[&str] = &[
    "=~", "!~", "!=", "==", ">=", "<=", "(", ")", "{", "}", "[", "]", ",", ":", "=", ">", "<", "+",
    "-", "*", "/", "%", "^", "@",
];

/// Largest first, as they must be written in that order.
const UNITS: &[(&str, i64)] = &[
    ("y", 365 * 24 * 60 * 60 * 1000),
    ("w", 7 * 24 * 60 * 60 * 1000),
    ("d", 24 * 60 * 60 * 1000),
    ("h", 60 * 60 * 1000),
    ("m", 60 * 1000),
    ("s", 1000),
    ("ms", 1),
];

pub(super) fn cut(text: &str) -> Result<Vec<Placed<'_>>, ParseError> {
    if text.len() > Expression::MAX_BYTES {
        let what = format!("longer than {} bytes", Expression::MAX_BYTES);
        return Err(ParseError::new(text, 0, what));
    }
    let mut lexer = Lexer { text, at: 0, in_brackets: false };
    let mut tokens = Vec::new();
    loop {
        lexer.skip_space();
        let at = lexer.at;
        let token = lexer.token()?;
        let done = token == Token::End;
        tokens.push(Placed { token, at });
        if done {
            return Ok(tokens);
        }
    }
}

/// Reads `1h30m`: units in falling order, each once. In milliseconds.
pub(crate) fn duration_ms(text: &str) -> Option<i64> {
    let mut rest = text;
    let mut units = UNITS.iter();
    let mut total: i64 = 0;
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let letters = rest[digits..].bytes().take_while(u8::is_ascii_lowercase).count();
        let (count, unit) = (&rest[..digits], &rest[digits..digits + letters]);
        let (_, unit_ms) = units.find(|(name, _)| *name == unit)?;
        total = total.checked_add(count.parse::<i64>().ok()?.checked_mul(*unit_ms)?)?;
        rest = &rest[digits + letters..];
    }
    (!text.is_empty()).then_some(total)
}

struct Lexer<'a> {
    text: &'a str,
    at: usize,
    /// Between brackets a colon parts a subquery's two durations; elsewhere it may be in a name.
    in_brackets: bool,
}

impl<'a> Lexer<'a> {
    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn error(&self, what: impl Into<String>) -> ParseError {
        ParseError::new(self.text, self.at, what)
    }

    fn skip_space(&mut self) {
        loop {
            let rest = self.rest();
            let inner = rest.trim_start_matches([' ', '\t', '\n', '\r']);
            self.at += rest.len() - inner.len();
            if !inner.starts_with('#') {
                return;
            }
            self.at += inner.find('\n').unwrap_or(inner.len());
        }
    }

    fn token(&mut self) -> Result<Token<'a>, ParseError> {
        let rest = self.rest();
        let Some(first) = rest.chars().next() else {
            return Ok(Token::End);
        };
        let second_is_digit = rest.as_bytes().get(1).is_some_and(u8::is_ascii_digit);
        if first.is_ascii_digit() || (first == '.' && second_is_digit) {
            return self.number();
        }
        if matches!(first, '"' | '\'' | '`') {
            return self.quoted(first);
        }
        if first.is_ascii_alphabetic() || first == '_' || (first == ':' && !self.in_brackets) {
            return Ok(self.word());
        }
        let sign = SIGNS.iter().find(|sign| rest.starts_with(**sign));
        let sign = sign.ok_or_else(|| self.error(format!("unexpected character {first:?}")))?;
        self.at += sign.len();
        match *sign {
            "[" => self.in_brackets = true,
            "]" => self.in_brackets = false,
            _ => (),
        }
        Ok(Token::Sign(sign))
    }

    fn word(&mut self) -> Token<'a> {
        let rest = self.rest();
        let belongs = |byte: &u8| {
            byte.is_ascii_alphanumeric() || *byte == b'_' || (*byte == b':' && !self.in_brackets)
        };
        let length = rest.bytes().take_while(|byte| belongs(byte)).count();
        self.at += length;
        let word = &rest[..length];
        if word.eq_ignore_ascii_case("inf") {
            return Token::Number(f64::INFINITY);
        }
        if word.eq_ignore_ascii_case("nan") {
            return Token::Number(f64::NAN);
        }
        Token::Word(word)
    }

    fn number(&mut self) -> Result<Token<'a>, ParseError> {
        let rest = self.rest();
        let bytes = rest.as_bytes();
        let mut length = 0;
        while let Some(byte) = bytes.get(length) {
            let signed_exponent = matches!(byte, b'+' | b'-')
                && matches!(bytes[length - 1], b'e' | b'E')
                && !rest.starts_with("0x")
                && bytes.get(length + 1).is_some_and(u8::is_ascii_digit);
            if !byte.is_ascii_alphanumeric() && *byte != b'.' && *byte != b'_' && !signed_exponent {
                break;
            }
            length += 1;
        }
        let written = &rest[..length];
        let token = duration_ms(written)
            .map(Token::DurationMs)
            .or_else(|| number(written).map(Token::Number))
            .ok_or_else(|| self.error(format!("bad number or duration {written:?}")))?;
        self.at += length;
        Ok(token)
    }

    fn quoted(&mut self, quote: char) -> Result<Token<'a>, ParseError> {
        let body = &self.rest()[1..];
        if quote == '`' {
            let end = body.find('`').ok_or_else(|| self.error("unterminated raw string"))?;
            self.at += end + 2;
            return Ok(Token::Text(body[..end].to_owned()));
        }
        let mut bytes = Vec::new();
        let mut at = 0;
        while let Some(char) = body[at..].chars().next() {
            at += char.len_utf8();
            match char {
                '\n' => break,
                '\\' => {
                    let used = unescape(&body[at..], &mut bytes);
                    at += used.ok_or_else(|| self.error("bad escape in a string"))?;
                }
                _ if char == quote => return self.finish(at, bytes),
                _ => push_char(char, &mut bytes),
            }
        }
        Err(self.error("unterminated quoted string"))
    }

    /// `length` counts the closing quote, not the opening one.
    fn finish(&mut self, length: usize, bytes: Vec<u8>) -> Result<Token<'a>, ParseError> {
        let text = String::from_utf8(bytes);
        let text = text.map_err(|_| self.error("a string is not valid UTF-8"))?;
        self.at += length + 1;
        Ok(Token::Text(text))
    }
}

/// As Go reads them: hexadecimal, octal with a leading zero, else decimal.
fn number(written: &str) -> Option<f64> {
    if let Some(hex) = written.strip_prefix("0x").or_else(|| written.strip_prefix("0X")) {
        return u64::from_str_radix(hex, 16).ok().map(|value| value as f64);
    }
    let is_octal = written.len() > 1 && written.bytes().all(|byte| matches!(byte, b'0'..=b'7'));
    if written.starts_with('0') && is_octal {
        return u64::from_str_radix(written, 8).ok().map(|value| value as f64);
    }
    written.parse().ok()
}

/// Takes one escape, the backslash already gone; returns how many bytes it was long.
fn unescape(text: &str, bytes: &mut Vec<u8>) -> Option<usize> {
    let kind = *text.as_bytes().first()?;
    let plain = match kind {
        b'a' => 7,
        b'b' => 8,
        b'f' => 12,
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'v' => 11,
        b'\\' | b'"' | b'\'' => kind,
        b'0'..=b'7' => {
            bytes.push(u8::try_from(u32::from_str_radix(text.get(..3)?, 8).ok()?).ok()?);
            return Some(3);
        }
        b'x' => {
            bytes.push(u8::from_str_radix(hex_digits(text, 2)?, 16).ok()?);
            return Some(3);
        }
        b'u' | b'U' => {
            let count = if kind == b'u' { 4 } else { 8 };
            let code = u32::from_str_radix(hex_digits(text, count)?, 16).ok()?;
            push_char(char::from_u32(code)?, bytes);
            return Some(1 + count);
        }
        _ => return None,
    };
    bytes.push(plain);
    Some(1)
}

/// The digits behind the letter; a sign, which Rust would take for part of a number, is none.
fn hex_digits(text: &str, count: usize) -> Option<&str> {
    let digits = text.get(1..1 + count)?;
    digits.bytes().all(|byte| byte.is_ascii_hexdigit()).then_some(digits)
}

fn push_char(char: char, bytes: &mut Vec<u8>) {
    bytes.extend_from_slice(char.encode_utf8(&mut [0; 4]).as_bytes());
}
