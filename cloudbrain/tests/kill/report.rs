//! What came of all runs, as a page.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use crate::fleet::Stopwatch;
use crate::matrix::Kill;
use crate::scenarios::ALL;

/// The scenario that is not in [`ALL`], since its world is made anew for each run.
pub(crate) const RESTORED: (&str, &str) =
    ("restored", "the store is of yesterday; VMs were made since, and serve");

/// All scenarios, with what happens in each.
fn scenarios() -> impl Iterator<Item = (&'static str, &'static str)> {
    ALL.iter().map(|scenario| (scenario.name, scenario.what)).chain([RESTORED])
}

/// What came of one run.
#[derive(Clone, Debug)]
pub(crate) enum Verdict {
    /// The world is as it was wanted, so long after the last start.
    Exact {
        recovered: Duration,
    },
    /// As it was wanted, too; the point was not passed that often this time.
    NotReached,
    Wrong(String),
}

#[derive(Clone, Debug)]
pub(crate) struct Run {
    pub(crate) scenario: &'static str,
    pub(crate) kills: Vec<Kill>,
    pub(crate) verdict: Verdict,
}

#[derive(Debug, Default)]
pub(crate) struct Report {
    runs: Vec<Run>,
    page: Option<Page>,
}

/// What the page says beside the runs.
#[derive(Debug)]
struct Page {
    began: Stopwatch,
    planned: usize,
}

/// The runs of one cell of the table.
#[derive(Default)]
struct Cell {
    exact: u32,
    not_reached: u32,
    wrong: u32,
    worst: Duration,
}

impl Report {
    /// Of so many runs, with the page written anew after each: half of an hour is worth something
    /// when somebody ends the other half.
    pub(crate) fn on_page(began: Stopwatch, planned: usize) -> Self {
        Self { runs: Vec::new(), page: Some(Page { began, planned }) }
    }

    pub(crate) fn add(&mut self, run: Run) {
        use std::io::Write as _;
        let word = match &run.verdict {
            Verdict::Exact { recovered } => format!("exact after {recovered:.1?}"),
            Verdict::NotReached => "not reached".to_owned(),
            Verdict::Wrong(why) => format!("WRONG: {why}"),
        };
        // Whoever waits for half an hour wants to see that it goes on.
        let _ = writeln!(std::io::stderr(), "{}: {:?}: {word}", run.scenario, run.kills);
        self.runs.push(run);
        if let Some(Page { began, planned }) = &self.page {
            self.write(began.elapsed(), *planned);
        }
    }

    pub(crate) fn wrong(&self) -> Vec<String> {
        let wrong = self.runs.iter().filter_map(|run| match &run.verdict {
            Verdict::Wrong(why) => Some(format!("{} {:?}: {why}", run.scenario, run.kills)),
            Verdict::Exact { .. } | Verdict::NotReached => None,
        });
        wrong.collect()
    }

    pub(crate) fn exact(&self) -> usize {
        self.runs.iter().filter(|run| matches!(run.verdict, Verdict::Exact { .. })).count()
    }

    /// Writes the page beside the other docs.
    fn write(&self, took: Duration, planned: usize) {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/kill-matrix.md");
        std::fs::write(path, self.page(took, planned)).expect("the docs are in the tree");
    }

    fn page(&self, took: Duration, planned: usize) -> String {
        let mut page = INTRODUCTION.to_owned();
        let (runs, exact, wrong) = (self.runs.len(), self.exact(), self.wrong().len());
        let worst = self.cell(|_| true).worst;
        let _ = writeln!(
            page,
            "**{runs} runs of {planned} planned, {exact} with the brain killed and the exact count afterwards, {wrong} \
             wrong.** In the others the point was not passed as often as in the run that counted it; \
             their count was exact, too. Worst time from the last start to the world as it is wanted: \
             {:.1} s. All this took {} min on two cores.\n",
            worst.as_secs_f64(),
            took.as_secs() / 60
        );
        page += "## Scenarios\n\n| scenario | what happens | runs | exact | wrong | worst recovery |\n\
                 | --- | --- | --- | --- | --- | --- |\n";
        for (name, what) in scenarios() {
            let cell = self.cell(|run| run.scenario == name);
            let (exact, wrong) = (cell.exact, cell.wrong);
            let runs = exact + wrong + cell.not_reached;
            let worst = cell.worst.as_secs_f64();
            let _ =
                writeln!(page, "| {name} | {what} | {runs} | {exact} | {wrong} | {worst:.1} s |");
        }
        self.write_points(&mut page);
        self.write_rest(&mut page);
        for wrong in self.wrong() {
            let _ = writeln!(page, "\n```text\n{wrong}\n```");
        }
        page
    }

