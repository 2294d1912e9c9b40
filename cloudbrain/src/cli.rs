//! The commands, as typed. What they do is in [`crate::commands`].

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use model::id::{IncidentId, ModuleId, Object, PersonId, ProjectId, VantageId, VmId};
use model::lang::Lang;
use model::unit::Span;
use scaler::hold::HoldWhat;

/// Monitoring, alerting and autoscaling for fleets of VMs.
#[derive(Debug, Parser)]
#[command(version, about, max_term_width = 100)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Shows it all on this machine: a rush, a dead host, a calm. Nothing else to install
    Demo(DemoArgs),
    /// Runs the brain on your files
    Serve(ConfigArg),
    /// Ends a fleet of processes whole: VMs and routers go on without the brain until then
    Teardown(ConfigArg),
    /// Tells this machine's figures to whoever asks by the Zabbix passive protocol
    Agent(AgentArgs),
    /// Probes from another place what a brain probes, and tells it what it saw, also late
    Vantage(VantageArgs),
    /// Checks all files; exit 0 fine, 1 errors, 2 warnings
    Check(CheckArgs),
    /// Prints the JSON Schema of a kind of file
    Schema { kind: SchemaKind },
    /// What the scaler would do right now; exit 0 nothing, 1 error, 2 changes
    Plan(PlanArgs),
    /// Carries out a saved plan of modules that are only watched, if it still holds
    Apply(ApplyArgs),
    /// Why the scaler did what it did, or did nothing
    Explain(ExplainArgs),
    /// The pools: what is ready, what is being made, and why nothing is; exit 2 if one runs low
    Pools(AskArgs),
    /// How many more VMs of each flavor could be made, what would stop it, and for how long it lasts;
    /// exit 2 if one runs low or not all modules could have their most
    Capacity(AskArgs),
    /// Incidents: what happened, who was told
    Incidents(IncidentsArgs),
    /// Why somebody is told of a thing, or is not: what is known of it, and what became of it
    Why(WhyArgs),
    /// The ways to people
    #[command(subcommand)]
    Channels(ChannelsCommand),
    /// The rules in force: what each watches, what fires, and why one may be quiet
    Rules(AskArgs),
    /// Who is on duty now, and the handovers to come
    #[command(args_conflicts_with_subcommands = true)]
    Oncall(OncallArgs),
    /// Says that somebody works on an incident: operations hear only what makes it worse, and the
    /// end
    Ack(AckArgs),
    /// Says that the store may be older than the world, as after a restore: nothing is made, stopped
    /// or routed until two complete lists were seen, or until --done
    Recover(RecoverArgs),
    /// Puts an incident off for one person: until then only what makes it worse is told, and the end
    Snooze(SnoozeArgs),
    /// Silences: what fails on an object, or what alerts say, is told to nobody until an end
    #[command(subcommand)]
    Silence(SilenceCommand),
    /// Maintenance windows: what fails in one is expected, and no incident
    #[command(subcommand)]
    Maintenance(MaintenanceCommand),
    /// The scaler on a trace of work: what a policy would do; exit 0 all kept, 1 error, 2 not all
    Simulate(SimulateArgs),
    /// The policy in force and a new one, on the work that a module really had
    Backtest(BacktestArgs),
    /// How available a project was, or all of them: minutes down, why, what is left of the budget
    Report(ReportArgs),
    /// The promises of accounting policies as OpenSLO v1: an SLO and an SLI for each project
    Openslo(OpenSloArgs),
    /// Forecasts of policies
    #[command(subcommand)]
    Forecast(ForecastCommand),
    /// Says what a span of a module's past was, over what the probes said; nothing is deleted
    Correct(CorrectArgs),
    /// Say that a new version of a module goes out
    Release(ReleaseArgs),
    /// Lets the scaler leave a module or the fleet alone for a while; it says what it would do
    Hold(HoldArgs),
    /// What the scaler leaves alone, until when, by whom and why
    Holds(AskArgs),
    /// Ends a hold before its time
    Unhold(UnholdArgs),
    /// The schedules of policies
    #[command(subcommand)]
    Schedule(ScheduleCommand),
    /// Plays a correlation case in simulated time, and prints what would be told to whom
    Replay(ReplayArgs),
    /// The built-in router, which `serve` starts by itself
    #[command(hide = true)]
    Router(RouterArgs),
    /// The inside of a VM that is a process, which `serve` starts by itself
    #[command(hide = true)]
    Vm {
        #[arg(long)]
        folder: PathBuf,
    },
    /// The web application of the demo
    #[command(hide = true)]
    DemoApp {
        #[arg(long)]
        port: u16,
        /// CPU time that each request costs, in milliseconds
        #[arg(long, default_value_t = 4)]
        cost_ms: u32,
    },
}

