//! What each command does. Exit code 0 fine, 1 error, 2 differences or warnings.

mod acts;
mod ask;
mod backtest;
mod capacity;
mod channels;
mod correct;
mod demo_app;
mod explain;
mod files;
mod forecast;
mod holds;
mod http;
mod inside;
mod oncall;
mod openslo;
mod plan;
mod release;
mod replay;
mod report;
mod schedule;
mod serve;
mod simulate;
mod story;
mod teardown;
mod vantage;
mod verify;

use std::future::Future;
use std::io::{IsTerminal as _, Write as _};
use std::process::ExitCode;

use anyhow::Context as _;
use tracing_subscriber::filter::LevelFilter;

use crate::cli::{ChannelsCommand, Cli, Command, ForecastCommand, ScheduleCommand};

pub use files::schema;
pub use http::{get_json, get_text};

/// Each keeps memory of its own; what they do waits for the disk or fills the cores.
const BLOCKING_THREADS: usize = 8;

/// What a command found, for its exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found {
    Nothing,
    Differences,
    Errors,
}

/// Runs one command to its end.
pub fn run(cli: Cli) -> ExitCode {
    let result = match cli.command {
        Command::Demo(args) => on_runtime(false, crate::demo::run(args)),
        Command::Serve(args) => on_runtime(true, serve::serve(args)),
        Command::Teardown(args) => on_runtime(false, teardown::teardown(args)),
        Command::Agent(args) => on_runtime(true, inside::agent(args)),
        Command::Vantage(args) => on_runtime(true, vantage::vantage(args)),
        Command::Router(args) => on_runtime(true, inside::router(args)),
        Command::Vm { folder } => inside::vm(&folder),
        Command::DemoApp { port, cost_ms } => on_runtime(false, demo_app::serve(port, cost_ms)),
        Command::Check(args) => on_runtime(false, files::check(args)),
        Command::Schema { kind } => files::print_schema(kind),
        Command::Plan(args) => on_runtime(false, plan::plan(args)),
        Command::Apply(args) => on_runtime(false, plan::apply(args)),
        Command::Explain(args) => on_runtime(false, explain::explain(args)),
        Command::Pools(args) => on_runtime(false, capacity::pools(args)),
        Command::Capacity(args) => on_runtime(false, capacity::capacity(args)),
        Command::Incidents(args) => on_runtime(false, story::incidents(args)),
        Command::Why(args) => on_runtime(false, story::why(args)),
        Command::Rules(args) => on_runtime(false, ask::rules(args)),
        Command::Backtest(args) => on_runtime(false, backtest::backtest(args)),
        Command::Forecast(ForecastCommand::Score(args)) => on_runtime(false, forecast::score(args)),
        Command::Openslo(args) => openslo::openslo(&args),
        Command::Report(args) => on_runtime(false, report::report(args)),
        Command::Simulate(args) => simulate::simulate(&args),
        Command::Replay(args) => replay::replay(&args),
        Command::Channels(ChannelsCommand::Test(args)) => on_runtime(false, channels::test(args)),
        Command::Snooze(args) => on_runtime(false, acts::snooze(args)),
        Command::Silence(command) => on_runtime(false, acts::silence(command)),
        Command::Correct(args) => on_runtime(false, correct::correct(args)),
        Command::Release(args) => on_runtime(false, release::release(args)),
        Command::Hold(args) => on_runtime(false, holds::hold(args)),
        Command::Holds(args) => on_runtime(false, holds::holds(args)),
        Command::Unhold(args) => on_runtime(false, holds::unhold(args)),
        Command::Schedule(ScheduleCommand::Preview(args)) => schedule::preview(&args),
        Command::Maintenance(command) => on_runtime(false, acts::maintenance(command)),
        Command::Oncall(args) => on_runtime(false, oncall::oncall(args)),
        Command::Ack(args) => on_runtime(false, ask::acknowledge(args)),
        Command::Recover(args) => on_runtime(false, ask::recover(args)),
    };
    match result {
        Ok(Found::Nothing) => ExitCode::SUCCESS,
        Ok(Found::Errors) => ExitCode::from(1),
        Ok(Found::Differences) => ExitCode::from(2),
        Err(error) => {
            say_error(&format!("cloudbrain: {error:#}"));
            ExitCode::from(1)
        }
    }
}

fn on_runtime(
    logs: bool,
    work: impl Future<Output = anyhow::Result<Found>>,
) -> anyhow::Result<Found> {
    if logs {
        log_to_stderr();
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .max_blocking_threads(BLOCKING_THREADS)
        .enable_all()
        .build();
    runtime.context("starting the runtime")?.block_on(work)
}

/// Values, not prose; INFO is a change that an operator cares about.
pub(crate) fn log_to_stderr() {
    tracing_subscriber::fmt()
        .with_max_level(LevelFilter::INFO)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .with_target(false)
        .init();
}

/// Prints a line. A reader that went away (`| head`) is no error of ours.
pub(crate) fn say(line: &str) {
    let _ = writeln!(std::io::stdout().lock(), "{line}");
}

pub(crate) fn say_error(line: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{line}");
}
