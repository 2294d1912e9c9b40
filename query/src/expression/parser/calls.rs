//! Function calls and aggregations.

use super::{Parsed, Parser};
use crate::expression::Kind;
use crate::expression::functions::{self, Signature};
use crate::expression::lexer::Token;
use crate::expression::node::{Aggregation, Aggregator, Call, LabelChoice, Node};

impl Parser<'_> {
    pub(super) fn arguments(&mut self) -> Parsed<Vec<(usize, Node)>> {
        self.expect_sign("(")?;
        let mut arguments = Vec::new();
        if self.take_sign(")") {
            return Ok(arguments);
        }
        loop {
            arguments.push((self.place(), self.expression(0)?));
            if self.take_sign(")") {
                return Ok(arguments);
            }
            if !self.take_sign(",") {
                return Err(self.unexpected("\",\" or \")\""));
            }
        }
    }

    pub(super) fn aggregation(&mut self, name: &str, operator: Aggregator) -> Parsed<Node> {
        let place = self.place();
        self.advance();
        let before = self.grouping()?;
        let mut arguments = self.arguments()?;
        let by = match before {
            Some(by) => by,
            None => self.grouping()?.unwrap_or(LabelChoice::Only(Vec::new())),
        };
        let wanted = operator.parameter();
        let count = 1 + usize::from(wanted.is_some());
        if arguments.len() != count {
            let found = arguments.len();
            let what = format!("expected {count} argument(s) in {name:?}, got {found}");
            return Err(self.error_at(place, what));
        }
        let whose = format!("aggregation {name:?}");
        let (of_place, of) = arguments.remove(count - 1);
        self.expect_kind(&of, Kind::Vector, of_place, &whose)?;
        let parameter = match (wanted, arguments.pop()) {
            (Some(kind), Some((place, parameter))) => {
                self.expect_kind(&parameter, kind, place, &whose)?;
                Some(parameter)
            }
            _ => None,
        };
        Ok(Node::Aggregation(Box::new(Aggregation { operator, parameter, of, by })))
    }

    fn grouping(&mut self) -> Parsed<Option<LabelChoice>> {
        if self.take_word("by") {
            return Ok(Some(LabelChoice::Only(self.label_list()?)));
        }
        if self.take_word("without") {
            return Ok(Some(LabelChoice::AllBut(self.label_list()?)));
        }
        Ok(None)
    }

    pub(super) fn label_list(&mut self) -> Parsed<Vec<String>> {
        self.expect_sign("(")?;
        let mut labels = Vec::new();
        while !self.take_sign(")") {
            labels.push(self.label_name()?);
            if !self.take_sign(",") && !self.is_sign(")") {
                return Err(self.unexpected("\",\" or \")\""));
            }
        }
        Ok(labels)
    }

    pub(super) fn label_name(&mut self) -> Parsed<String> {
        let name = if let Token::Word(word) = self.peek()
            && !word.contains(':')
        {
            (*word).to_owned()
        } else if let Token::Text(text) = self.peek()
            && !text.is_empty()
        {
            text.clone()
        } else {
            return Err(self.unexpected("a label name"));
        };
        self.advance();
        Ok(name)
    }

    pub(super) fn call(&mut self, name: &str) -> Parsed<Node> {
        let place = self.place();
        let signature = functions::find(name);
        let signature =
            signature.ok_or_else(|| self.error(format!("unknown function {name:?}")))?;
        self.advance();
        let arguments = self.arguments()?;
        self.check_count(signature, arguments.len(), place)?;
        for (index, (place, argument)) in arguments.iter().enumerate() {
            let wanted = signature.takes[index.min(signature.takes.len() - 1)];
            self.expect_kind(argument, wanted, *place, &format!("call to function {name:?}"))?;
        }
        let arguments = arguments.into_iter().map(|(_, argument)| argument).collect();
        Ok(Node::Call(Box::new(Call { function: signature.function, arguments })))
    }

    fn check_count(&self, signature: &Signature, found: usize, place: usize) -> Parsed<()> {
        let most = signature.takes.len();
        let least = most - signature.optional;
        if found >= least && (found <= most || signature.repeats) {
            return Ok(());
        }
        let wanted = match (signature.optional, signature.repeats) {
            (_, true) => format!("at least {least}"),
            (0, false) => most.to_string(),
            _ => format!("{least} to {most}"),
        };
        let name = signature.name;
        let what = format!("expected {wanted} argument(s) in call to {name:?}, got {found}");
        Err(self.error_at(place, what))
    }
}