#[derive(Debug, Subcommand)]
pub enum ChannelsCommand {
    /// Sends one test message and says what came of it; exit 0 delivered, 1 not, 2 perhaps
    Test(ChannelTestArgs),
}

#[derive(Debug, Args)]
pub struct ChannelTestArgs {
    /// The channel, by its name in the main file
    pub name: String,
    /// Who is to get it: a person of the main file
    #[arg(long, value_name = "PERSON")]
    pub to: PersonId,
    #[command(flatten)]
    pub config: ConfigArg,
    #[command(flatten)]
    pub output: OutputArg,
}

#[derive(Debug, Args)]
pub struct DemoArgs {
    /// How long: 3m, 60s
    #[arg(long = "for", default_value = "3m", value_name = "TIME")]
    pub lasting: Span,
    /// Where the page is to be seen; a free port nearby if this one is taken
    #[arg(long, default_value = "127.0.0.1:8090")]
    pub listen: SocketAddr,
    #[command(flatten)]
    pub output: OutputArg,
}

#[derive(Clone, Debug, Args)]
pub struct ConfigArg {
    /// The main file
    #[arg(long, default_value = "cloudbrain.yaml", value_name = "FILE")]
    pub config: PathBuf,
}

#[derive(Debug, Args)]
pub struct AgentArgs {
    /// Where to answer; port 10050 is what Zabbix asks
    #[arg(long, default_value = "127.0.0.1:10050")]
    pub listen: SocketAddr,
}

#[derive(Debug, Args)]
pub struct VantageArgs {
    /// What the brain's main file calls it
    #[arg(long)]
    pub name: VantageId,
    /// The brain: http://host:port, or https:// where a proxy with TLS stands before it
    #[arg(long, value_name = "URL")]
    pub brain: String,
    /// What it proves itself by; the first line of this file
    #[arg(long, value_name = "FILE")]
    pub token_file: PathBuf,
    /// The folder of what is not delivered yet
    #[arg(long, value_name = "DIR")]
    pub spool: PathBuf,
    /// What is older is dropped
    #[arg(long, value_name = "TIME", default_value = "2d")]
    pub keep: Span,
    /// What is more is dropped, the oldest first; in MiB
    #[arg(long, value_name = "MIB", default_value_t = 256)]
    pub keep_mib: u32,
    /// An address for a domain that this machine should not look up: shop.example.com=192.0.2.7:80
    #[arg(long, value_name = "DOMAIN=ADDR", value_parser = pin)]
    pub resolve: Vec<(String, SocketAddr)>,
}

#[derive(Debug, Args)]
pub struct CheckArgs {
    #[command(flatten)]
    pub config: ConfigArg,
    #[command(flatten)]
    pub output: OutputArg,
}

#[derive(Debug, Args)]
pub struct PlanArgs {
    /// One module, for example shop/web; all if left out
    pub module: Option<ModuleId>,
    /// Writes the plan to this file, so that `apply` can carry it out
    #[arg(long)]
    pub save: Option<PathBuf>,
    #[command(flatten)]
    pub ask: AskArgs,
}

#[derive(Debug, Args)]
pub struct ApplyArgs {
    /// What `plan --save` has written
    pub plan: PathBuf,
    /// Who wants it: a person of the files
    #[arg(long)]
    pub by: PersonId,
    #[command(flatten)]
    pub ask: AskArgs,
}

#[derive(Debug, Args)]
pub struct ExplainArgs {
    /// The module, for example shop/web
    pub module: ModuleId,
    /// A moment: 2026-03-02T10:00:00Z, or 10:00 of today in UTC; the newest decision if left out
    #[arg(long, conflicts_with = "vm")]
    pub at: Option<String>,
    /// One VM of it; with --why-not-removed
    #[arg(long, requires = "why_not_removed")]
    pub vm: Option<VmId>,
    /// Why the VM would not be taken away now, and who would be instead
    #[arg(long, requires = "vm")]
    pub why_not_removed: bool,
    /// Decides again by what each of the last decisions went by; 100 if no number is given
    #[arg(
        long, value_name = "DECISIONS", num_args = 0..=1, require_equals = true,
        default_missing_value = "100",
        value_parser = clap::value_parser!(u32).range(1..=1000),
        conflicts_with_all = ["at", "vm"]
    )]
    pub verify: Option<u32>,
    #[command(flatten)]
    pub ask: AskArgs,
}

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct IncidentsArgs {
    #[command(subcommand)]
    pub one: Option<IncidentsCommand>,
    #[command(flatten)]
    pub ask: AskArgs,
}