    fn write_points(&self, page: &mut String) {
        *page += "\n## Killed once, at a point\n\nRuns with the exact count, of those that reached \
                  it; `-` is a point that the scenario does not pass.\n\n| point |";
        for (name, _) in scenarios() {
            let _ = write!(page, " {name} |");
        }
        *page += "\n| --- |";
        *page += &" --- |".repeat(scenarios().count());
        let points: BTreeSet<&String> = self.runs.iter().filter_map(point_of).collect();
        for point in points {
            let _ = write!(page, "\n| {point} |");
            for (name, _) in scenarios() {
                let here = |run: &Run| run.scenario == name && point_of(run) == Some(point);
                let cell = self.cell(here);
                let reached = cell.exact + cell.wrong;
                let _ = match reached + cell.not_reached {
                    0 => write!(page, " - |"),
                    _ => write!(page, " {}/{reached} |", cell.exact),
                };
            }
        }
        *page += "\n";
    }

    fn write_rest(&self, page: &mut String) {
        *page += "\n## Killed again while it recovers, and at any moment\n\n| how | runs | exact | not \
                  reached | wrong | worst recovery |\n| --- | --- | --- | --- | --- | --- |\n";
        let mut kinds: BTreeMap<String, Vec<&Run>> = BTreeMap::new();
        for run in self.runs.iter().filter(|run| point_of(run).is_none()) {
            let times = run.kills.len();
            let at =
                if matches!(run.kills[0], Kill::At(..)) { "at points" } else { "at any moment" };
            kinds.entry(format!("{times} kills {at}")).or_default().push(run);
        }
        for (kind, runs) in kinds {
            let cell = Cell::of(runs.iter().copied());
            let Cell { exact, not_reached, wrong, worst } = cell;
            let worst = worst.as_secs_f64();
            let count = runs.len();
            let _ = writeln!(
                page,
                "| {kind} | {count} | {exact} | {not_reached} | {wrong} | {worst:.1} s |"
            );
        }
    }

    fn cell(&self, wanted: impl Fn(&Run) -> bool) -> Cell {
        Cell::of(self.runs.iter().filter(|run| wanted(run)))
    }
}

impl Cell {
    fn of<'a>(runs: impl Iterator<Item = &'a Run>) -> Self {
        let mut cell = Self::default();
        for run in runs {
            match &run.verdict {
                Verdict::Exact { recovered } => {
                    cell.exact += 1;
                    cell.worst = cell.worst.max(*recovered);
                }
                Verdict::NotReached => cell.not_reached += 1,
                Verdict::Wrong(_) => cell.wrong += 1,
            }
        }
        cell
    }
}

/// The point of a run with one death at one.
fn point_of(run: &Run) -> Option<&String> {
    match &run.kills[..] {
        [Kill::At(point, _)] => Some(point),
        _ => None,
    }
}

const INTRODUCTION: &str = "# The kill matrix

What becomes of a fleet when the brain is killed at the worst moment. Written by `tests/kill`; the runs
are in `cloudbrain/tests/kill`.

The real binary, built with fail points, is ended by SIGKILL at each boundary of its record: before and
after each commit (named after what it is about), before, in the middle of and after each call to the
provider and the deployer, before and after each push to the router, and when a router acknowledges.
Then it is started again, and the world is judged when it has come to rest: the VMs that the cloud
has (the test keeps it, with a ledger of its own), the processes that run and the programs on them by
the kernel's word, the VMs that the router follows by its own, and the brain's idea of them. Exact
means: as many VMs as wanted, none twice, none unknown, none draining, the programs on just those VMs
that the router follows, and at no moment more VMs than `max_total`.

";
