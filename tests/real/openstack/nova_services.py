"""All of Nova from one process: `nova_services.py DIR HOST[,HOST...]`.

Loading Nova takes seconds and a hundred megabytes, and each of its services would do it anew. So it is
loaded once, and each service is a fork of that. A service that ends is started again after a second,
unless DIR/run/held names its host, one a line: such a hypervisor is killed, and stays down. DIR/run has
a file with the pid of each service. SIGTERM ends all of them.
"""
import os
import signal
import sys

folder, hosts = sys.argv[1], sys.argv[2].split(",")
here = os.path.dirname(os.path.abspath(__file__))
sys.path.append(here)

import nova.monkey_patch  # noqa: F401,E402  Before all others: it replaces sockets and threads.
import nova.virt  # noqa: E402

nova.virt.__path__.append(here)  # So that compute_driver = guest_driver.GuestDriver is found.

# These want to add options of their own before the file is read.
import nova.cmd.api_os_compute  # noqa: E402
import nova.cmd.compute  # noqa: E402
import nova.cmd.conductor  # noqa: E402
import nova.cmd.scheduler  # noqa: E402
import nova.conf  # noqa: E402

main_file = folder + "/etc/nova.conf"
# The managers read how often they do what while they are imported.
nova.conf.CONF([], project="nova", default_config_files=[main_file])

import nova.api.openstack.compute.routes  # noqa: F401,E402
import nova.compute.manager  # noqa: F401,E402
import nova.conductor.manager  # noqa: F401,E402
import nova.scheduler.manager  # noqa: F401,E402
import oslo_messaging._drivers.impl_rabbit  # noqa: F401,E402
import sqlalchemy.dialects.mysql.pymysql  # noqa: F401,E402

nova.conf.CONF.clear()

import eventlet.hubs  # noqa: E402
from eventlet import patcher  # noqa: E402

unpatched_os, unpatched_time = patcher.original("os"), patcher.original("time")
database = ["--config-file", folder + "/etc/nova-database.conf"]
services = {
    "nova-conductor": (nova.cmd.conductor.main, database),
    "nova-scheduler": (nova.cmd.scheduler.main, database),
    "nova-api": (nova.cmd.api_os_compute.main, database),
}
for host in hosts:
    services["nova-compute-" + host] = (nova.cmd.compute.main, ["--config-file", "%s/etc/%s.conf" % (folder, host)])
running = {}


def held():
    try:
        with open(folder + "/run/held") as file:
            return {"nova-compute-" + line.strip() for line in file}
    except OSError:
        return set()


def become(name):
    """In the fork: this process is the service from now on."""
    import random

    random.seed()
    eventlet.hubs.use_hub()  # What the parent waits with must not be shared.
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGCHLD):
        signal.signal(number, signal.SIG_DFL)
    log = unpatched_os.open("%s/log/%s.log" % (folder, name), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    unpatched_os.dup2(log, 1)
    unpatched_os.dup2(log, 2)
    main, more = services[name]
    program = "nova-compute" if name.startswith("nova-compute") else name
    sys.argv[:] = [program, "--config-file", main_file] + more
    try:
        main()
    except BaseException:
        import traceback

        traceback.print_exc()
    unpatched_os._exit(1)


def start(name):
    pid = unpatched_os.fork()
    if pid == 0:
        become(name)
    running[name] = pid
    with open("%s/run/%s.pid" % (folder, name), "w") as file:
        file.write("%d\n" % pid)


def reap():
    while running:
        pid, _ = unpatched_os.waitpid(-1, os.WNOHANG)
        if pid == 0:
            return
        for name in [name for name, one in running.items() if one == pid]:
            del running[name]


def end_all(number):
    for pid in running.values():
        unpatched_os.kill(pid, number)


stopping = []
signal.signal(signal.SIGTERM, lambda *_: stopping.append(True))
while not stopping:
    down = held()
    for name in [name for name in running if name in down]:
        unpatched_os.kill(running[name], signal.SIGKILL)
    for name in services:
        if name not in running and name not in down:
            start(name)
    unpatched_time.sleep(1)
    reap()
end_all(signal.SIGTERM)
until = unpatched_time.time() + 4
while running and unpatched_time.time() < until:
    unpatched_time.sleep(0.1)
    reap()
end_all(signal.SIGKILL)
