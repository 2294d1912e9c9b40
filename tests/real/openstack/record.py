"""Records what the OpenStack of openstack.sh answers: `record.py DIR INTO`.

For each shape of answer that the provider must tell apart one small file, `{"status": ..., "body": ...}`:
drivers/tests/cloud plays them back. Ids and addresses are those of the run; there is no secret in them.
Whatever it makes bears the tag `record`, and is destroyed at the end.
"""
import json
import sys
import time

import requests

folder, into = sys.argv[1], sys.argv[2]
with open(folder + "/env") as file:
    env = dict(line.strip().split("=", 1) for line in file)
COMPUTE = env["OS_COMPUTE_URL"]


def token(kind, secret=None):
    credential = {"id": env["OS_%s_ID" % kind], "secret": secret or env["OS_%s_SECRET" % kind]}
    body = {"auth": {"identity": {"methods": ["application_credential"], "application_credential": credential}}}
    return requests.post(env["OS_AUTH_URL"] + "/auth/tokens", json=body)


def keep(name, answer):
    try:
        body = answer.json()
    except ValueError:
        body = answer.text
    if isinstance(body, dict) and "adminPass" in body.get("server", {}):
        body["server"]["adminPass"] = "x"
    with open("%s/%s.json" % (into, name), "w") as file:
        json.dump({"status": answer.status_code, "body": body}, file, indent=1)
        file.write("\n")
    print(name, answer.status_code)
    return answer


member, admin = (token(kind).headers["X-Subject-Token"] for kind in ("CREDENTIAL", "TOPOLOGY"))


def ask(method, path, body=None, who=member, version="2.53", base=COMPUTE):
    service = "compute" if base == COMPUTE else "placement"
    headers = {"X-Auth-Token": who, "OpenStack-API-Version": "%s %s" % (service, version), "Accept": "application/json"}
    return requests.request(method, base + path, headers=headers, json=body, timeout=120)


def order(name, flavor="vm.small", **more):
    flavors = {one["name"]: one["id"] for one in ask("GET", "/flavors").json()["flavors"]}
    server = {"name": name, "flavorRef": flavors.get(flavor, flavor), "imageRef": env["OS_IMAGE"],
              "networks": [{"uuid": env["OS_NETWORK"]}], "tags": ["record"]}
    server.update(more)
    return ask("POST", "/servers", {"server": server})


def until(server, test):
    for _ in range(120):
        answer = ask("GET", "/servers/" + server)
        if test(answer):
            return answer
        time.sleep(1)
    raise SystemExit("waited in vain for " + server)


def ours():
    return ask("GET", "/servers?tags=record").json()["servers"]


keep("credential-wrong", token("CREDENTIAL", "wrong"))
keep("token-unknown", ask("GET", "/servers", who="nonsense"))
keep("version-too-new", ask("GET", "/servers", version="2.999"))
keep("limits", ask("GET", "/limits"))
keep("hypervisors", ask("GET", "/os-hypervisors/detail?with_servers=true", who=admin))
keep("hypervisors-forbidden", ask("GET", "/os-hypervisors/detail"))
catalog = token("TOPOLOGY").json()["token"]["catalog"]
placement = [one["endpoints"][0]["url"] for one in catalog if one["type"] == "placement"][0]
resources = "/allocation_candidates?resources=VCPU:1,MEMORY_MB:2048,DISK_GB:10&limit=10"
keep("candidates", ask("GET", resources, who=admin, version="1.16", base=placement))
keep("candidates-forbidden", ask("GET", resources, version="1.16", base=placement))
keep("flavors", ask("GET", "/flavors/detail"))
made = keep("order", order("record-1")).json()["server"]["id"]
keep("order-no-such-image", order("record-2", imageRef="00000000-0000-0000-0000-000000000000"))
keep("order-no-such-network", order("record-2", networks=[{"uuid": "00000000-0000-0000-0000-000000000000"}]))
keep("order-quota", order("record-2", min_count=500))
keep("server-active", until(made, lambda answer: answer.json()["server"]["status"] == "ACTIVE"))
keep("action-in-wrong-state", ask("POST", "/servers/%s/action" % made, {"os-start": None}))
keep("page-lost", ask("GET", "/servers/detail?marker=00000000-0000-0000-0000-000000000000"))
huge = order("record-3", flavor="vm.huge").json()["server"]["id"]
keep("server-no-valid-host", until(huge, lambda answer: "fault" in answer.json()["server"]))
with open(folder + "/guests.json", "w") as file:
    json.dump({"fail_names": "record-4"}, file)
failing = order("record-4").json()["server"]["id"]
keep("server-failed", until(failing, lambda answer: "fault" in answer.json()["server"]))
with open(folder + "/guests.json", "w") as file:
    file.write("{}")
keep("destroy", ask("DELETE", "/servers/" + made))
until(made, lambda answer: answer.status_code == 404)
keep("destroy-again", ask("DELETE", "/servers/" + made))
for server in ours():
    ask("DELETE", "/servers/" + server["id"])
