"""Where days and months begin, by nothing but the conversion of moments to local dates.

Reads lines `ZONE FIRST_YEAR LAST_YEAR`; answers for each day and month of these years a line
`ZONE YYYY-MM-DD|YYYY-MM SECONDS`: the first moment that bears this date or a later one, in seconds
since 1970. It is looked for among moments, and so knows nothing of midnights, gaps and overlaps.
"""

import sys
from datetime import date, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

LATEST = 16 * 3600  # A date begins no further than this from its midnight in Greenwich.


def first_moment(day, zone):
    midnight = int(datetime(day.year, day.month, day.day, tzinfo=timezone.utc).timestamp())
    before, bears = midnight - LATEST, midnight + LATEST
    while bears - before > 1:
        middle = (before + bears) // 2
        if datetime.fromtimestamp(middle, zone).date() >= day:
            bears = middle
        else:
            before = middle
    return bears


for line in sys.stdin:
    name, first, last = line.split()
    zone, day = ZoneInfo(name), date(int(first), 1, 1)
    while day.year <= int(last):
        begins = first_moment(day, zone)
        print(name, day.isoformat(), begins)
        if day.day == 1:
            print(name, day.isoformat()[:7], begins)
        day += timedelta(days=1)