#[derive(Debug, Subcommand)]
pub enum IncidentsCommand {
    /// One incident whole: why this is the root, who is told or not and why, and all that happened
    Show(ShowArgs),
    /// How one incident went, as Markdown for a wiki: numbers, costs, similar ones, all that happened
    Review(ReviewArgs),
}

#[derive(Debug, Args)]
pub struct ShowArgs {
    /// The incident, for example i7
    pub incident: model::id::IncidentId,
    #[command(flatten)]
    pub ask: AskArgs,
}

#[derive(Debug, Args)]
pub struct ReviewArgs {
    /// The incident, for example i7
    pub incident: model::id::IncidentId,
    /// The language: en, zh
    #[arg(long, default_value = "en", value_parser = lang)]
    pub lang: Lang,
    #[command(flatten)]
    pub ask: AskArgs,
}

#[derive(Debug, Args)]
pub struct WhyArgs {
    /// The thing, for example vm/web-01, host/h1, module/shop/web
    pub object: model::id::Object,
    #[command(flatten)]
    pub ask: AskArgs,
}

#[derive(Debug, Args)]
pub struct RecoverArgs {
    /// Who says so: a person of the main file
    #[arg(long)]
    pub by: PersonId,
    /// What is there was looked at: the scaler may act again
    #[arg(long)]
    pub done: bool,
    #[command(flatten)]
    pub ask: AskArgs,
}

#[derive(Debug, Args)]
pub struct AckArgs {
    /// The incident, for example i7
    pub incident: IncidentId,
    /// Who takes it on: a person of the main file
    #[arg(long)]
    pub by: PersonId,
    /// What the others should know
    #[arg(long, default_value = "")]
    pub text: String,
    #[command(flatten)]
    pub ask: AskArgs,
}

/// When something ends.
#[derive(Clone, Debug, Args)]
#[group(required = true, multiple = false)]
pub struct EndArg {
    /// How long: 30m, 2h, 7d
    #[arg(long = "for", value_name = "TIME")]
    pub lasting: Option<Span>,
    /// Until when: 2026-12-01T10:00:00Z
    #[arg(long, value_name = "MOMENT")]
    pub until: Option<String>,
}

#[derive(Debug, Args)]
pub struct SnoozeArgs {
    /// The incident, for example i7
    pub incident: model::id::IncidentId,
    /// Who is to be reminded later: a person of the main file
    #[arg(long, value_name = "PERSON")]
    pub by: model::id::PersonId,
    #[command(flatten)]
    pub end: EndArg,
    #[command(flatten)]
    pub ask: AskArgs,
}

#[derive(Debug, Subcommand)]
pub enum SilenceCommand {
    /// Silences an object and what stands on it, or posted alerts by their labels
    Add(SilenceAddArgs),
    /// The silences that are not over: what, until when, by whom and why
    List(AskArgs),
    /// Ends a silence before its time
    Expire(ExpireArgs),
}

#[derive(Debug, Args)]
pub struct SilenceAddArgs {
    /// What: host/h1 with its VMs, module/shop/web with its VMs, project/shop with its modules, vm/web-01
    pub on: Option<Object>,
    /// Of it only what this check says, for example vm.disk
    #[arg(long, requires = "on")]
    pub check: Option<model::id::CheckId>,
    /// Instead of an object: posted alerts with this label, as vm=web-01, vm=~web-.*, team!=blue; may
    /// be given several times
    #[arg(long = "label", value_name = "MATCHER", value_parser = matcher, conflicts_with = "on")]
    pub matchers: Vec<alerter::act::LabelMatcher>,
    /// Who silences it: a person of the main file
    #[arg(long, value_name = "PERSON")]
    pub by: model::id::PersonId,
    /// Why, for those who meet it at night
    #[arg(long)]
    pub comment: String,
    #[command(flatten)]
    pub end: EndArg,
    #[command(flatten)]
    pub ask: AskArgs,
}

