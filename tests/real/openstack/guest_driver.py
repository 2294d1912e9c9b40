"""A hypervisor without guests, on top of Nova's own one for tests: it has a size, and can be told to fail.

DIR/guests.json is read at each boot and each end of a guest:

  boot_s       how long a guest boots, in seconds; it is BUILD/spawning until then
  fail_hosts   boots on these hypervisors fail: Nova tries others, then gives up (ERROR)
  fail_names   so do boots of guests whose name matches this expression
  hang_names   guests whose name matches boot for ever (BUILD)
"""
import json
import os
import re
import time

from nova import exception
from nova.virt import fake


def wishes():
    try:
        with open(os.environ["OPENSTACK_DIR"] + "/guests.json") as file:
            return json.load(file)
    except (OSError, ValueError):
        return {}


def matches(expression, name):
    return bool(expression) and re.search(expression, name or "") is not None


class GuestDriver(fake.FakeDriver):
    vcpus = int(os.environ.get("OPENSTACK_HOST_VCPUS", "16"))
    memory_mb = int(os.environ.get("OPENSTACK_HOST_MEMORY_MB", "32768"))
    local_gb = 1000

    def get_host_uptime(self):
        with open("/proc/uptime") as file:
            return file.read().split()[0]

    def spawn(self, context, instance, *args, **named):
        name = instance.display_name
        time.sleep(wishes().get("boot_s", 0))
        while matches(wishes().get("hang_names"), name):
            time.sleep(1)
        wish = wishes()
        if self._host in wish.get("fail_hosts", []) or matches(wish.get("fail_names"), name):
            raise exception.InstanceDeployFailure(reason="told to fail on %s" % self._host)
        return super().spawn(context, instance, *args, **named)
