//! The one table of metric names: ours, the Zabbix item key, and what it means.
//!
//! Names follow the OpenTelemetry semantic conventions in Prometheus spelling where one exists.
//! A metric that is not in this table is not asked for.

/// Load per core, exponential mean over the last minute (over ten seconds in the demo). It is
/// what policies compare with their thresholds.
pub const LOAD1_PER_CORE: &str = "load1_per_core";
pub const CPU_UTILIZATION: &str = "system_cpu_utilization";
pub const MEMORY_USAGE_BYTES: &str = "system_memory_usage_bytes";
pub const THREAD_COUNT: &str = "system_thread_count";
pub const CONNECTION_COUNT: &str = "system_network_connection_count";
pub const UPTIME_SECONDS: &str = "system_uptime_seconds";

/// One metric, in the words of each side.
#[derive(Clone, Copy, Debug)]
pub struct Metric {
    pub name: &'static str,
    /// The item key that a Zabbix agent is asked for; each is known to `zabbix_agentd` 5.0 to 7.x.
    pub zabbix_key: &'static str,
    pub unit: &'static str,
    pub help: &'static str,
    /// What the agent's number is multiplied by to become ours.
    pub factor: f64,
}

/// In the order in which an agent is asked.
pub const TABLE: &[Metric] = &[
    Metric {
        name: LOAD1_PER_CORE,
        zabbix_key: "system.cpu.load[percpu,avg1]",
        unit: "1",
        help: "load per core, exponential mean over one minute",
        factor: 1.0,
    },
    Metric {
        name: CPU_UTILIZATION,
        zabbix_key: "system.cpu.util[,idle]",
        unit: "1",
        help: "busy share of all cores, 0 to 1",
        factor: -0.01, // The agent tells the idle percentage; see [`Metric::from_agent`].
    },
    Metric {
        name: MEMORY_USAGE_BYTES,
        zabbix_key: "vm.memory.size[used]",
        unit: "By",
        help: "memory in use",
        factor: 1.0,
    },
    Metric {
        name: THREAD_COUNT,
        zabbix_key: "proc.num[]",
        unit: "{thread}",
        help: "processes and threads",
        factor: 1.0,
    },
    Metric {
        name: CONNECTION_COUNT,
        zabbix_key: "net.tcp.socket.count[,,,,established]",
        unit: "{connection}",
        help: "established TCP connections",
        factor: 1.0,
    },
    Metric {
        name: UPTIME_SECONDS,
        zabbix_key: "system.uptime",
        unit: "s",
        help: "time since boot",
        factor: 1.0,
    },
];

impl Metric {
    /// Turns the agent's number into ours.
    pub fn from_agent(&self, value: f64) -> f64 {
        if self.factor < 0.0 { 1.0 + value * self.factor } else { value * self.factor }
    }

    /// Turns our number into what a Zabbix agent would answer.
    pub fn to_agent(&self, value: f64) -> f64 {
        if self.factor < 0.0 { (value - 1.0) / self.factor } else { value / self.factor }
    }
}

/// Looks a metric up by our name.
pub fn by_name(name: &str) -> Option<&'static Metric> {
    TABLE.iter().find(|metric| metric.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_metric_survives_the_way_to_an_agent_and_back() {
        for metric in TABLE {
            assert!((metric.from_agent(metric.to_agent(0.25)) - 0.25).abs() < 1e-9, "{metric:?}");
        }
    }

    #[test]
    fn idle_percent_becomes_the_busy_share() {
        let cpu = by_name(CPU_UTILIZATION).unwrap();
        assert!((cpu.from_agent(75.0) - 0.25).abs() < 1e-9);
    }
}