fn matcher(text: &str) -> Result<alerter::act::LabelMatcher, String> {
    crate::brain::acts::labels::matcher(text)
}

#[derive(Debug, Args)]
pub struct ExpireArgs {
    /// The silence, for example s3
    pub silence: model::id::SilenceId,
    /// Who ends it: a person of the main file
    #[arg(long, value_name = "PERSON")]
    pub by: model::id::PersonId,
    #[command(flatten)]
    pub ask: AskArgs,
}

#[derive(Debug, Subcommand)]
pub enum MaintenanceCommand {
    /// Opens a window now
    Start(StartArgs),
    /// Ends a window that was opened by hand; one of a file is ended there
    End(EndArgs),
    /// The windows that are open, and when those of the files open next, in their own time zone
    List(AskArgs),
}

#[derive(Debug, Args)]
pub struct StartArgs {
    /// What is worked on: host/h1, module/shop/web, project/shop
    #[arg(required = true)]
    pub on: Vec<Object>,
    /// Who announces it: a person of the main file
    #[arg(long, value_name = "PERSON")]
    pub by: model::id::PersonId,
    /// Why, for those who meet it at night
    #[arg(long)]
    pub comment: String,
    #[command(flatten)]
    pub end: EndArg,
    #[command(flatten)]
    pub ask: AskArgs,
}

#[derive(Debug, Args)]
pub struct EndArgs {
    /// The window, for example m3
    pub window: model::id::WindowId,
    /// Who ends it: a person of the main file
    #[arg(long, value_name = "PERSON")]
    pub by: model::id::PersonId,
    #[command(flatten)]
    pub ask: AskArgs,
}

#[derive(Debug, Args)]
pub struct CorrectArgs {
    /// A module, for example shop/web
    pub module: model::id::ModuleId,
    /// The span, on the clocks of the project's policy: 2026-10-03T14:02..2026-10-03T14:12
    pub period: String,
    /// What it counts as: up, down, unknown, maintenance, not-applicable; measured takes back what
    /// was corrected
    #[arg(long = "as", value_name = "STATE")]
    pub state: String,
    /// Who says so: a person of the main file
    #[arg(long, value_name = "PERSON")]
    pub by: model::id::PersonId,
    /// How that is known: it stands in each report
    #[arg(long, value_name = "TEXT")]
    pub reason: String,
    #[command(flatten)]
    pub ask: AskArgs,
}

#[derive(Debug, Args)]
pub struct ReleaseArgs {
    /// A module, for example shop/web
    pub module: model::id::ModuleId,
    /// As its makers call it, in one word: 1.4.2
    pub version: String,
    /// Who sends it: a person, or a pipeline
    #[arg(long, value_name = "NAME")]
    pub by: model::id::PersonId,
    #[command(flatten)]
    pub ask: AskArgs,
}

#[derive(Debug, Args)]
pub struct HoldArgs {
    /// A module, for example shop/web, or fleet
    #[arg(value_name = "MODULE|fleet", value_parser = held)]
    pub on: Held,
    /// What is left alone: in (nothing is taken away), out (nothing is added), isolate, all
    #[arg(long, value_parser = hold_what)]
    pub what: HoldWhat,
    /// Who holds it: a person of the main file
    #[arg(long, value_name = "PERSON")]
    pub by: model::id::PersonId,
    /// Why, for those who meet it at night
    #[arg(long, value_name = "TEXT")]
    pub reason: String,
    #[command(flatten)]
    pub end: EndArg,
    #[command(flatten)]
    pub ask: AskArgs,
}

/// A module, or the whole fleet if none.
#[derive(Clone, Debug)]
pub struct Held(pub Option<ModuleId>);

fn held(text: &str) -> Result<Held, String> {
    if text == "fleet" {
        return Ok(Held(None));
    }
    let module = text.parse().map_err(|_| {
        format!("{text:?} is no module; write project/name, for example shop/web, or fleet")
    });
    module.map(|module| Held(Some(module)))
}

fn hold_what(text: &str) -> Result<HoldWhat, String> {
    let what = HoldWhat::ALL.into_iter().find(|what| what.as_str() == text);
    what.ok_or_else(|| format!("{text:?} cannot be held; write in, out, isolate or all"))
}

