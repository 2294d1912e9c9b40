//! Which samples a selector sees: matchers, lookback, staleness, offsets, `@`, subqueries.

use expect_test::expect;

use crate::script::check;

#[test]
fn all_four_matchers_choose_series() {
    check(
        r#"
        load 1m
          up{job="web",vm="a"} 1
          up{job="web",vm="b"} 2
          up{job="db",vm="c"} 3
          up{vm="d"} 4
          down{job="web",vm="a"} 5
        0s | up
        0s | up{job="web"}
        0s | up{job!="web"}
        0s | up{job=~"w.*"}
        0s | up{job=~"w"}
        0s | up{job!~"w.*"}
        0s | up{job=""}
        0s | up{job!=""}
        0s | up{job=~"web|db",vm!="a"}
        0s | {job="web"}
        0s | {__name__=~"up|down",vm="a"}
        0s | {"up",vm="c"}
        0s | up{"job"='db'}
        0s | up{job=`web`,}
        0s | up{nowhere="x"}
        "#,
        &expect![[r#"
            0s | up
                up{job="db",vm="c"} 3
                up{job="web",vm="a"} 1
                up{job="web",vm="b"} 2
                up{vm="d"} 4
            0s | up{job="web"}
                up{job="web",vm="a"} 1
                up{job="web",vm="b"} 2
            0s | up{job!="web"}
                up{job="db",vm="c"} 3
                up{vm="d"} 4
            0s | up{job=~"w.*"}
                up{job="web",vm="a"} 1
                up{job="web",vm="b"} 2
            0s | up{job=~"w"}
                nothing
            0s | up{job!~"w.*"}
                up{job="db",vm="c"} 3
                up{vm="d"} 4
            0s | up{job=""}
                up{vm="d"} 4
            0s | up{job!=""}
                up{job="db",vm="c"} 3
                up{job="web",vm="a"} 1
                up{job="web",vm="b"} 2
            0s | up{job=~"web|db",vm!="a"}
                up{job="db",vm="c"} 3
                up{job="web",vm="b"} 2
            0s | {job="web"}
                down{job="web",vm="a"} 5
                up{job="web",vm="a"} 1
                up{job="web",vm="b"} 2
            0s | {__name__=~"up|down",vm="a"}
                down{job="web",vm="a"} 5
                up{job="web",vm="a"} 1
            0s | {"up",vm="c"}
                up{job="db",vm="c"} 3
            0s | up{"job"='db'}
                up{job="db",vm="c"} 3
            0s | up{job=`web`,}
                up{job="web",vm="a"} 1
                up{job="web",vm="b"} 2
            0s | up{nowhere="x"}
                nothing
        "#]],
    );
}

#[test]
fn a_sample_counts_for_the_lookback_and_not_an_instant_longer() {
    check(
        r#"
        load 1m
          up 1 _ _ _ _ _ _ 2
        0s | up
        4m59s | up
        299.999 | up
        5m | up
        7m | up
        11m59s | up
        12m | up
        0..13m/1m | up
        "#,
        &expect![[r#"
            0s | up
                up 1
            4m59s | up
                up 1
            299.999 | up
                up 1
            5m | up
                nothing
            7m | up
                up 2
            11m59s | up
                up 2
            12m | up
                nothing
            0..13m/1m | up
                up 1@0 1@60 1@120 1@180 1@240 2@420 2@480 2@540 2@600 2@660
        "#]],
    );
}

#[test]
fn a_stale_marker_ends_a_series_at_once() {
    check(
        r#"
        load 1m
          up 1 2 stale _ 5
          down{a="b"} stale
        0..10m/1m | up
        2m | up
        2m30s | up
        4m | up[10m]
        4m | count_over_time(up[10m])
        4m | down
        4m | {a="b"}[5m]
        "#,
        &expect![[r#"
            0..10m/1m | up
                up 1@0 2@60 5@240 5@300 5@360 5@420 5@480
            2m | up
                nothing
            2m30s | up
                nothing
            4m | up[10m]
                up 1@0 2@60 5@240
            4m | count_over_time(up[10m])
                {} 3
            4m | down
                nothing
            4m | {a="b"}[5m]
                nothing
        "#]],
    );
}

#[test]
fn an_offset_looks_back_or_ahead() {
    check(
        r#"
        load 1m
          n 0+1x10
        5m | n offset 2m
        5m | n offset -2m
        5m | n offset 0s
        5m | -n offset 2m
        1m | n offset 2m
        5m | n[2m] offset 1m
        5m | n[2m] offset -1m
        5m | sum_over_time(n[2m] offset 1m)
        0..4m/1m | n offset 1m
        5m | n - n offset 1m
        5m | n offset 1m30s
        "#,
        &expect![[r#"
            5m | n offset 2m
                n 3
            5m | n offset -2m
                n 7
            5m | n offset 0s
                n 5
            5m | -n offset 2m
                {} -3
            1m | n offset 2m
                nothing
            5m | n[2m] offset 1m
                n 3@180 4@240
            5m | n[2m] offset -1m
                n 5@300 6@360
            5m | sum_over_time(n[2m] offset 1m)
                {} 7
            0..4m/1m | n offset 1m
                n 0@60 1@120 2@180 3@240
            5m | n - n offset 1m
                {} 1
            5m | n offset 1m30s
                n 3
        "#]],
    );
}

#[test]
fn an_at_modifier_fixes_the_moment() {
    check(
        r#"
        load 1m
          n 0+1x10
        5m | n @ 120
        5m | n @ 2m
        5m | n @ 120.5 offset 1m
        5m | n offset 1m @ 120
        5m | n[2m] @ 180
        2m..6m/2m | n @ start()
        2m..6m/2m | n @ end()
        2m..6m/2m | n @ 60
        2m..6m/2m | rate(n[2m] @ end())
        2m..6m/2m | n - n @ start()
        2m..6m/2m | sum_over_time((n @ start())[2m:1m])
        2m..6m/2m | timestamp(n @ 60)
        2m..6m/2m | predict_linear(n[3m] @ 240, 60)
        "#,
        &expect![[r#"
            5m | n @ 120
                n 2
            5m | n @ 2m
                n 2
            5m | n @ 120.5 offset 1m
                n 1
            5m | n offset 1m @ 120
                n 1
            5m | n[2m] @ 180
                n 2@120 3@180
            2m..6m/2m | n @ start()
                n 2@120 2@240 2@360
            2m..6m/2m | n @ end()
                n 6@120 6@240 6@360
            2m..6m/2m | n @ 60
                n 1@120 1@240 1@360
            2m..6m/2m | rate(n[2m] @ end())
                {} 0.016666666666666666@120 0.016666666666666666@240 0.016666666666666666@360
            2m..6m/2m | n - n @ start()
                {} 0@120 2@240 4@360
            2m..6m/2m | sum_over_time((n @ start())[2m:1m])
                {} 4@120 4@240 4@360
            2m..6m/2m | timestamp(n @ 60)
                {} 60@120 60@240 60@360
            2m..6m/2m | predict_linear(n[3m] @ 240, 60)
                {} 3@120 5@240 7@360
        "#]],
    );
}

#[test]
fn a_range_is_open_to_the_left() {
    check(
        r#"
        load 1m
          n 0+1x10
        5m | n[2m]
        5m | n[1m]
        5m | n[30s]
        5m30s | n[30s]
        5m30s | n[31s]
        5m | count_over_time(n[2m])
        5m | count_over_time(n[120])
        "#,
        &expect![[r#"
            5m | n[2m]
                n 4@240 5@300
            5m | n[1m]
                n 5@300
            5m | n[30s]
                n 5@300
            5m30s | n[30s]
                nothing
            5m30s | n[31s]
                n 5@300
            5m | count_over_time(n[2m])
                {} 2
            5m | count_over_time(n[120])
                {} 2
        "#]],
    );
}

#[test]
fn a_subquery_is_evaluated_at_whole_multiples_of_its_step() {
    check(
        r#"
        load 1m
          n 0+1x20
        10m | n[3m:1m]
        10m | n[3m:]
        10m30s | n[3m:1m]
        10m | n[3m:90s]
        10m | (n * 2)[2m:1m]
        10m | (n * 2)[2m:1m] offset 1m
        10m | (n * 2)[2m:1m] @ 300
        10m | sum_over_time(n[3m:1m])
        10m | max_over_time(rate(n[2m])[4m:1m])
        10m | max_over_time((n - 5)[20m:5m])
        10m | rate(n[5m:1m])
        8m..10m/1m | avg_over_time(n[2m:30s])
        10m | max_over_time(sum_over_time(n[2m:1m])[3m:1m])
        10m | vector(1)[2m:1m]
        10m | sum_over_time(vector(time())[2m:1m])
        10m | last_over_time(n[3m:1m])
        "#,
        &expect![[r#"
            10m | n[3m:1m]
                n 8@480 9@540 10@600
            10m | n[3m:]
                n 8@480 9@540 10@600
            10m30s | n[3m:1m]
                n 8@480 9@540 10@600
            10m | n[3m:90s]
                n 7@450 9@540
            10m | (n * 2)[2m:1m]
                {} 18@540 20@600
            10m | (n * 2)[2m:1m] offset 1m
                {} 16@480 18@540
            10m | (n * 2)[2m:1m] @ 300
                {} 8@240 10@300
            10m | sum_over_time(n[3m:1m])
                {} 27
            10m | max_over_time(rate(n[2m])[4m:1m])
                {} 0.016666666666666666
            10m | max_over_time((n - 5)[20m:5m])
                {} 5
            10m | rate(n[5m:1m])
                {} 0.016666666666666666
            8m..10m/1m | avg_over_time(n[2m:30s])
                {} 7@480 8@540 9@600
            10m | max_over_time(sum_over_time(n[2m:1m])[3m:1m])
                {} 19
            10m | vector(1)[2m:1m]
                {} 1@540 1@600
            10m | sum_over_time(vector(time())[2m:1m])
                {} 1140
            10m | last_over_time(n[3m:1m])
                n 10
        "#]],
    );
}
