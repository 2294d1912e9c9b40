//! What is refused, where, and in which words.

use expect_test::expect;

use crate::script::check;

#[test]
fn texts_that_are_no_expressions() {
    check(
        r#"
        0s | )
        0s | 1 +
        0s | 1 + + * 2
        0s | sum(
        0s | sum(x
        0s | sum(x))
        0s | sum()
        0s | sum(1)
        0s | sum(x, y)
        0s | topk(x)
        0s | topk("a", x)
        0s | count_values(1, x)
        0s | rate(x)
        0s | rate(x[5m], 1)
        0s | rate(1)
        0s | abs(x[5m])
        0s | nope(x)
        0s | histogram_count(x)
        0s | limitk(1, x)
        0s | time(1)
        0s | round(x, 1, 2)
        0s | label_join(x, "a")
        0s | label_replace(x, "a", "b", "c")
        0s | x{
        0s | x{a}
        0s | x{a=}
        0s | x{a=b}
        0s | x{a="b" c="d"}
        0s | x{a=~"("}
        0s | x{__name__="y"}
        0s | {}
        0s | {a=""}
        0s | {a=~".*"}
        0s | {a!="b"}
        0s | x{a:b="c"}
        0s | x[5]
        0s | x[5m
        0s | x[0s]
        0s | x[-1m]
        0s | x[1e300]
        0s | x[nan]
        0s | x[5m][5m]
        0s | (x)[5m]
        0s | x offset 1m[5m]
        0s | 1[5m]
        0s | 1[5m:1m]
        0s | x[5m:0s]
        0s | x offset 1m offset 2m
        0s | x @ 1 @ 2
        0s | x @ 1e300
        0s | x @ nope()
        0s | sum(x) offset 1m
        0s | 1 offset 1m
        0s | x[1m1h]
        0s | 5x
        0s | 1 == 1
        0s | x + bool y
        0s | x and 1
        0s | x and bool y
        0s | x and on(a) group_left y
        0s | x + on(a) 1
        0s | x + group_left y
        0s | x * on(a) group_left(a) y
        0s | "a" + 1
        0s | x[5m] + 1
        0s | -"a"
        0s | -x[5m]
        0s | "a
        0s | "\q"
        0s | "\xff"
        0s | `a
        0s | x ! y
        0s | x # comment
        0s | x y
        0s | sum by (a x) (y)
        0s | sum by ("a b") (y)
        0s | a + fill(0) b
        "#,
        &expect![[r#"
            0s | )
                error: 1:1: parse error: unexpected ")", expected an expression
            0s | 1 +
                error: 1:4: parse error: unexpected end of input, expected an expression
            0s | 1 + + * 2
                error: 1:7: parse error: unexpected "*", expected an expression
            0s | sum(
                error: 1:5: parse error: unexpected end of input, expected an expression
            0s | sum(x
                error: 1:6: parse error: unexpected end of input, expected "," or ")"
            0s | sum(x))
                error: 1:7: parse error: unexpected ")", expected an operator
            0s | sum()
                error: 1:1: parse error: expected 1 argument(s) in "sum", got 0
            0s | sum(1)
                error: 1:5: parse error: expected type instant vector in aggregation "sum", got scalar
            0s | sum(x, y)
                error: 1:1: parse error: expected 1 argument(s) in "sum", got 2
            0s | topk(x)
                error: 1:1: parse error: expected 2 argument(s) in "topk", got 1
            0s | topk("a", x)
                error: 1:6: parse error: expected type scalar in aggregation "topk", got string
            0s | count_values(1, x)
                error: 1:14: parse error: expected type string in aggregation "count_values", got scalar
            0s | rate(x)
                error: 1:6: parse error: expected type range vector in call to function "rate", got instant vector
            0s | rate(x[5m], 1)
                error: 1:1: parse error: expected 1 argument(s) in call to "rate", got 2
            0s | rate(1)
                error: 1:6: parse error: expected type range vector in call to function "rate", got scalar
            0s | abs(x[5m])
                error: 1:5: parse error: expected type instant vector in call to function "abs", got range vector
            0s | nope(x)
                error: 1:1: parse error: unknown function "nope"
            0s | histogram_count(x)
                error: 1:1: parse error: unknown function "histogram_count"
            0s | limitk(1, x)
                error: 1:1: parse error: unknown function "limitk"
            0s | time(1)
                error: 1:1: parse error: expected 0 argument(s) in call to "time", got 1
            0s | round(x, 1, 2)
                error: 1:1: parse error: expected 1 to 2 argument(s) in call to "round", got 3
            0s | label_join(x, "a")
                error: 1:1: parse error: expected at least 3 argument(s) in call to "label_join", got 2
            0s | label_replace(x, "a", "b", "c")
                error: 1:1: parse error: expected 5 argument(s) in call to "label_replace", got 4
            0s | x{
                error: 1:3: parse error: unexpected end of input, expected a label name
            0s | x{a}
                error: 1:4: parse error: unexpected "}", expected one of "=", "!=", "=~", "!~"
            0s | x{a=}
                error: 1:5: parse error: unexpected "}", expected a string
            0s | x{a=b}
                error: 1:5: parse error: unexpected "b", expected a string
            0s | x{a="b" c="d"}
                error: 1:9: parse error: unexpected "c", expected "," or "}"
            0s | x{a=~"("}
                error: 1:6: parse error: bad or huge regular expression "("
            0s | x{__name__="y"}
                error: 1:3: parse error: metric name must not be set twice
            0s | {}
                error: 1:1: parse error: a selector must contain at least one matcher that is not empty
            0s | {a=""}
                error: 1:1: parse error: a selector must contain at least one matcher that is not empty
            0s | {a=~".*"}
                error: 1:1: parse error: a selector must contain at least one matcher that is not empty
            0s | {a!="b"}
                error: 1:1: parse error: a selector must contain at least one matcher that is not empty
            0s | x{a:b="c"}
                error: 1:3: parse error: unexpected "a:b", expected a label name
            0s | x[5]
                nothing
            0s | x[5m
                error: 1:5: parse error: unexpected end of input, expected "]"
            0s | x[0s]
                error: 1:3: parse error: duration must be greater than 0
            0s | x[-1m]
                error: 1:3: parse error: unexpected "-", expected a duration
            0s | x[1e300]
                error: 1:3: parse error: time or duration out of bounds
            0s | x[nan]
                error: 1:3: parse error: time or duration out of bounds
            0s | x[5m][5m]
                error: 1:1: parse error: ranges only allowed for vector selectors
            0s | (x)[5m]
                error: 1:1: parse error: ranges only allowed for vector selectors
            0s | x offset 1m[5m]
                error: 1:1: parse error: no offset or @ modifiers allowed before a range
            0s | 1[5m]
                error: 1:1: parse error: ranges only allowed for vector selectors
            0s | 1[5m:1m]
                error: 1:1: parse error: expected type instant vector in a subquery, got scalar
            0s | x[5m:0s]
                error: 1:6: parse error: duration must be greater than 0
            0s | x offset 1m offset 2m
                error: 1:13: parse error: offset may not be set multiple times
            0s | x @ 1 @ 2
                error: 1:7: parse error: @ modifier may not be set multiple times
            0s | x @ 1e300
                error: 1:5: parse error: time or duration out of bounds
            0s | x @ nope()
                error: 1:5: parse error: unexpected "nope", expected a duration
            0s | sum(x) offset 1m
                error: 1:8: parse error: offset must be preceded by a selector or a subquery
            0s | 1 offset 1m
                error: 1:3: parse error: offset must be preceded by a selector or a subquery
            0s | x[1m1h]
                error: 1:3: parse error: bad number or duration "1m1h"
            0s | 5x
                error: 1:1: parse error: bad number or duration "5x"
            0s | 1 == 1
                error: 1:3: parse error: comparisons between scalars must use BOOL modifier
            0s | x + bool y
                error: 1:3: parse error: bool modifier can only be used on comparison operators
            0s | x and 1
                error: 1:3: parse error: set operators are not allowed in binary scalar expressions
            0s | x and bool y
                error: 1:3: parse error: bool modifier can only be used on comparison operators
            0s | x and on(a) group_left y
                error: 1:3: parse error: no grouping allowed for set operations
            0s | x + on(a) 1
                error: 1:3: parse error: vector matching only allowed between instant vectors
            0s | x + group_left y
                error: 1:16: parse error: unexpected "y", expected an operator
            0s | x * on(a) group_left(a) y
                error: 1:11: parse error: label "a" must not occur in ON and GROUP clause at once
            0s | "a" + 1
                error: 1:1: parse error: an operator needs scalars or instant vectors, got string
            0s | x[5m] + 1
                error: 1:1: parse error: an operator needs scalars or instant vectors, got range vector
            0s | -"a"
                error: 1:1: parse error: a sign needs a scalar or instant vector, got string
            0s | -x[5m]
                error: 1:1: parse error: a sign needs a scalar or instant vector, got range vector
            0s | "a
                error: 1:1: parse error: unterminated quoted string
            0s | "\q"
                error: 1:1: parse error: bad escape in a string
            0s | "\xff"
                error: 1:1: parse error: a string is not valid UTF-8
            0s | `a
                error: 1:1: parse error: unterminated raw string
            0s | x ! y
                error: 1:3: parse error: unexpected character '!'
            0s | x # comment
                nothing
            0s | x y
                error: 1:3: parse error: unexpected "y", expected an operator
            0s | sum by (a x) (y)
                error: 1:11: parse error: unexpected "x", expected "," or ")"
            0s | sum by ("a b") (y)
                nothing
            0s | a + fill(0) b
                error: 1:5: parse error: unknown function "fill"
        "#]],
    );
}

#[test]
fn a_place_is_a_line_and_a_column() {
    check(
        r#"
        0s | sum(rate(x[5m]) by (vm)
        "#,
        &expect![[r#"
            0s | sum(rate(x[5m]) by (vm)
                error: 1:17: parse error: unexpected "by", expected "," or ")"
        "#]],
    );
}

#[test]
fn times_and_kinds_that_cannot_be_asked_for() {
    check(
        r#"
        1m..0/1m | 1
        0..1m/0s | 1
        0..1h/100ms | 1
        0..1m/1m | x[5m]
        0..1m/1m | "a"
        9e11 | time()
        "#,
        &expect![[r#"
            1m..0/1m | 1
                error: end timestamp must not be before start time
            0..1m/0s | 1
                error: zero or negative query resolution step widths are not accepted
            0..1h/100ms | 1
                error: exceeded maximum resolution of 11000 points per timeseries
            0..1m/1m | x[5m]
                error: invalid expression type "range vector" for range query, must be Scalar or instant Vector
            0..1m/1m | "a"
                error: invalid expression type "string" for range query, must be Scalar or instant Vector
            9e11 | time()
                scalar 900000000000
        "#]],
    );
}