#[derive(Debug, Args)]
pub struct UnholdArgs {
    /// The hold, for example h3
    pub hold: model::id::HoldId,
    /// Who ends it: a person of the main file
    #[arg(long, value_name = "PERSON")]
    pub by: model::id::PersonId,
    #[command(flatten)]
    pub ask: AskArgs,
}

#[derive(Debug, Subcommand)]
pub enum ScheduleCommand {
    /// Each change of floor, ceiling and mode to come, on the clock of its zone
    Preview(PreviewArgs),
}

#[derive(Debug, Args)]
pub struct PreviewArgs {
    /// One module, for example shop/web; all with a policy if left out
    pub module: Option<ModuleId>,
    /// So many days from now on
    #[arg(long, default_value_t = 7, value_parser = clap::value_parser!(u32).range(1..=400))]
    pub days: u32,
    #[command(flatten)]
    pub config: ConfigArg,
    #[command(flatten)]
    pub output: OutputArg,
}

#[derive(Debug, Args)]
pub struct OncallArgs {
    #[command(subcommand)]
    pub command: Option<OncallCommand>,
    /// A moment: 2026-03-02T10:00:00Z, or 10:00 of today in UTC; now if left out
    #[arg(long)]
    pub at: Option<String>,
    /// So many days from then on
    #[arg(long, default_value_t = 14, value_parser = clap::value_parser!(u32).range(1..=366))]
    pub days: u32,
    #[command(flatten)]
    pub ask: AskArgs,
}

#[derive(Debug, Subcommand)]
pub enum OncallCommand {
    /// Puts somebody on duty for a while, whoever's turn it is
    Override(OverrideArgs),
}

#[derive(Debug, Args)]
pub struct OverrideArgs {
    /// The schedule, by its name in the main file
    pub schedule: PersonId,
    /// Who stands in
    #[arg(long)]
    pub person: PersonId,
    /// From when: "2026-12-24 09:00" in the schedule's zone, or with an offset from UTC
    #[arg(long, value_name = "TIME")]
    pub from: String,
    /// Until when
    #[arg(long, value_name = "TIME")]
    pub until: String,
    /// Who says so: a person of the main file
    #[arg(long)]
    pub by: PersonId,
    #[command(flatten)]
    pub ask: AskArgs,
}

#[derive(Debug, Args)]
pub struct SimulateArgs {
    /// The policy file
    #[arg(long, value_name = "FILE", required_unless_present = "stdio")]
    pub policy: Option<PathBuf>,
    /// The work, as CSV: t_seconds,demand in VMs at a load of 1
    #[arg(long, value_name = "FILE", required_unless_present = "stdio")]
    pub trace: Option<PathBuf>,
    /// Writes what is wanted when, as CSV: t,vms
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// So many times the work: x1.5
    #[arg(long, value_name = "FACTOR", value_parser = factor)]
    pub load: Option<f64>,
    /// So many VMs die at the peak
    #[arg(long, value_name = "VMS", default_value_t = 0)]
    pub kill: u32,
    /// Nothing is measured for so long around the peak: 30m
    #[arg(long, value_name = "TIME")]
    pub monitor_down: Option<Span>,
    /// How long a VM takes to be made: 5m; 3m if left out
    #[arg(long, value_name = "TIME")]
    pub boot: Option<Span>,
    /// VMs that wait in the pool when it is full; 10 if left out
    #[arg(long, value_name = "VMS")]
    pub pool: Option<u32>,
    /// Another seed has other noise
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// When the trace begins, for schedules: 2026-12-01T00:00:00+08:00; today if left out
    #[arg(long, value_name = "TIME")]
    pub from: Option<String>,
    /// Answers a benchmark line by line instead
    #[arg(long, conflicts_with_all = ["policy", "trace", "out"])]
    pub stdio: bool,
    #[command(flatten)]
    pub output: OutputArg,
}

#[derive(Debug, Args)]
pub struct BacktestArgs {
    /// The module, for example shop/web
    pub module: ModuleId,
    /// The new policy
    #[arg(long, value_name = "FILE")]
    pub policy: PathBuf,
    /// So much of the past: 14d
    #[arg(long, default_value = "14d", value_name = "TIME")]
    pub since: Span,
    /// How long a VM takes to be made
    #[arg(long, default_value = "3m", value_name = "TIME")]
    pub boot: Span,
    /// VMs that wait in the pool when it is full
    #[arg(long, default_value_t = 10, value_name = "VMS")]
    pub pool: u32,
    #[command(flatten)]
    pub ask: AskArgs,
}

