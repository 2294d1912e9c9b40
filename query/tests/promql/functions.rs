//! Functions of instant vectors, labels and histograms.

use expect_test::expect;

use crate::script::check;

#[test]
fn number_by_number() {
    check(
        r#"
        load 1m
          n{vm="a"} -1.5
          n{vm="b"} 0.4
          n{vm="c"} 2.5
          n{vm="d"} NaN
        0s | abs(n)
        0s | ceil(n)
        0s | floor(n)
        0s | round(n)
        0s | round(n, 0.2)
        0s | round(n, 5)
        0s | exp(n{vm="a"})
        0s | sqrt(n)
        0s | ln(n)
        0s | log2(n{vm="c"})
        0s | log10(n{vm="c"})
        0s | sgn(n)
        0s | clamp(n, 0, 1)
        0s | clamp(n, 1, 0)
        0s | clamp_min(n, 0)
        0s | clamp_max(n, 0)
        0s | clamp(n, NaN, 1)
        0s | deg(n{vm="c"})
        0s | rad(n{vm="c"})
        0s | pi()
        0s | sin(n{vm="b"})
        0s | cos(n{vm="b"})
        0s | tan(n{vm="b"})
        0s | asin(n{vm="b"})
        0s | acos(n{vm="b"})
        0s | atan(n{vm="b"})
        0s | sinh(n{vm="b"})
        0s | cosh(n{vm="b"})
        0s | tanh(n{vm="b"})
        0s | asinh(n{vm="b"})
        0s | acosh(n{vm="c"})
        0s | atanh(n{vm="b"})
        0s | ln(vector(0))
        0s | ln(vector(-1))
        0s | exp(vector(Inf))
        "#,
        &expect![[r#"
            0s | abs(n)
                {vm="a"} 1.5
                {vm="b"} 0.4
                {vm="c"} 2.5
                {vm="d"} NaN
            0s | ceil(n)
                {vm="a"} -1
                {vm="b"} 1
                {vm="c"} 3
                {vm="d"} NaN
            0s | floor(n)
                {vm="a"} -2
                {vm="b"} 0
                {vm="c"} 2
                {vm="d"} NaN
            0s | round(n)
                {vm="a"} -1
                {vm="b"} 0
                {vm="c"} 3
                {vm="d"} NaN
            0s | round(n, 0.2)
                {vm="a"} -1.4
                {vm="b"} 0.4
                {vm="c"} 2.6
                {vm="d"} NaN
            0s | round(n, 5)
                {vm="a"} 0
                {vm="b"} 0
                {vm="c"} 5
                {vm="d"} NaN
            0s | exp(n{vm="a"})
                {vm="a"} 0.22313016014842982
            0s | sqrt(n)
                {vm="a"} NaN
                {vm="b"} 0.6324555320336759
                {vm="c"} 1.5811388300841898
                {vm="d"} NaN
            0s | ln(n)
                {vm="a"} NaN
                {vm="b"} -0.916290731874155
                {vm="c"} 0.9162907318741551
                {vm="d"} NaN
            0s | log2(n{vm="c"})
                {vm="c"} 1.3219280948873624
            0s | log10(n{vm="c"})
                {vm="c"} 0.3979400086720376
            0s | sgn(n)
                {vm="a"} -1
                {vm="b"} 1
                {vm="c"} 1
                {vm="d"} NaN
            0s | clamp(n, 0, 1)
                {vm="a"} 0
                {vm="b"} 0.4
                {vm="c"} 1
                {vm="d"} NaN
            0s | clamp(n, 1, 0)
                nothing
            0s | clamp_min(n, 0)
                {vm="a"} 0
                {vm="b"} 0.4
                {vm="c"} 2.5
                {vm="d"} NaN
            0s | clamp_max(n, 0)
                {vm="a"} -1.5
                {vm="b"} 0
                {vm="c"} 0
                {vm="d"} NaN
            0s | clamp(n, NaN, 1)
                {vm="a"} NaN
                {vm="b"} NaN
                {vm="c"} NaN
                {vm="d"} NaN
            0s | deg(n{vm="c"})
                {vm="c"} 143.2394487827058
            0s | rad(n{vm="c"})
                {vm="c"} 0.04363323129985824
            0s | pi()
                scalar 3.141592653589793
            0s | sin(n{vm="b"})
                {vm="b"} 0.3894183423086505
            0s | cos(n{vm="b"})
                {vm="b"} 0.9210609940028851
            0s | tan(n{vm="b"})
                {vm="b"} 0.4227932187381618
            0s | asin(n{vm="b"})
                {vm="b"} 0.41151684606748806
            0s | acos(n{vm="b"})
                {vm="b"} 1.1592794807274085
            0s | atan(n{vm="b"})
                {vm="b"} 0.3805063771123649
            0s | sinh(n{vm="b"})
                {vm="b"} 0.4107523258028155
            0s | cosh(n{vm="b"})
                {vm="b"} 1.081072371838455
            0s | tanh(n{vm="b"})
                {vm="b"} 0.3799489622552249
            0s | asinh(n{vm="b"})
                {vm="b"} 0.39003531977071526
            0s | acosh(n{vm="c"})
                {vm="c"} 1.5667992369724109
            0s | atanh(n{vm="b"})
                {vm="b"} 0.42364893019360184
            0s | ln(vector(0))
                {} -Inf
            0s | ln(vector(-1))
                {} NaN
            0s | exp(vector(Inf))
                {} +Inf
        "#]],
    );
}

#[test]
fn scalars_and_vectors_turn_into_each_other() {
    check(
        r#"
        load 1m
          one{vm="a"} 7
          two{vm="a"} 1
          two{vm="b"} 2
        0s | scalar(one)
        0s | scalar(two)
        0s | scalar(nothing)
        0s | vector(3)
        0s | vector(scalar(one))
        0s | one + vector(1)
        0s | one + on() vector(1)
        0s | two * scalar(one)
        0..1m/1m | vector(time())
        "#,
        &expect![[r#"
            0s | scalar(one)
                scalar 7
            0s | scalar(two)
                scalar NaN
            0s | scalar(nothing)
                scalar NaN
            0s | vector(3)
                {} 3
            0s | vector(scalar(one))
                {} 7
            0s | one + vector(1)
                nothing
            0s | one + on() vector(1)
                {} 8
            0s | two * scalar(one)
                {vm="a"} 7
                {vm="b"} 14
            0..1m/1m | vector(time())
                {} 0@0 60@60
        "#]],
    );
}

#[test]
fn what_is_not_there() {
    check(
        r#"
        load 1m
          up{job="x"} 1 stale _ 1
        0s | absent(up)
        0s | absent(up{job="y"})
        0s | absent(up{job="y",vm=~"a.*"})
        0s | absent(up{job="y",job="z"})
        0s | absent(nothing)
        0s | absent(sum(nothing))
        0s | absent(up > 3)
        0s | absent_over_time(up[5m])
        0s | absent_over_time(nothing{job="y"}[5m])
        0s | absent_over_time(rate(nothing[5m])[5m:])
        0..4m/1m | absent(up)
        0..12m/4m | absent_over_time(up[2m])
        "#,
        &expect![[r#"
            0s | absent(up)
                nothing
            0s | absent(up{job="y"})
                {job="y"} 1
            0s | absent(up{job="y",vm=~"a.*"})
                {job="y"} 1
            0s | absent(up{job="y",job="z"})
                {} 1
            0s | absent(nothing)
                {} 1
            0s | absent(sum(nothing))
                {} 1
            0s | absent(up > 3)
                {} 1
            0s | absent_over_time(up[5m])
                nothing
            0s | absent_over_time(nothing{job="y"}[5m])
                {job="y"} 1
            0s | absent_over_time(rate(nothing[5m])[5m:])
                {} 1
            0..4m/1m | absent(up)
                {} 1@60 1@120
            0..12m/4m | absent_over_time(up[2m])
                {} 1@480 1@720
        "#]],
    );
}

#[test]
fn order_at_one_moment() {
    check(
        r#"
        load 1m
          n{vm="web-10"} 3
          n{vm="web-2"} 1
          n{vm="web-1"} NaN
          n{vm="db"} 2
        0s | n
        0s | sort(n)
        0s | sort_desc(n)
        0s | sort_by_label(n, "vm")
        0s | sort_by_label_desc(n, "vm")
        0s | sort_by_label(n, "nowhere", "vm")
        0s | sort(nothing)
        0..1m/1m | sort_desc(n)
        "#,
        &expect![[r#"
            0s | n
                n{vm="db"} 2
                n{vm="web-1"} NaN
                n{vm="web-10"} 3
                n{vm="web-2"} 1
            0s | sort(n)
                n{vm="web-2"} 1
                n{vm="db"} 2
                n{vm="web-10"} 3
                n{vm="web-1"} NaN
            0s | sort_desc(n)
                n{vm="web-10"} 3
                n{vm="db"} 2
                n{vm="web-2"} 1
                n{vm="web-1"} NaN
            0s | sort_by_label(n, "vm")
                n{vm="db"} 2
                n{vm="web-1"} NaN
                n{vm="web-2"} 1
                n{vm="web-10"} 3
            0s | sort_by_label_desc(n, "vm")
                n{vm="web-10"} 3
                n{vm="web-2"} 1
                n{vm="web-1"} NaN
                n{vm="db"} 2
            0s | sort_by_label(n, "nowhere", "vm")
                n{vm="db"} 2
                n{vm="web-1"} NaN
                n{vm="web-2"} 1
                n{vm="web-10"} 3
            0s | sort(nothing)
                nothing
            0..1m/1m | sort_desc(n)
                n{vm="db"} 2@0 2@60
                n{vm="web-1"} NaN@0 NaN@60
                n{vm="web-10"} 3@0 3@60
                n{vm="web-2"} 1@0 1@60
        "#]],
    );
}

#[test]
fn labels_are_rewritten() {
    check(
        r#"
        load 1m
          n{vm="web-1",zone="x"} 1 1
          n{vm="web-2",zone="y"} 2 2
          late{vm="web-3"} _ 3
        0s | label_replace(n, "kind", "$1", "vm", "(.*)-(.*)")
        0s | label_replace(n, "kind", "$2/$1", "vm", "(.*)-(.*)")
        0s | label_replace(n, "kind", "${first}", "vm", "(?P<first>.*)-.*")
        0s | label_replace(n, "kind", "fixed", "nowhere", "")
        0s | label_replace(n, "kind", "none", "vm", "web")
        0s | label_replace(n, "zone", "", "vm", ".*")
        0s | label_replace(n, "__name__", "m", "vm", ".*")
        0s | label_replace(n, "vm", "same", "vm", ".*")
        0s | label_replace(label_replace(n, "vm", "same", "vm", ".*"), "zone", "", "", "")
        0s | label_replace(n, "", "x", "vm", ".*")
        0s | label_replace(n, "kind", "x", "vm", "(")
        0s | label_join(n, "both", "-", "vm", "zone")
        0s | label_join(n, "both", ", ", "vm", "nowhere", "zone")
        0s | label_join(n, "zone", "")
        0s | label_join(n, "", "-", "vm")
        0..1m/1m | label_replace({__name__=~"n|late",vm!="web-1"}, "vm", "same", "zone", "y?")
        "#,
        &expect![[r#"
            0s | label_replace(n, "kind", "$1", "vm", "(.*)-(.*)")
                n{kind="web",vm="web-1",zone="x"} 1
                n{kind="web",vm="web-2",zone="y"} 2
            0s | label_replace(n, "kind", "$2/$1", "vm", "(.*)-(.*)")
                n{kind="1/web",vm="web-1",zone="x"} 1
                n{kind="2/web",vm="web-2",zone="y"} 2
            0s | label_replace(n, "kind", "${first}", "vm", "(?P<first>.*)-.*")
                n{kind="web",vm="web-1",zone="x"} 1
                n{kind="web",vm="web-2",zone="y"} 2
            0s | label_replace(n, "kind", "fixed", "nowhere", "")
                n{kind="fixed",vm="web-1",zone="x"} 1
                n{kind="fixed",vm="web-2",zone="y"} 2
            0s | label_replace(n, "kind", "none", "vm", "web")
                n{vm="web-1",zone="x"} 1
                n{vm="web-2",zone="y"} 2
            0s | label_replace(n, "zone", "", "vm", ".*")
                n{vm="web-1"} 1
                n{vm="web-2"} 2
            0s | label_replace(n, "__name__", "m", "vm", ".*")
                m{vm="web-1",zone="x"} 1
                m{vm="web-2",zone="y"} 2
            0s | label_replace(n, "vm", "same", "vm", ".*")
                n{vm="same",zone="x"} 1
                n{vm="same",zone="y"} 2
            0s | label_replace(label_replace(n, "vm", "same", "vm", ".*"), "zone", "", "", "")
                error: vector cannot contain metrics with the same labelset: n{vm="same"}
            0s | label_replace(n, "", "x", "vm", ".*")
                error: invalid label name in label_replace(): ""
            0s | label_replace(n, "kind", "x", "vm", "(")
                error: invalid regular expression in label_replace(): (
            0s | label_join(n, "both", "-", "vm", "zone")
                n{both="web-1-x",vm="web-1",zone="x"} 1
                n{both="web-2-y",vm="web-2",zone="y"} 2
            0s | label_join(n, "both", ", ", "vm", "nowhere", "zone")
                n{both="web-1, , x",vm="web-1",zone="x"} 1
                n{both="web-2, , y",vm="web-2",zone="y"} 2
            0s | label_join(n, "zone", "")
                n{vm="web-1"} 1
                n{vm="web-2"} 2
            0s | label_join(n, "", "-", "vm")
                error: invalid label name in label_join(): ""
            0..1m/1m | label_replace({__name__=~"n|late",vm!="web-1"}, "vm", "same", "zone", "y?")
                late{vm="same"} 3@60
                n{vm="same",zone="y"} 2@0 2@60
        "#]],
    );
}

#[test]
fn quantiles_of_classic_histograms() {
    check(
        r#"
        load 1m
          lat_bucket{vm="a",le="0.1"} 10
          lat_bucket{vm="a",le="0.5"} 30
          lat_bucket{vm="a",le="1"} 40
          lat_bucket{vm="a",le="+Inf"} 50
          lat_bucket{vm="b",le="0.1"} 0
          lat_bucket{vm="b",le="0.5"} 0
          lat_bucket{vm="b",le="+Inf"} 0
          open_bucket{le="1"} 5
          open_bucket{le="2"} 9
          odd_bucket{le="1"} 5
          odd_bucket{le="1.0"} 5
          odd_bucket{le="2"} 9
          odd_bucket{le="+Inf"} 12
          odd_bucket{le="x"} 99
          neg_bucket{le="-1"} 5
          neg_bucket{le="0"} 5
          neg_bucket{le="+Inf"} 10
          lone_bucket{le="+Inf"} 10
        0s | histogram_quantile(0.5, lat_bucket)
        0s | histogram_quantile(0.2, lat_bucket)
        0s | histogram_quantile(0.1, lat_bucket)
        0s | histogram_quantile(0.9, lat_bucket)
        0s | histogram_quantile(0, lat_bucket)
        0s | histogram_quantile(1, lat_bucket)
        0s | histogram_quantile(-1, lat_bucket)
        0s | histogram_quantile(2, lat_bucket)
        0s | histogram_quantile(NaN, lat_bucket)
        0s | histogram_quantile(0.5, open_bucket)
        0s | histogram_quantile(0.5, odd_bucket)
        0s | histogram_quantile(0.95, odd_bucket)
        0s | histogram_quantile(0.2, neg_bucket)
        0s | histogram_quantile(0.5, lone_bucket)
        0s | histogram_quantile(0.5, sum by (le) (lat_bucket))
        0s | histogram_quantile(0.5, {__name__=~"lat_bucket|odd_bucket"})
        0s | histogram_quantile(0.5, nothing)
        0..1m/1m | histogram_quantile(0.5, lat_bucket{vm="a"})
        "#,
        &expect![[r#"
            0s | histogram_quantile(0.5, lat_bucket)
                {vm="a"} 0.4
                {vm="b"} NaN
            0s | histogram_quantile(0.2, lat_bucket)
                {vm="a"} 0.1
                {vm="b"} NaN
            0s | histogram_quantile(0.1, lat_bucket)
                {vm="a"} 0.05
                {vm="b"} NaN
            0s | histogram_quantile(0.9, lat_bucket)
                {vm="a"} 1
                {vm="b"} NaN
            0s | histogram_quantile(0, lat_bucket)
                {vm="a"} 0
                {vm="b"} NaN
            0s | histogram_quantile(1, lat_bucket)
                {vm="a"} 1
                {vm="b"} NaN
            0s | histogram_quantile(-1, lat_bucket)
                {vm="a"} -Inf
                {vm="b"} -Inf
            0s | histogram_quantile(2, lat_bucket)
                {vm="a"} +Inf
                {vm="b"} +Inf
            0s | histogram_quantile(NaN, lat_bucket)
                {vm="a"} NaN
                {vm="b"} NaN
            0s | histogram_quantile(0.5, open_bucket)
                {} NaN
            0s | histogram_quantile(0.5, odd_bucket)
                {} 0.6
            0s | histogram_quantile(0.95, odd_bucket)
                {} 2
            0s | histogram_quantile(0.2, neg_bucket)
                {} -1
            0s | histogram_quantile(0.5, lone_bucket)
                {} NaN
            0s | histogram_quantile(0.5, sum by (le) (lat_bucket))
                {} 0.4
            0s | histogram_quantile(0.5, {__name__=~"lat_bucket|odd_bucket"})
                {vm="a"} 0.4
                {vm="b"} NaN
                {} 0.6
            0s | histogram_quantile(0.5, nothing)
                nothing
            0..1m/1m | histogram_quantile(0.5, lat_bucket{vm="a"})
                {vm="a"} 0.4@0 0.4@60
        "#]],
    );
}
