//! Aggregations over series.

use expect_test::expect;

use crate::script::check;

#[test]
fn groups_by_and_without() {
    check(
        r#"
        load 1m
          n{job="web",vm="a",zone="x"} 1
          n{job="web",vm="b",zone="y"} 2
          n{job="db",vm="c",zone="x"} 4
          n{vm="d"} 8
        0s | sum(n)
        0s | sum by (job) (n)
        0s | sum(n) by (job)
        0s | sum by (job, zone) (n)
        0s | sum without (vm) (n)
        0s | sum without (vm, zone) (n)
        0s | sum without () (n)
        0s | sum by () (n)
        0s | SUM BY (job) (n)
        0s | sum by (__name__) (n)
        0s | avg by (job) (n)
        0s | min by (job) (n)
        0s | max by (job) (n)
        0s | count by (job) (n)
        0s | group by (job) (n)
        0s | stddev(n)
        0s | stdvar(n)
        0s | stdvar by (job) (n)
        0s | sum(nothing)
        0s | count(nothing)
        0s | sum(n > 100)
        0s | sum by (job) (n) / count by (job) (n)
        0s | sum(sum by (job) (n))
        "#,
        &expect![[r#"
            0s | sum(n)
                {} 15
            0s | sum by (job) (n)
                {} 8
                {job="db"} 4
                {job="web"} 3
            0s | sum(n) by (job)
                {} 8
                {job="db"} 4
                {job="web"} 3
            0s | sum by (job, zone) (n)
                {} 8
                {job="db",zone="x"} 4
                {job="web",zone="x"} 1
                {job="web",zone="y"} 2
            0s | sum without (vm) (n)
                {} 8
                {job="db",zone="x"} 4
                {job="web",zone="x"} 1
                {job="web",zone="y"} 2
            0s | sum without (vm, zone) (n)
                {} 8
                {job="db"} 4
                {job="web"} 3
            0s | sum without () (n)
                {job="db",vm="c",zone="x"} 4
                {job="web",vm="a",zone="x"} 1
                {job="web",vm="b",zone="y"} 2
                {vm="d"} 8
            0s | sum by () (n)
                {} 15
            0s | SUM BY (job) (n)
                {} 8
                {job="db"} 4
                {job="web"} 3
            0s | sum by (__name__) (n)
                n 15
            0s | avg by (job) (n)
                {} 8
                {job="db"} 4
                {job="web"} 1.5
            0s | min by (job) (n)
                {} 8
                {job="db"} 4
                {job="web"} 1
            0s | max by (job) (n)
                {} 8
                {job="db"} 4
                {job="web"} 2
            0s | count by (job) (n)
                {} 1
                {job="db"} 1
                {job="web"} 2
            0s | group by (job) (n)
                {} 1
                {job="db"} 1
                {job="web"} 1
            0s | stddev(n)
                {} 2.680951323690902
            0s | stdvar(n)
                {} 7.1875
            0s | stdvar by (job) (n)
                {} 0
                {job="db"} 0
                {job="web"} 0.25
            0s | sum(nothing)
                nothing
            0s | count(nothing)
                nothing
            0s | sum(n > 100)
                nothing
            0s | sum by (job) (n) / count by (job) (n)
                {} 8
                {job="db"} 4
                {job="web"} 1.5
            0s | sum(sum by (job) (n))
                {} 15
        "#]],
    );
}

#[test]
fn nan_and_infinity_in_groups() {
    check(
        r#"
        load 1m
          n{vm="a"} NaN
          n{vm="b"} 2
          n{vm="c"} 3
          i{vm="a"} Inf
          i{vm="b"} 2
          big{vm="a"} 1.7e308
          big{vm="b"} 1.7e308
          kahan{vm="a"} 1e100
          kahan{vm="b"} 1
          kahan{vm="c"} -1e100
        0s | sum(n)
        0s | min(n)
        0s | max(n)
        0s | avg(n)
        0s | stddev(n)
        0s | count(n)
        0s | quantile(0.5, n)
        0s | sum(i)
        0s | avg(i)
        0s | stddev(i)
        0s | avg(big)
        0s | sum(big)
        0s | sum(kahan)
        0s | avg(kahan)
        "#,
        &expect![[r#"
            0s | sum(n)
                {} NaN
            0s | min(n)
                {} 2
            0s | max(n)
                {} 3
            0s | avg(n)
                {} NaN
            0s | stddev(n)
                {} NaN
            0s | count(n)
                {} 3
            0s | quantile(0.5, n)
                {} 2
            0s | sum(i)
                {} +Inf
            0s | avg(i)
                {} +Inf
            0s | stddev(i)
                {} NaN
            0s | avg(big)
                {} 1.7e+308
            0s | sum(big)
                {} +Inf
            0s | sum(kahan)
                {} 1
            0s | avg(kahan)
                {} 0.3333333333333333
        "#]],
    );
}

#[test]
fn the_largest_and_the_smallest() {
    check(
        r#"
        load 1m
          n{job="web",vm="a"} 3 9
          n{job="web",vm="b"} 1 1
          n{job="db",vm="c"} 2 7
          n{job="db",vm="d"} 4 NaN
          n{job="db",vm="e"} NaN 5
        0s | topk(2, n)
        0s | bottomk(2, n)
        0s | topk(1, n) by (job)
        0s | topk by (job) (1, n)
        0s | bottomk(1, n) by (job)
        0s | topk(100, n)
        0s | bottomk(100, n)
        0s | topk(0, n)
        0s | topk(-1, n)
        0s | topk(1.9, n)
        0s | topk(NaN, n)
        0s | topk(1e30, n)
        0s | topk(scalar(n{vm="c"}), n)
        0..2m/1m | topk(1, n)
        0..2m/1m | bottomk(2, n)
        0..2m/1m | topk(scalar(n{vm="b"}) + time() / 60, n)
        0s | sum(topk(2, n))
        "#,
        &expect![[r#"
            0s | topk(2, n)
                n{job="db",vm="d"} 4
                n{job="web",vm="a"} 3
            0s | bottomk(2, n)
                n{job="web",vm="b"} 1
                n{job="db",vm="c"} 2
            0s | topk(1, n) by (job)
                n{job="db",vm="d"} 4
                n{job="web",vm="a"} 3
            0s | topk by (job) (1, n)
                n{job="db",vm="d"} 4
                n{job="web",vm="a"} 3
            0s | bottomk(1, n) by (job)
                n{job="db",vm="c"} 2
                n{job="web",vm="b"} 1
            0s | topk(100, n)
                n{job="db",vm="d"} 4
                n{job="web",vm="a"} 3
                n{job="db",vm="c"} 2
                n{job="web",vm="b"} 1
                n{job="db",vm="e"} NaN
            0s | bottomk(100, n)
                n{job="web",vm="b"} 1
                n{job="db",vm="c"} 2
                n{job="web",vm="a"} 3
                n{job="db",vm="d"} 4
                n{job="db",vm="e"} NaN
            0s | topk(0, n)
                nothing
            0s | topk(-1, n)
                nothing
            0s | topk(1.9, n)
                n{job="db",vm="d"} 4
            0s | topk(NaN, n)
                error: Parameter value is NaN
            0s | topk(1e30, n)
                error: Scalar value 1000000000000000000000000000000 does not fit into 64 bits
            0s | topk(scalar(n{vm="c"}), n)
                n{job="db",vm="d"} 4
                n{job="web",vm="a"} 3
            0..2m/1m | topk(1, n)
                n{job="db",vm="d"} 4@0
                n{job="web",vm="a"} 9@60 9@120
            0..2m/1m | bottomk(2, n)
                n{job="db",vm="c"} 2@0
                n{job="db",vm="e"} 5@60 5@120
                n{job="web",vm="b"} 1@0 1@60 1@120
            0..2m/1m | topk(scalar(n{vm="b"}) + time() / 60, n)
                n{job="db",vm="c"} 7@60 7@120
                n{job="db",vm="d"} 4@0
                n{job="db",vm="e"} 5@120
                n{job="web",vm="a"} 9@60 9@120
            0s | sum(topk(2, n))
                {} 7
        "#]],
    );
}

#[test]
fn quantiles_across_series() {
    check(
        r#"
        load 1m
          n{job="x",vm="a"} 1 10
          n{job="x",vm="b"} 2 20
          n{job="x",vm="c"} 4 _
          n{job="y",vm="d"} 8 80
        0s | quantile(0.5, n)
        0s | quantile(0.9, n)
        0s | quantile(0, n)
        0s | quantile(1, n)
        0s | quantile(-0.1, n)
        0s | quantile(2, n)
        0s | quantile(NaN, n)
        0s | quantile by (job) (0.5, n)
        0..1m/1m | quantile by (job) (0.5, n)
        0..1m/1m | quantile(time() / 60, n)
        "#,
        &expect![[r#"
            0s | quantile(0.5, n)
                {} 3
            0s | quantile(0.9, n)
                {} 6.800000000000001
            0s | quantile(0, n)
                {} 1
            0s | quantile(1, n)
                {} 8
            0s | quantile(-0.1, n)
                {} -Inf
            0s | quantile(2, n)
                {} +Inf
            0s | quantile(NaN, n)
                {} NaN
            0s | quantile by (job) (0.5, n)
                {job="x"} 2
                {job="y"} 8
            0..1m/1m | quantile by (job) (0.5, n)
                {job="x"} 2@0 10@60
                {job="y"} 8@0 80@60
            0..1m/1m | quantile(time() / 60, n)
                {} 1@0 80@60
        "#]],
    );
}

#[test]
fn values_are_counted() {
    check(
        r#"
        load 1m
          version{vm="a",job="x"} 6 6
          version{vm="b",job="x"} 6 7
          version{vm="c",job="y"} 7.5 1e30
        0s | count_values("version", version)
        0s | count_values by (job) ("version", version)
        0s | count_values without (vm) ("version", version)
        0s | count_values("vm", version)
        0..1m/1m | count_values("version", version)
        0s | count_values("", version)
        "#,
        &expect![[r#"
            0s | count_values("version", version)
                {version="6"} 2
                {version="7.5"} 1
            0s | count_values by (job) ("version", version)
                {job="x",version="6"} 2
                {job="y",version="7.5"} 1
            0s | count_values without (vm) ("version", version)
                {job="x",version="6"} 2
                {job="y",version="7.5"} 1
            0s | count_values("vm", version)
                {vm="6"} 2
                {vm="7.5"} 1
            0..1m/1m | count_values("version", version)
                {version="1000000000000000000000000000000"} 1@60
                {version="6"} 2@0 1@60
                {version="7"} 1@60
                {version="7.5"} 1@0
            0s | count_values("", version)
                error: invalid label name "" in count_values
        "#]],
    );
}

#[test]
fn a_group_is_there_only_when_a_member_is() {
    check(
        r#"
        load 1m
          n{vm="a",job="x"} 1 stale 3
          n{vm="b",job="x"} 1 1 stale
          n{vm="c",job="y"} _ 5 stale
        0..3m/1m | sum by (job) (n)
        0..3m/1m | count(n)
        0..3m/1m | sum by (job) (rate(n[3m]))
        0..3m/1m | max(n) - min(n)
        "#,
        &expect![[r#"
            0..3m/1m | sum by (job) (n)
                {job="x"} 2@0 1@60 3@120 3@180
                {job="y"} 5@60
            0..3m/1m | count(n)
                {} 2@0 2@60 1@120 1@180
            0..3m/1m | sum by (job) (rate(n[3m]))
                {job="x"} 0@60 0.016666666666666666@120
            0..3m/1m | max(n) - min(n)
                {} 0@0 4@60 0@120 0@180
        "#]],
    );
}
