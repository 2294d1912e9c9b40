"""From a decision to the first answer of a VM that waited in the pool: `serve.py DIR BINARY N ROUNDS`.

The VMs are servers of the real Nova, N of them taken at once, ROUNDS times. Their guests are made up: one program
answers at all their addresses, and says at which it was asked. Requests come through the built-in router at 200
a second, so an answer is seen within 5 ms of the moment at which a user could have had it. In each second round
Nova's API is frozen from before the decision until all serve: nothing on that way may wait for it.
"""
import http.server
import os
import signal
import subprocess
import sys
import threading
import time

import requests

from client import PORT, ask, brain, clear, environment, login, main_file, put, servers

env, binary, count, rounds = environment(sys.argv[1]), os.path.abspath(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
ROUTER = "http://127.0.0.1:%d/" % (PORT + 3)
CALM = 1


class Guest(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = self.connection.getsockname()[0].encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class Load(threading.Thread):
    """When each address answered first, in seconds since 1970."""

    def __init__(self):
        super().__init__(daemon=True)
        self.first, self.asked, self.failed = {}, 0, 0

    def run(self):
        while True:
            began = time.time()
            try:
                answer = requests.get(ROUTER, headers={"Host": "shop.example.com"}, timeout=5)
                self.asked, self.failed = self.asked + 1, self.failed + (answer.status_code != 200)
                self.first.setdefault(answer.text, time.time())
            except requests.RequestException:
                self.failed += 1
            time.sleep(max(0.0, 0.005 - (time.time() - began)))


def policy(wanted):
    return {"apiVersion": "cloudbrain/v1", "kind": "ScalingPolicy", "module": "shop/web", "flavor": "small", "mode": "auto",
            "capacity": {"min": wanted, "max": wanted},
            "pace": {"out": {"max_step": count, "settle": "0s", "max_in_flight": count},
                     "in": {"max_step": count, "stabilise": "0s", "cooldown": "0s"},
                     "create": {"per_hour": 10000}},
            "health": {"ready": {"http": "/ready", "every": "100ms", "timeout": "90ms", "pass": 1, "fail": 20, "deadline": "60s"}},
            "drain": {"timeout": "2s", "kill_after": "1s"}, "terminate": {"young": "0s"}}


def files():
    main = main_file(env, "serve", tick="500ms", routers=[{"builtin": {"name": "edge", "listen": "127.0.0.1:%d" % (PORT + 3)}}],
                     collector={"interval": "1s", "timeout": "900ms"}, brake={"share": "100%", "within": "1s"})
    pool = {"apiVersion": "cloudbrain/v1", "kind": "Pool", "flavor": "small", "ready": count, "max_total": 3 * count,
            "refill": {"per_minute": 600, "in_flight": count}}
    project = {"apiVersion": "cloudbrain/v1", "kind": "Project", "name": "shop", "domains": ["shop.example.com"],
               "modules": [{"name": "web", "program": ["server"]}]}
    return {"cloudbrain.yaml": main, "policies/pool.yaml": pool, "policies/web.yaml": policy(CALM), "projects/shop.yaml": project}


def states():
    overview = ask("/api/overview") or {"hosts": []}
    vms = [vm for host in overview["hosts"] for vm in host["vms"]] + overview.get("unplaced", [])
    found = {}
    for vm in vms:
        found.setdefault(vm["state"], set()).add(vm["id"])
    return found


def wait(process, what, serving, pool=count):
    for _ in range(6000):
        if process.poll() is not None:
            raise SystemExit("the brain ended")
        now = states()
        moving = sum(len(now.get(state, ())) for state in ("reserved", "deploying", "ready", "draining"))
        if len(now.get("serving", ())) == serving and len(now.get("pool", ())) >= pool and moving == 0:
            return now["serving"]
        time.sleep(0.1)
    raise SystemExit("waited in vain for %s: %s" % (what, states()))


def bounds(process, where, wanted):
    put(where + "/policies/web.yaml", policy(wanted))
    process.send_signal(signal.SIGHUP)


def freeze(do):
    subprocess.run([os.path.dirname(os.path.abspath(__file__)) + ".sh", "service", sys.argv[1], "nova-api", do], check=True)


def grow(process, where, is_frozen):
    before = wait(process, "a full pool", CALM)
    address = addresses()
    if is_frozen:
        freeze("stop")
    try:
        load.first = {}
        bounds(process, where, CALM + count)
        new = wait(process, "more to serve", CALM + count, pool=0) - before
        while not all(address[vm] in load.first for vm in new):
            time.sleep(0.05)
        return list(parts(address, new))
    finally:
        if is_frozen:
            freeze("go")


def parts(address, new):
    decisions = ask("/api/decisions?module=shop/web&limit=20")
    decided = next(one["at"] for one in decisions if one["to"] > one["from"])
    moves = {}
    for row in ask("/api/journal?limit=1000&from=%d" % decided):
        if (row.get("object") or "").startswith("vm/"):
            moves[(row["object"][3:], row["what"])] = row["at"]
    for vm in new:
        start, ready = moves[(vm, "vm deploying")], moves[(vm, "vm ready")]
        answered = load.first[address[vm]] * 1000
        yield answered - decided, start - decided, ready - start, answered - ready


def addresses():
    known = servers(env, login(env), "cloudbrain:serve")
    return {one["name"][len("cr-serve-"):]: net[0]["addr"] for one in known for net in one["addresses"].values()}


def told(name, values):
    values = sorted(values)
    at = lambda share: values[min(len(values) * share // 100, len(values) - 1)]
    print("%-44s %5.0f ms in the middle, %5.0f ms at p90, %5.0f ms at worst" % (name, at(50), at(90), values[-1]))


threading.Thread(target=http.server.ThreadingHTTPServer(("0.0.0.0", PORT + 2), Guest).serve_forever, daemon=True).start()
found = {False: [], True: []}
try:
    with brain(env, binary, files()) as (process, where):
        wait(process, "the first to serve", CALM)
        load = Load()
        load.start()
        for number in range(rounds):
            found[number % 2 == 1] += grow(process, where, number % 2 == 1)
            bounds(process, where, CALM)
            print("round %d: %d requests, %d failed" % (number + 1, load.asked, load.failed), flush=True)
        wait(process, "the rest to be gone", CALM)
finally:
    clear(env, "cloudbrain:serve")
for is_frozen, waits in found.items():
    print("Nova's API is frozen:" if is_frozen else "Nova's API answers:")
    whole, start, ready, router = zip(*waits)
    told("decision to first answer", whole)
    told("of it until its start is ordered", start)
    told("of it until its program is seen to be ready", ready)
    told("of it router, until the first answer", router)
    told("over router and readiness", [one - ready - router for one, _, ready, router in waits])
