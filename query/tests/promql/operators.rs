//! Operators between numbers and series.

use expect_test::expect;

use crate::script::check;

#[test]
fn scalars_calculate() {
    check(
        r#"
        0s | 1 + 2 * 3
        0s | (1 + 2) * 3
        0s | 2 ^ 3 ^ 2
        0s | -2 ^ 2
        0s | (-2) ^ 2
        0s | 2 ^ -1
        0s | 7 % 4
        0s | -7 % 4
        0s | 7 % 0
        0s | 1 / 0
        0s | -1 / 0
        0s | 0 / 0
        0s | 1 atan2 2
        0s | 10 - 4 - 3
        0s | 8 / 4 / 2
        0s | 1 > bool 2
        0s | 1 < bool 2
        0s | 1 == bool 1
        0s | 1 != bool 1
        0s | 2 >= bool 2
        0s | 2 <= bool 1
        0s | NaN == bool NaN
        0s | NaN != bool NaN
        0s | 1 + 2 > bool 2
        0s | 0x1f + 017
        0s | 5m + 1h30m
        0s | 1e3
        0s | .5
        0s | Inf
        0s | -inf
        0s | nan
        0s | +1
        0s | - - 1
        0s | "a string"
        0s | 'sin\'gle \u00e9\x41\101\n'
        0s | `raw \n`
        0..2m/1m | 1 + 2
        0..2m/1m | time()
        "#,
        &expect![[r#"
            0s | 1 + 2 * 3
                scalar 7
            0s | (1 + 2) * 3
                scalar 9
            0s | 2 ^ 3 ^ 2
                scalar 512
            0s | -2 ^ 2
                scalar -4
            0s | (-2) ^ 2
                scalar 4
            0s | 2 ^ -1
                scalar 0.5
            0s | 7 % 4
                scalar 3
            0s | -7 % 4
                scalar -3
            0s | 7 % 0
                scalar NaN
            0s | 1 / 0
                scalar +Inf
            0s | -1 / 0
                scalar -Inf
            0s | 0 / 0
                scalar NaN
            0s | 1 atan2 2
                scalar 0.4636476090008061
            0s | 10 - 4 - 3
                scalar 3
            0s | 8 / 4 / 2
                scalar 1
            0s | 1 > bool 2
                scalar 0
            0s | 1 < bool 2
                scalar 1
            0s | 1 == bool 1
                scalar 1
            0s | 1 != bool 1
                scalar 0
            0s | 2 >= bool 2
                scalar 1
            0s | 2 <= bool 1
                scalar 0
            0s | NaN == bool NaN
                scalar 0
            0s | NaN != bool NaN
                scalar 1
            0s | 1 + 2 > bool 2
                scalar 1
            0s | 0x1f + 017
                scalar 46
            0s | 5m + 1h30m
                scalar 5700
            0s | 1e3
                scalar 1000
            0s | .5
                scalar 0.5
            0s | Inf
                scalar +Inf
            0s | -inf
                scalar -Inf
            0s | nan
                scalar NaN
            0s | +1
                scalar 1
            0s | - - 1
                scalar 1
            0s | "a string"
                string "a string"
            0s | 'sin\'gle \u00e9\x41\101\n'
                string "sin'gle éAA\n"
            0s | `raw \n`
                string "raw \\n"
            0..2m/1m | 1 + 2
                {} 3@0 3@60 3@120
            0..2m/1m | time()
                {} 0@0 60@60 120@120
        "#]],
    );
}

#[test]
fn a_scalar_and_a_vector() {
    check(
        r#"
        load 1m
          n{vm="a"} 1
          n{vm="b"} 2
          n{vm="c"} NaN
        0s | n + 1
        0s | 1 - n
        0s | n > 1
        0s | 1 < n
        0s | n > bool 1
        0s | 1 < bool n
        0s | n == 1
        0s | n != 1
        0s | n ^ 2
        0s | 2 ^ n
        0s | n % 2
        0s | -n
        0s | +n
        0s | n * n{vm="a"}
        0s | (n > 1) + 1
        "#,
        &expect![[r#"
            0s | n + 1
                {vm="a"} 2
                {vm="b"} 3
                {vm="c"} NaN
            0s | 1 - n
                {vm="a"} 0
                {vm="b"} -1
                {vm="c"} NaN
            0s | n > 1
                n{vm="b"} 2
            0s | 1 < n
                n{vm="b"} 2
            0s | n > bool 1
                {vm="a"} 0
                {vm="b"} 1
                {vm="c"} 0
            0s | 1 < bool n
                {vm="a"} 0
                {vm="b"} 1
                {vm="c"} 0
            0s | n == 1
                n{vm="a"} 1
            0s | n != 1
                n{vm="b"} 2
                n{vm="c"} NaN
            0s | n ^ 2
                {vm="a"} 1
                {vm="b"} 4
                {vm="c"} NaN
            0s | 2 ^ n
                {vm="a"} 2
                {vm="b"} 4
                {vm="c"} NaN
            0s | n % 2
                {vm="a"} 1
                {vm="b"} 0
                {vm="c"} NaN
            0s | -n
                {vm="a"} -1
                {vm="b"} -2
                {vm="c"} NaN
            0s | +n
                n{vm="a"} 1
                n{vm="b"} 2
                n{vm="c"} NaN
            0s | n * n{vm="a"}
                {vm="a"} 1
            0s | (n > 1) + 1
                {vm="b"} 3
        "#]],
    );
}

#[test]
fn vectors_match_one_to_one() {
    check(
        r#"
        load 1m
          used{vm="a",job="x"} 1
          used{vm="b",job="x"} 2
          used{vm="c",job="x"} 3
          size{vm="a",job="x"} 10
          size{vm="b",job="x"} 20
          size{vm="d",job="x"} 40
          other{vm="a",job="y"} 100
        0s | used / size
        0s | used + used
        0s | used > size
        0s | size > used
        0s | size > bool used
        0s | used == used
        0s | used / on(vm) other
        0s | used / ignoring(job) other
        0s | used - on(vm, job) size
        0s | used > on(vm) size
        0s | size > on(vm) used
        0s | size > ignoring(job) used
        0s | used + on() other
        0s | used{vm="a"} + on() other
        0s | used / nothing
        0s | nothing / used
        0s | nothing / on(job) used
        0s | used / on(job) nothing
        0s | used + on(vm) {__name__=~"size|other"}
        0s | {__name__=~"used|size"} + on(vm) other
        0s | {__name__=~"used|size"} > on(vm) other
        "#,
        &expect![[r#"
            0s | used / size
                {job="x",vm="a"} 0.1
                {job="x",vm="b"} 0.1
            0s | used + used
                {job="x",vm="a"} 2
                {job="x",vm="b"} 4
                {job="x",vm="c"} 6
            0s | used > size
                nothing
            0s | size > used
                size{job="x",vm="a"} 10
                size{job="x",vm="b"} 20
            0s | size > bool used
                {job="x",vm="a"} 1
                {job="x",vm="b"} 1
            0s | used == used
                used{job="x",vm="a"} 1
                used{job="x",vm="b"} 2
                used{job="x",vm="c"} 3
            0s | used / on(vm) other
                {vm="a"} 0.01
            0s | used / ignoring(job) other
                {vm="a"} 0.01
            0s | used - on(vm, job) size
                {job="x",vm="a"} -9
                {job="x",vm="b"} -18
            0s | used > on(vm) size
                nothing
            0s | size > on(vm) used
                {vm="a"} 10
                {vm="b"} 20
            0s | size > ignoring(job) used
                size{vm="a"} 10
                size{vm="b"} 20
            0s | used + on() other
                error: multiple matches for labels: many-to-one matching must be explicit (group_left/group_right)
            0s | used{vm="a"} + on() other
                {} 101
            0s | used / nothing
                nothing
            0s | nothing / used
                nothing
            0s | nothing / on(job) used
                nothing
            0s | used / on(job) nothing
                nothing
            0s | used + on(vm) {__name__=~"size|other"}
                error: found duplicate series for the match group {vm="a"} on the right hand-side of the operation: [other{job="y",vm="a"}, size{job="x",vm="a"}];many-to-many matching not allowed: matching labels must be unique on one side
            0s | {__name__=~"used|size"} + on(vm) other
                error: multiple matches for labels: many-to-one matching must be explicit (group_left/group_right)
            0s | {__name__=~"used|size"} > on(vm) other
                error: multiple matches for labels: many-to-one matching must be explicit (group_left/group_right)
        "#]],
    );
}

#[test]
fn one_series_may_match_many() {
    check(
        r#"
        load 1m
          cpu{vm="a",mode="user"} 1
          cpu{vm="a",mode="idle"} 9
          cpu{vm="b",mode="user"} 2
          cpu{vm="b",mode="idle"} 8
          cores{vm="a",flavor="s"} 2
          cores{vm="b",flavor="l"} 4
        0s | cpu / on(vm) group_left cores
        0s | cpu / on(vm) group_left() cores
        0s | cpu / on(vm) group_left(flavor) cores
        0s | cores * on(vm) group_right cpu
        0s | cores * on(vm) group_right(flavor) cpu
        0s | cores - on(vm) group_right cpu
        0s | cpu > on(vm) group_left cores
        0s | cpu > bool on(vm) group_left(flavor) cores
        0s | cpu / ignoring(mode) group_left cores
        0s | cpu / ignoring(mode, flavor) group_left(flavor) cores
        0s | cpu / on(vm) cores
        0s | cores / on(vm) cpu
        0s | cores / on(vm) group_left cpu
        0s | cpu / on(vm) group_left(mode) cores
        "#,
        &expect![[r#"
            0s | cpu / on(vm) group_left cores
                {mode="idle",vm="a"} 4.5
                {mode="user",vm="a"} 0.5
                {mode="idle",vm="b"} 2
                {mode="user",vm="b"} 0.5
            0s | cpu / on(vm) group_left() cores
                {mode="idle",vm="a"} 4.5
                {mode="user",vm="a"} 0.5
                {mode="idle",vm="b"} 2
                {mode="user",vm="b"} 0.5
            0s | cpu / on(vm) group_left(flavor) cores
                {flavor="s",mode="idle",vm="a"} 4.5
                {flavor="s",mode="user",vm="a"} 0.5
                {flavor="l",mode="idle",vm="b"} 2
                {flavor="l",mode="user",vm="b"} 0.5
            0s | cores * on(vm) group_right cpu
                {mode="idle",vm="a"} 18
                {mode="user",vm="a"} 2
                {mode="idle",vm="b"} 32
                {mode="user",vm="b"} 8
            0s | cores * on(vm) group_right(flavor) cpu
                {flavor="s",mode="idle",vm="a"} 18
                {flavor="s",mode="user",vm="a"} 2
                {flavor="l",mode="idle",vm="b"} 32
                {flavor="l",mode="user",vm="b"} 8
            0s | cores - on(vm) group_right cpu
                {mode="idle",vm="a"} -7
                {mode="user",vm="a"} 1
                {mode="idle",vm="b"} -4
                {mode="user",vm="b"} 2
            0s | cpu > on(vm) group_left cores
                cpu{mode="idle",vm="a"} 9
                cpu{mode="idle",vm="b"} 8
            0s | cpu > bool on(vm) group_left(flavor) cores
                {flavor="s",mode="idle",vm="a"} 1
                {flavor="s",mode="user",vm="a"} 0
                {flavor="l",mode="idle",vm="b"} 1
                {flavor="l",mode="user",vm="b"} 0
            0s | cpu / ignoring(mode) group_left cores
                nothing
            0s | cpu / ignoring(mode, flavor) group_left(flavor) cores
                {flavor="s",mode="idle",vm="a"} 4.5
                {flavor="s",mode="user",vm="a"} 0.5
                {flavor="l",mode="idle",vm="b"} 2
                {flavor="l",mode="user",vm="b"} 0.5
            0s | cpu / on(vm) cores
                error: multiple matches for labels: many-to-one matching must be explicit (group_left/group_right)
            0s | cores / on(vm) cpu
                error: found duplicate series for the match group {vm="a"} on the right hand-side of the operation: [cpu{mode="idle",vm="a"}, cpu{mode="user",vm="a"}];many-to-many matching not allowed: matching labels must be unique on one side
            0s | cores / on(vm) group_left cpu
                error: found duplicate series for the match group {vm="a"} on the right hand-side of the operation: [cpu{mode="idle",vm="a"}, cpu{mode="user",vm="a"}];many-to-many matching not allowed: matching labels must be unique on one side
            0s | cpu / on(vm) group_left(mode) cores
                error: multiple matches for labels: grouping labels must ensure unique matches
        "#]],
    );
}

#[test]
fn set_operators() {
    check(
        r#"
        load 1m
          a{vm="1",x="p"} 1
          a{vm="2",x="p"} 2
          a{vm="3",x="q"} 3
          b{vm="2",x="p"} 20
          b{vm="3",x="q"} 30
          b{vm="4",x="q"} 40
        0s | a and b
        0s | a or b
        0s | a unless b
        0s | b and a
        0s | a and on(x) b{vm="3"}
        0s | a or on(x) b{vm="4"}
        0s | a unless on(x) b{vm="3"}
        0s | a and ignoring(vm) b{vm="4"}
        0s | a and nothing
        0s | a or nothing
        0s | nothing or b
        0s | a unless nothing
        0s | a or a
        0s | a > 1 and b > 20
        0s | a > 1 or b > 30
        0s | a and on() vector(1)
        0s | a and on() (vector(1) > 2)
        0s | a or on(vm) b or on(vm) vector(7)
        "#,
        &expect![[r#"
            0s | a and b
                a{vm="2",x="p"} 2
                a{vm="3",x="q"} 3
            0s | a or b
                a{vm="1",x="p"} 1
                a{vm="2",x="p"} 2
                a{vm="3",x="q"} 3
                b{vm="4",x="q"} 40
            0s | a unless b
                a{vm="1",x="p"} 1
            0s | b and a
                b{vm="2",x="p"} 20
                b{vm="3",x="q"} 30
            0s | a and on(x) b{vm="3"}
                a{vm="3",x="q"} 3
            0s | a or on(x) b{vm="4"}
                a{vm="1",x="p"} 1
                a{vm="2",x="p"} 2
                a{vm="3",x="q"} 3
            0s | a unless on(x) b{vm="3"}
                a{vm="1",x="p"} 1
                a{vm="2",x="p"} 2
            0s | a and ignoring(vm) b{vm="4"}
                a{vm="3",x="q"} 3
            0s | a and nothing
                nothing
            0s | a or nothing
                a{vm="1",x="p"} 1
                a{vm="2",x="p"} 2
                a{vm="3",x="q"} 3
            0s | nothing or b
                b{vm="2",x="p"} 20
                b{vm="3",x="q"} 30
                b{vm="4",x="q"} 40
            0s | a unless nothing
                a{vm="1",x="p"} 1
                a{vm="2",x="p"} 2
                a{vm="3",x="q"} 3
            0s | a or a
                a{vm="1",x="p"} 1
                a{vm="2",x="p"} 2
                a{vm="3",x="q"} 3
            0s | a > 1 and b > 20
                a{vm="3",x="q"} 3
            0s | a > 1 or b > 30
                a{vm="2",x="p"} 2
                a{vm="3",x="q"} 3
                b{vm="4",x="q"} 40
            0s | a and on() vector(1)
                a{vm="1",x="p"} 1
                a{vm="2",x="p"} 2
                a{vm="3",x="q"} 3
            0s | a and on() (vector(1) > 2)
                nothing
            0s | a or on(vm) b or on(vm) vector(7)
                a{vm="1",x="p"} 1
                a{vm="2",x="p"} 2
                a{vm="3",x="q"} 3
                b{vm="4",x="q"} 40
                {} 7
        "#]],
    );
}

#[test]
fn operators_work_step_by_step() {
    check(
        r#"
        load 1m
          a{vm="1"} 1 2 _ 4 5
          b{vm="1"} 10 stale 30 40 stale
          b{vm="2"} 7 7 7 7 7
        0..4m/1m | a + b
        0..4m/1m | a and b
        0..4m/1m | a unless b
        0..4m/1m | b or a
        0..4m/1m | a > 2
        0..4m/1m | a > bool 2
        0..4m/1m | b - on() group_left a
        0..4m/1m | scalar(a) + b
        0..4m/1m | scalar(b)
        0..4m/1m | b > time() / 60
        "#,
        &expect![[r#"
            0..4m/1m | a + b
                {vm="1"} 11@0 32@120 44@180
            0..4m/1m | a and b
                a{vm="1"} 1@0 2@120 4@180
            0..4m/1m | a unless b
                a{vm="1"} 2@60 5@240
            0..4m/1m | b or a
                a{vm="1"} 2@60 5@240
                b{vm="1"} 10@0 30@120 40@180
                b{vm="2"} 7@0 7@60 7@120 7@180 7@240
            0..4m/1m | a > 2
                a{vm="1"} 4@180 5@240
            0..4m/1m | a > bool 2
                {vm="1"} 0@0 0@60 0@120 1@180 1@240
            0..4m/1m | b - on() group_left a
                {vm="1"} 9@0 28@120 36@180
                {vm="2"} 6@0 5@60 5@120 3@180 2@240
            0..4m/1m | scalar(a) + b
                {vm="1"} 11@0 32@120 44@180
                {vm="2"} 8@0 9@60 9@120 11@180 12@240
            0..4m/1m | scalar(b)
                {} NaN@0 7@60 NaN@120 NaN@180 7@240
            0..4m/1m | b > time() / 60
                b{vm="1"} 10@0 30@120 40@180
                b{vm="2"} 7@0 7@60 7@120 7@180 7@240
        "#]],
    );
}
