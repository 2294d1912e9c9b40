//! Functions over windows of samples.

use expect_test::expect;

use crate::script::check;

#[test]
fn rates_are_extrapolated_to_the_ends_of_the_window() {
    check(
        r#"
        load 1m
          steady 0+60x20
          late _x10 0+60x10
          early 0+60x10
          few 0 _x4 300
          from_high 1000+60x20
          falling 1200-60x20
        20m | rate(steady[5m])
        20m | increase(steady[5m])
        20m | delta(steady[5m])
        19m30s | increase(steady[5m])
        19m59s | increase(steady[5m])
        20m | increase(late[20m])
        20m | increase(early[20m])
        20m | rate(early[5m])
        6m | increase(few[6m])
        20m | increase(steady[1m])
        20m | increase(steady[2m])
        1m | increase(steady[10m])
        1m | increase(from_high[10m])
        1m | delta(from_high[10m])
        20m | delta(falling[5m])
        20m | rate(falling[5m])
        0..6m/1m | rate(steady[2m])
        0..6m/2m | increase(steady[4m])
        "#,
        &expect![[r#"
            20m | rate(steady[5m])
                {} 1
            20m | increase(steady[5m])
                {} 300
            20m | delta(steady[5m])
                {} 300
            19m30s | increase(steady[5m])
                {} 300
            19m59s | increase(steady[5m])
                {} 300
            20m | increase(late[20m])
                {} 600
            20m | increase(early[20m])
                {} 630
            20m | rate(early[5m])
                nothing
            6m | increase(few[6m])
                nothing
            20m | increase(steady[1m])
                nothing
            20m | increase(steady[2m])
                {} 120
            1m | increase(steady[10m])
                {} 60
            1m | increase(from_high[10m])
                {} 90
            1m | delta(from_high[10m])
                {} 90
            20m | delta(falling[5m])
                {} -300
            20m | rate(falling[5m])
                {} 1.5
            0..6m/1m | rate(steady[2m])
                {} 0.5@60 1@120 1@180 1@240 1@300 1@360
            0..6m/2m | increase(steady[4m])
                {} 120@120 240@240 240@360
        "#]],
    );
}

#[test]
fn a_counter_that_falls_was_reset() {
    check(
        r#"
        load 1m
          c 0 10 20 5 15 0 0 7 7
          twice 5 3 4 1 2
        8m | increase(c[8m])
        8m | increase(c[9m])
        8m | rate(c[4m])
        8m | resets(c[9m])
        8m | resets(c[4m])
        4m | increase(twice[5m])
        4m | resets(twice[5m])
        5m | irate(c[2m])
        5m | idelta(c[2m])
        4m | irate(c[2m])
        7m | irate(c[5m])
        0..8m/1m | increase(c[3m])
        0..8m/1m | irate(c[2m])
        0..8m/1m | resets(c[3m])
        "#,
        &expect![[r#"
            8m | increase(c[8m])
                {} 36.57142857142857
            8m | increase(c[9m])
                {} 42
            8m | rate(c[4m])
                {} 0.029166666666666667
            8m | resets(c[9m])
                {} 2
            8m | resets(c[4m])
                {} 0
            4m | increase(twice[5m])
                {} 7.5
            4m | resets(twice[5m])
                {} 2
            5m | irate(c[2m])
                {} 0
            5m | idelta(c[2m])
                {} -15
            4m | irate(c[2m])
                {} 0.16666666666666666
            7m | irate(c[5m])
                {} 0.11666666666666667
            0..8m/1m | increase(c[3m])
                {} 10@60 20@120 22.5@180 22.5@240 15@300 0@360 7@420 7@480
            0..8m/1m | irate(c[2m])
                {} 0.16666666666666666@60 0.16666666666666666@120 0.08333333333333333@180 0.16666666666666666@240 0@300 0@360 0.11666666666666667@420 0@480
            0..8m/1m | resets(c[3m])
                {} 0@0 0@60 0@120 1@180 1@240 1@300 1@360 0@420 0@480
        "#]],
    );
}

#[test]
fn changes_count_and_nan_is_like_nan() {
    check(
        r#"
        load 1m
          v 1 1 2 NaN NaN 2 2 3
        8m | changes(v[9m])
        4m | changes(v[2m])
        0..8m/2m | changes(v[4m])
        "#,
        &expect![[r#"
            8m | changes(v[9m])
                {} 4
            4m | changes(v[2m])
                {} 0
            0..8m/2m | changes(v[4m])
                {} 0@0 1@120 2@240 1@360 1@480
        "#]],
    );
}

#[test]
fn sums_means_and_extremes_slide() {
    check(
        r#"
        load 1m
          v 3 1 4 1 5 9 2 6 5 3 5
          huge 1e300 1 -1e300 2 3
          top 1.7e308 1.7e308 1.7e308
          gaps NaN 1 NaN NaN 5 NaN
          endless Inf 1 -Inf 2 3
        0..10m/1m | sum_over_time(v[3m])
        0..10m/1m | avg_over_time(v[3m])
        0..10m/1m | min_over_time(v[3m])
        0..10m/1m | max_over_time(v[3m])
        0..10m/1m | count_over_time(v[3m])
        0..10m/3m | max_over_time(v[1m])
        0..4m/1m | sum_over_time(huge[3m])
        0..4m/1m | sum_over_time(huge[2m])
        2m | avg_over_time(top[3m])
        2m | sum_over_time(top[3m])
        0..5m/1m | min_over_time(gaps[2m])
        0..5m/1m | max_over_time(gaps[2m])
        0..5m/1m | sum_over_time(gaps[2m])
        0..5m/1m | sum_over_time(endless[2m])
        0..5m/1m | avg_over_time(endless[2m])
        0..10m/5m | last_over_time(v[3m])
        0..10m/5m | first_over_time(v[3m])
        0..20m/5m | present_over_time(v[3m])
        "#,
        &expect![[r#"
            0..10m/1m | sum_over_time(v[3m])
                {} 3@0 4@60 8@120 6@180 10@240 15@300 16@360 17@420 13@480 14@540 13@600
            0..10m/1m | avg_over_time(v[3m])
                {} 3@0 2@60 2.6666666666666665@120 2@180 3.3333333333333335@240 5@300 5.333333333333333@360 5.666666666666667@420 4.333333333333333@480 4.666666666666667@540 4.333333333333333@600
            0..10m/1m | min_over_time(v[3m])
                {} 3@0 1@60 1@120 1@180 1@240 1@300 2@360 2@420 2@480 3@540 3@600
            0..10m/1m | max_over_time(v[3m])
                {} 3@0 3@60 4@120 4@180 5@240 9@300 9@360 9@420 6@480 6@540 5@600
            0..10m/1m | count_over_time(v[3m])
                {} 1@0 2@60 3@120 3@180 3@240 3@300 3@360 3@420 3@480 3@540 3@600
            0..10m/3m | max_over_time(v[1m])
                {} 3@0 1@180 2@360 3@540
            0..4m/1m | sum_over_time(huge[3m])
                {} 1e+300@0 1e+300@60 1@120 -1e+300@180 -1e+300@240
            0..4m/1m | sum_over_time(huge[2m])
                {} 1e+300@0 1e+300@60 -1e+300@120 -1e+300@180 5@240
            2m | avg_over_time(top[3m])
                {} 1.7e+308
            2m | sum_over_time(top[3m])
                {} +Inf
            0..5m/1m | min_over_time(gaps[2m])
                {} NaN@0 1@60 1@120 NaN@180 5@240 5@300
            0..5m/1m | max_over_time(gaps[2m])
                {} NaN@0 1@60 1@120 NaN@180 5@240 5@300
            0..5m/1m | sum_over_time(gaps[2m])
                {} NaN@0 NaN@60 NaN@120 NaN@180 NaN@240 NaN@300
            0..5m/1m | sum_over_time(endless[2m])
                {} +Inf@0 +Inf@60 -Inf@120 -Inf@180 5@240 3@300
            0..5m/1m | avg_over_time(endless[2m])
                {} +Inf@0 +Inf@60 -Inf@120 -Inf@180 2.5@240 3@300
            0..10m/5m | last_over_time(v[3m])
                v 3@0 9@300 5@600
            0..10m/5m | first_over_time(v[3m])
                v 3@0 1@300 5@600
            0..20m/5m | present_over_time(v[3m])
                {} 1@0 1@300 1@600
        "#]],
    );
}

#[test]
fn spreads_quantiles_and_medians() {
    check(
        r#"
        load 1m
          v 3 1 4 1 5 9 2 6
          one 7
          gaps 1 NaN 3
        7m | stddev_over_time(v[8m])
        7m | stdvar_over_time(v[8m])
        7m | stdvar_over_time(v[2m])
        0s | stdvar_over_time(one[1m])
        7m | quantile_over_time(0.5, v[8m])
        7m | quantile_over_time(0, v[8m])
        7m | quantile_over_time(1, v[8m])
        7m | quantile_over_time(0.9, v[4m])
        7m | quantile_over_time(-1, v[8m])
        7m | quantile_over_time(1.1, v[8m])
        7m | quantile_over_time(NaN, v[8m])
        7m | mad_over_time(v[8m])
        2m | mad_over_time(gaps[3m])
        2m | quantile_over_time(0.5, gaps[3m])
        2m | stddev_over_time(gaps[3m])
        0..6m/2m | quantile_over_time(0.5, v[3m])
        "#,
        &expect![[r#"
            7m | stddev_over_time(v[8m])
                {} 2.5708704751503917
            7m | stdvar_over_time(v[8m])
                {} 6.609375
            7m | stdvar_over_time(v[2m])
                {} 4
            0s | stdvar_over_time(one[1m])
                {} 0
            7m | quantile_over_time(0.5, v[8m])
                {} 3.5
            7m | quantile_over_time(0, v[8m])
                {} 1
            7m | quantile_over_time(1, v[8m])
                {} 9
            7m | quantile_over_time(0.9, v[4m])
                {} 8.100000000000001
            7m | quantile_over_time(-1, v[8m])
                {} -Inf
            7m | quantile_over_time(1.1, v[8m])
                {} +Inf
            7m | quantile_over_time(NaN, v[8m])
                {} NaN
            7m | mad_over_time(v[8m])
                {} 2
            2m | mad_over_time(gaps[3m])
                {} NaN
            2m | quantile_over_time(0.5, gaps[3m])
                {} 1
            2m | stddev_over_time(gaps[3m])
                {} NaN
            0..6m/2m | quantile_over_time(0.5, v[3m])
                {} 3@0 3@120 4@240 5@360
        "#]],
    );
}

#[test]
fn lines_through_samples() {
    check(
        r#"
        load 1m
          rising 10+6x10
          flat 5x5
          bent 0 10 0 10
          one 5
        10m | deriv(rising[5m])
        10m | predict_linear(rising[5m], 600)
        10m | predict_linear(rising[5m] offset 1m, 600)
        5m | deriv(flat[5m])
        5m | predict_linear(flat[5m], 100)
        3m | deriv(bent[5m])
        3m | predict_linear(bent[5m], 60)
        1m | deriv(one[5m])
        0..4m/2m | predict_linear(bent[5m], 60)
        "#,
        &expect![[r#"
            10m | deriv(rising[5m])
                {} 0.1
            10m | predict_linear(rising[5m], 600)
                {} 130
            10m | predict_linear(rising[5m] offset 1m, 600)
                {} 130
            5m | deriv(flat[5m])
                {} 0
            5m | predict_linear(flat[5m], 100)
                {} 5
            3m | deriv(bent[5m])
                {} 0.03333333333333333
            3m | predict_linear(bent[5m], 60)
                {} 10
            1m | deriv(one[5m])
                nothing
            0..4m/2m | predict_linear(bent[5m], 60)
                {} 3.3333333333333335@120 12@240
        "#]],
    );
}

#[test]
fn smoothing_follows_level_and_trend() {
    check(
        r#"
        load 1m
          v 10 20 15 30 25 40
          one 5
        5m | holt_winters(v[6m], 0.5, 0.5)
        5m | double_exponential_smoothing(v[6m], 0.1, 0.9)
        5m | double_exponential_smoothing(v[6m], 0, 0.5)
        5m | double_exponential_smoothing(v[6m], 0.5, 1)
        0s | holt_winters(one[6m], 0.5, 0.5)
        "#,
        &expect![[r#"
            5m | holt_winters(v[6m], 0.5, 0.5)
                {} 37.1484375
            5m | double_exponential_smoothing(v[6m], 0.1, 0.9)
                {} 47.87870350000001
            5m | double_exponential_smoothing(v[6m], 0, 0.5)
                error: invalid smoothing factor. Expected: 0 < factor < 1, got: 0
            5m | double_exponential_smoothing(v[6m], 0.5, 1)
                error: invalid trend factor. Expected: 0 < factor < 1, got: 1
            0s | holt_winters(one[6m], 0.5, 0.5)
                nothing
        "#]],
    );
}

#[test]
fn names_go_where_values_change_their_meaning() {
    check(
        r#"
        load 1m
          a{vm="x"} 0+1x10
          b{vm="x"} 0+1x10
        5m | rate(a[2m])
        5m | last_over_time(a[2m])
        5m | {__name__=~"a|b"}
        5m | rate({__name__=~"a|b"}[2m])
        5m | last_over_time({__name__=~"a|b"}[2m])
        5m | sum(rate({__name__=~"a|b"}[2m]))
        5m | -{__name__=~"a|b"}
        5m | abs({__name__=~"a|b"})
        "#,
        &expect![[r#"
            5m | rate(a[2m])
                {vm="x"} 0.016666666666666666
            5m | last_over_time(a[2m])
                a{vm="x"} 5
            5m | {__name__=~"a|b"}
                a{vm="x"} 5
                b{vm="x"} 5
            5m | rate({__name__=~"a|b"}[2m])
                error: vector cannot contain metrics with the same labelset: {vm="x"}
            5m | last_over_time({__name__=~"a|b"}[2m])
                a{vm="x"} 5
                b{vm="x"} 5
            5m | sum(rate({__name__=~"a|b"}[2m]))
                error: vector cannot contain metrics with the same labelset: {vm="x"}
            5m | -{__name__=~"a|b"}
                error: vector cannot contain metrics with the same labelset: {vm="x"}
            5m | abs({__name__=~"a|b"})
                error: vector cannot contain metrics with the same labelset: {vm="x"}
        "#]],
    );
}
