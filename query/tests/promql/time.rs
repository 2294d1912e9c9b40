//! Functions of time and dates.

use expect_test::expect;

use crate::script::check;

#[test]
fn the_time_of_steps_and_samples() {
    check(
        r#"
        load 1m
          n{vm="a"} 1 2 3
        0s | time()
        90s | time()
        90s | timestamp(n)
        90s | timestamp(n offset 1m)
        90s | timestamp((n))
        90s | timestamp(n + 1)
        90s | timestamp(-n)
        0..3m/90s | time()
        0..3m/90s | timestamp(n)
        "#,
        &expect![[r#"
            0s | time()
                scalar 0
            90s | time()
                scalar 90
            90s | timestamp(n)
                {vm="a"} 60
            90s | timestamp(n offset 1m)
                {vm="a"} 0
            90s | timestamp((n))
                {vm="a"} 60
            90s | timestamp(n + 1)
                {vm="a"} 90
            90s | timestamp(-n)
                {vm="a"} 90
            0..3m/90s | time()
                {} 0@0 90@90 180@180
            0..3m/90s | timestamp(n)
                {vm="a"} 0@0 60@90 120@180
        "#]],
    );
}

#[test]
fn dates_are_in_utc() {
    check(
        r#"
        load 1m
          at{vm="leap"} 1709210096
          at{vm="new year"} 1735689599
          at{vm="before 1970"} -1
          at{vm="never"} NaN
        0s | year(at)
        0s | month(at)
        0s | day_of_month(at)
        0s | day_of_week(at)
        0s | day_of_year(at)
        0s | days_in_month(at)
        0s | hour(at)
        0s | minute(at)
        1709210096 | year()
        1709210096 | minute()
        1709210096 | day_of_week()
        1709210096 | hour(vector(time() - 3600))
        0..120m/60m | hour()
        "#,
        &expect![[r#"
            0s | year(at)
                {vm="before 1970"} 1969
                {vm="leap"} 2024
                {vm="never"} NaN
                {vm="new year"} 2024
            0s | month(at)
                {vm="before 1970"} 12
                {vm="leap"} 2
                {vm="never"} NaN
                {vm="new year"} 12
            0s | day_of_month(at)
                {vm="before 1970"} 31
                {vm="leap"} 29
                {vm="never"} NaN
                {vm="new year"} 31
            0s | day_of_week(at)
                {vm="before 1970"} 3
                {vm="leap"} 4
                {vm="never"} NaN
                {vm="new year"} 2
            0s | day_of_year(at)
                {vm="before 1970"} 365
                {vm="leap"} 60
                {vm="never"} NaN
                {vm="new year"} 366
            0s | days_in_month(at)
                {vm="before 1970"} 31
                {vm="leap"} 29
                {vm="never"} NaN
                {vm="new year"} 31
            0s | hour(at)
                {vm="before 1970"} 23
                {vm="leap"} 12
                {vm="never"} NaN
                {vm="new year"} 23
            0s | minute(at)
                {vm="before 1970"} 59
                {vm="leap"} 34
                {vm="never"} NaN
                {vm="new year"} 59
            1709210096 | year()
                {} 2024
            1709210096 | minute()
                {} 34
            1709210096 | day_of_week()
                {} 4
            1709210096 | hour(vector(time() - 3600))
                {} 11
            0..120m/60m | hour()
                {} 0@0 1@3600 2@7200
        "#]],
    );
}
