"""Fills a pool of N VMs by cloudbrain, and makes N servers by single POSTs, in turn: `refill.py DIR BINARY N ROUNDS`.

Both do the same work on the same Nova in the same minutes: N servers from the first request to the last one that
is ACTIVE (for cloudbrain: ready in the pool, its agent heard). The direct client sends its orders eight at once,
as cloudbrain does, and looks once a second.
"""
import concurrent.futures
import os
import sys
import time

import requests

from client import ask, brain, clear, environment, login, main_file, servers

env, binary, count, rounds = environment(sys.argv[1]), os.path.abspath(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
COMPUTE = env["OS_COMPUTE_URL"]


def direct():
    headers = login(env)
    flavor = [one["id"] for one in requests.get(COMPUTE + "/flavors", headers=headers).json()["flavors"] if one["name"] == "vm.small"]

    def order(number):
        server = {"name": "direct-%d" % number, "flavorRef": flavor[0], "imageRef": env["OS_IMAGE"],
                  "networks": [{"uuid": env["OS_NETWORK"]}], "tags": ["direct"]}
        return requests.post(COMPUTE + "/servers", headers=headers, json={"server": server}).status_code

    began = time.monotonic()
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        list(pool.map(order, range(count)))
    while sum(one["status"] == "ACTIVE" for one in servers(env, headers, "direct")) < count:
        time.sleep(1)
    took = time.monotonic() - began
    clear(env, "direct")
    return took


def ours():
    pool = {"apiVersion": "cloudbrain/v1", "kind": "Pool", "flavor": "small", "ready": count, "max_total": 2 * count,
            "refill": {"per_minute": 600, "in_flight": count}}
    main = main_file(env, "refill", tick="1s", collector={"interval": "1s", "timeout": "800ms"})
    try:
        with brain(env, binary, {"cloudbrain.yaml": main, "policies/pool.yaml": pool}) as (process, _):
            return wait(process)
    finally:
        clear(env, "cloudbrain:refill")


def wait(process):
    """From the first order on: how long the brain takes to start is not the refill."""
    began = None
    while process.poll() is None:
        flavors = (ask("/api/capacity") or {}).get("flavors")
        if flavors and began is None and flavors[0]["total"] > 0:
            began = time.monotonic()
        if flavors and flavors[0]["ready"] >= count:
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