#[derive(Debug, Args)]
pub struct ReportArgs {
    /// The project, for example shop; left out for all, a row each, the worst first
    #[arg(long)]
    pub project: Option<ProjectId>,
    /// Only the projects that this person or schedule owns
    #[arg(long, conflicts_with = "project", value_name = "NAME")]
    pub owner: Option<PersonId>,
    /// Sends this owner the mail about the period now, and prints it
    #[arg(long, conflicts_with_all = ["project", "owner", "format"], value_name = "PERSON")]
    pub mail_to: Option<PersonId>,
    /// 2026-10, 2026-W43, 2026-Q4, 2026-10-03, 2026-10-01..2026-10-15, last-week, last-30-days
    #[arg(long, default_value = "this-month")]
    pub period: String,
    #[arg(long, value_enum, default_value_t = ReportFormat::Text)]
    pub format: ReportFormat,
    /// An accounting policy to lay beside the one in force: what differs, and by which rule; exit 2
    /// if anything does
    #[arg(long, requires = "project", value_name = "FILE")]
    pub beside: Option<PathBuf>,
    /// The language of the text: en, zh
    #[arg(long, default_value = "en", value_parser = lang)]
    pub lang: Lang,
    #[command(flatten)]
    pub ask: AskArgs,
}

#[derive(Debug, Args)]
pub struct OpenSloArgs {
    #[command(flatten)]
    pub config: ConfigArg,
    #[command(flatten)]
    pub output: OutputArg,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ReportFormat {
    Text,
    /// A row for each day and each outage; of all projects, a row for each
    Csv,
    Json,
    /// The page, whole in one file
    Html,
    /// A badge of one project
    Svg,
}

#[derive(Debug, Subcommand)]
pub enum ForecastCommand {
    /// What a module is likely to need, and how good such words were; exit 0 trusted, 2 not
    Score(ForecastScoreArgs),
}

#[derive(Debug, Args)]
pub struct ForecastScoreArgs {
    /// The module, for example shop/web
    pub module: ModuleId,
    #[command(flatten)]
    pub ask: AskArgs,
}

fn factor(text: &str) -> Result<f64, String> {
    let number = text.strip_prefix('x').unwrap_or(text).parse::<f64>().ok();
    let number = number.filter(|number| (0.01..=100.0).contains(number));
    number.ok_or_else(|| format!("{text:?} is no factor between x0.01 and x100; write x1.5"))
}

#[derive(Debug, Args)]
pub struct ReplayArgs {
    /// The case: a topology, settings, and what happens when, as JSON
    #[arg(value_name = "CASE.json")]
    pub case: PathBuf,
    /// The language that everybody is spoken to in: en, zh
    #[arg(long, default_value = "en", value_parser = lang)]
    pub lang: Lang,
    /// A JSON message a line, for whoever judges it; or text to read
    #[arg(short, long, value_enum, default_value_t = Output::Json)]
    pub output: Output,
}

fn lang(text: &str) -> Result<Lang, String> {
    match text {
        "en" => Ok(Lang::En),
        "zh" => Ok(Lang::Zh),
        _ => Err(format!("no language {text:?}; write en or zh")),
    }
}

/// How a running brain is reached.
#[derive(Clone, Debug, Args)]
pub struct AskArgs {
    #[command(flatten)]
    pub config: ConfigArg,
    /// The brain's address; by default what the main file says
    #[arg(long, value_name = "ADDR")]
    pub brain: Option<SocketAddr>,
    #[command(flatten)]
    pub output: OutputArg,
}

#[derive(Clone, Copy, Debug, Args)]
pub struct OutputArg {
    #[arg(short, long, value_enum, default_value_t = Output::Text)]
    pub output: Output,
}

#[derive(Debug, Args)]
pub struct RouterArgs {
    #[arg(long)]
    pub folder: PathBuf,
    #[arg(long)]
    pub listen: SocketAddr,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Output {
    Text,
    Json,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum SchemaKind {
    Config,
    Project,
    Policy,
    Pool,
    Rule,
    /// An accounting policy
    Accounting,
}

fn pin(text: &str) -> Result<(String, SocketAddr), String> {
    let wrong = || format!("{text:?} is no pin; write shop.example.com=192.0.2.7:80");
    let (domain, address) = text.split_once('=').ok_or_else(wrong)?;
    Ok((domain.to_ascii_lowercase(), address.parse().map_err(|_| wrong())?))
}
