"""What refill.py and serve.py share: the OpenStack of openstack.sh, and a brain on it.

Both are run as `X.py DIR BINARY ...`; DIR is that of openstack.sh after `seed`.
"""
import contextlib
import json
import os
import subprocess
import tempfile
import time

import requests

PORT = 31800  # The brain; the agents and the programs of VMs have the two after it, its router the next.


def environment(folder):
    with open(folder + "/env") as file:
        return dict(line.strip().split("=", 1) for line in file)


def login(env):
    credential = {"id": env["OS_CREDENTIAL_ID"], "secret": env["OS_CREDENTIAL_SECRET"]}
    identity = {"methods": ["application_credential"], "application_credential": credential}
    answer = requests.post(env["OS_AUTH_URL"] + "/auth/tokens", json={"auth": {"identity": identity}})
    return {"X-Auth-Token": answer.headers["X-Subject-Token"], "OpenStack-API-Version": "compute 2.53"}


def servers(env, headers, tag):
    url = env["OS_COMPUTE_URL"] + "/servers/detail"
    return requests.get(url, headers=headers, params={"tags": tag}).json()["servers"]


def clear(env, tag):
    headers = login(env)
    for server in servers(env, headers, tag):
        requests.delete(env["OS_COMPUTE_URL"] + "/servers/" + server["id"], headers=headers)
    while servers(env, headers, tag):
        time.sleep(1)


def put(path, content):
    """JSON is YAML. Whole or not at all: the brain may read at any moment."""
    with open(path + ".new", "w") as file:
        json.dump(content, file)
    os.replace(path + ".new", path)


def main_file(env, fleet, **more):
    provider = {"name": "cloud", "auth_url": env["OS_AUTH_URL"], "credential_id": env["OS_CREDENTIAL_ID"],
                "credential_secret": "${file:secret}", "image": env["OS_IMAGE"], "networks": [env["OS_NETWORK"]],
                "flavors": {"small": "vm.small"}, "agent_port": PORT + 1, "app_port": PORT + 2}
    return {"fleet": fleet, "listen": "127.0.0.1:%d" % PORT, "flavors": {"small": {"cores": 1}},
            "providers": [{"openstack": provider}], "deployer": {"exec": {"program": ["true"]}},
            "people": {"ops": {"channel": "file"}}, "channels": [{"inbox": {"name": "file", "path": "inbox"}}],
            "operations": ["ops"], **more}


@contextlib.contextmanager
def brain(env, binary, files):
    """One that runs on these files, with the one agent that answers at each address of a guest: (process, folder)."""
    with tempfile.TemporaryDirectory() as where:
        os.makedirs(where + "/policies")
        os.makedirs(where + "/projects")
        with open(where + "/secret", "w") as file:
            file.write(env["OS_CREDENTIAL_SECRET"])
        for name, content in files.items():
            put(where + "/" + name, content)
        log = open(where + "/log", "w")
        agent = subprocess.Popen([binary, "agent", "--listen", "0.0.0.0:%d" % (PORT + 1)], stderr=log)
        process = subprocess.Popen([binary, "serve", "--config", where + "/cloudbrain.yaml"], stdout=log, stderr=log)
        try:
            yield process, where
        except BaseException:
            with open(where + "/log") as log:
                print("".join(log.readlines()[-20:]))
            raise
        finally:
            process.terminate()
            process.wait()
            agent.kill()
            agent.wait()
            subprocess.run(["pkill", "-f", "router --folder " + where])  # It outlives its brain, as it must.


def ask(path):
    """None while it does not answer."""
    try:
        return requests.get("http://127.0.0.1:%d%s" % (PORT, path), timeout=5).json()
    except requests.RequestException:
        return None
