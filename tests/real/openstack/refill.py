"""Fills a pool of N VMs by cloudbrain, and makes N servers by single POSTs, in turn: `refill.py DIR BINARY N ROUNDS`.

DIR is that of openstack.sh after `seed`. Both do the same work on the same Nova in the same minutes: N servers
from the first request to the last one that is ACTIVE (for cloudbrain: ready in the pool, its agent heard). The
direct client sends its orders eight at once, as cloudbrain does, and looks once a second.
"""
import concurrent.futures
import json
import os
import subprocess
import sys
import tempfile
import time

import requests

folder, binary, count, rounds = sys.argv[1], os.path.abspath(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
with open(folder + "/env") as file:
    env = dict(line.strip().split("=", 1) for line in file)
COMPUTE, PORT = env["OS_COMPUTE_URL"], 31800


def login():
    credential = {"id": env["OS_CREDENTIAL_ID"], "secret": env["OS_CREDENTIAL_SECRET"]}
    identity = {"methods": ["application_credential"], "application_credential": credential}
    answer = requests.post(env["OS_AUTH_URL"] + "/auth/tokens", json={"auth": {"identity": identity}})
    return {"X-Auth-Token": answer.headers["X-Subject-Token"], "OpenStack-API-Version": "compute 2.53"}


def servers(headers, tag):
    return requests.get(COMPUTE + "/servers/detail", headers=headers, params={"tags": tag}).json()["servers"]


def clear(headers, tag):
    for server in servers(headers, tag):
        requests.delete(COMPUTE + "/servers/" + server["id"], headers=headers)
    while servers(headers, tag):
        time.sleep(1)


def direct():
    headers = login()
    flavor = [one["id"] for one in requests.get(COMPUTE + "/flavors", headers=headers).json()["flavors"] if one["name"] == "vm.small"]

    def order(number):
        server = {"name": "direct-%d" % number, "flavorRef": flavor[0], "imageRef": env["OS_IMAGE"],
                  "networks": [{"uuid": env["OS_NETWORK"]}], "tags": ["direct"]}
        return requests.post(COMPUTE + "/servers", headers=headers, json={"server": server}).status_code

    began = time.monotonic()
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        list(pool.map(order, range(count)))
    while sum(one["status"] == "ACTIVE" for one in servers(headers, "direct")) < count:
        time.sleep(1)
    took = time.monotonic() - began
    clear(headers, "direct")
    return took


def files(where, ready):
    os.makedirs(where + "/policies", exist_ok=True)
    os.makedirs(where + "/projects", exist_ok=True)
    with open(where + "/secret", "w") as file:
        file.write(env["OS_CREDENTIAL_SECRET"])
    provider = {"name": "cloud", "auth_url": env["OS_AUTH_URL"], "credential_id": env["OS_CREDENTIAL_ID"],
                "credential_secret": "${file:secret}", "image": env["OS_IMAGE"], "networks": [env["OS_NETWORK"]],
                "flavors": {"small": "vm.small"}, "agent_port": PORT + 1, "app_port": PORT + 2}
    main = {"fleet": "refill", "listen": "127.0.0.1:%d" % PORT, "tick": "1s", "flavors": {"small": {"cores": 1}},
            "providers": [{"openstack": provider}], "deployer": {"exec": {"program": ["true"]}},
            "collector": {"interval": "1s", "timeout": "800ms"}, "people": {"ops": {"channel": "file"}},
            "channels": [{"inbox": {"name": "file", "path": "inbox"}}], "operations": ["ops"]}
    pool = {"apiVersion": "cloudbrain/v1", "kind": "Pool", "flavor": "small", "ready": ready, "max_total": 2 * count,
            "refill": {"per_minute": 600, "in_flight": count}}
    for name, content in (("cloudbrain.yaml", main), ("policies/pool.yaml", pool)):
        with open(where + "/" + name + ".new", "w") as file:
            json.dump(content, file)
        os.replace(where + "/" + name + ".new", where + "/" + name)


def ours():
    with tempfile.TemporaryDirectory() as where:
        files(where, count)
        log = open(where + "/log", "w")
        agent = subprocess.Popen([binary, "agent", "--listen", "0.0.0.0:%d" % (PORT + 1)], stderr=log)
        brain = subprocess.Popen([binary, "serve", "--config", where + "/cloudbrain.yaml"], stdout=log, stderr=log)
        try:
            return wait(brain)
        finally:
            brain.terminate()
            brain.wait()
            agent.kill()
            agent.wait()
            clear(login(), "cloudbrain:refill")


def wait(brain):
    """From the first order on: how long the brain takes to start is not the refill."""
    began = None
    while brain.poll() is None:
        try:
            pool = requests.get("http://127.0.0.1:%d/api/capacity" % PORT, timeout=5).json()["flavors"][0]
        except (requests.RequestException, LookupError):
            time.sleep(0.1)
            continue
        if began is None and pool["total"] > 0:
            began = time.monotonic()
        if pool["ready"] >= count:
            return time.monotonic() - began
        time.sleep(0.1)
    raise SystemExit("the brain ended")


direct()  # The first servers after a start take seconds longer.
pairs = []
for number in range(rounds):
    pairs.append((ours(), direct()) if number % 2 == 0 else tuple(reversed((direct(), ours()))))
    print("round %d: cloudbrain %.1f s, direct %.1f s" % (number + 1, *pairs[-1]), flush=True)
middle = sorted(ours / direct for ours, direct in pairs)[len(pairs) // 2]
print("median of the ratios: %.2f" % middle)
