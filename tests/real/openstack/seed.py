"""Fills the OpenStack of openstack.sh: `seed.py catalog`, `seed.py hosts H,...`, `seed.py seed`.

Each may be run again. `hosts` fails until each hypervisor that is not held down has reported.
"""
import json
import os
import sys

import requests

FOLDER, PASSWORD = os.environ["OPENSTACK_DIR"], os.environ["OPENSTACK_PASSWORD"]
PORTS = dict(pair.split("=") for pair in os.environ["OPENSTACK_PORTS"].split())
URL = {name: "http://127.0.0.1:%s" % port for name, port in PORTS.items()}
IDENTITY, COMPUTE, NETWORK = URL["keystone"] + "/v3", URL["nova"] + "/v2.1", URL["neutron"] + "/v2.0"
SERVICES = [("nova", "compute", "/v2.1"), ("placement", "placement", ""), ("glance", "image", ""), ("neutron", "network", "")]
# Name, VCPUs, MiB, GiB. No host is large enough for the last, and the quota is.
FLAVORS = [("vm.small", 1, 2048, 10), ("vm.large", 4, 8192, 40), ("vm.huge", 20, 2048, 10)]


class Session:
    def __init__(self, user, project):
        domain = {"id": "default"}
        who = {"name": user, "domain": domain, "password": PASSWORD}
        answer = requests.post(IDENTITY + "/auth/tokens", json={"auth": {
            "identity": {"methods": ["password"], "password": {"user": who}},
            "scope": {"project": {"name": project, "domain": domain}}}})
        answer.raise_for_status()
        self.user = answer.json()["token"]["user"]["id"]
        self.headers = {"X-Auth-Token": answer.headers["X-Subject-Token"], "OpenStack-API-Version": "compute 2.53"}

    def call(self, method, url, body=None, **named):
        answer = requests.request(method, url, headers=self.headers, json=body, **named)
        if answer.status_code >= 300:
            raise SystemExit("%s %s: %s %s" % (method, url, answer.status_code, answer.text[:500]))
        return answer.json() if answer.content else {}

    def ensure(self, url, kind, name, **fields):
        """Whatever of this kind has the name; made if there is none."""
        plural = url.rsplit("/", 1)[1]
        for known in self.call("GET", url, params={"name": name})[plural]:
            if known["name"] == name:
                return known
        return self.call("POST", url, {kind: dict(fields, name=name)})[kind]

    def grant(self, role, project, user):
        roles = {known["name"]: known["id"] for known in self.call("GET", IDENTITY + "/roles")["roles"]}
        self.call("PUT", "%s/projects/%s/users/%s/roles/%s" % (IDENTITY, project, user, roles[role]))


def catalog():
    admin = Session("admin", "admin")
    project = admin.ensure(IDENTITY + "/projects", "project", "service", domain_id="default")["id"]
    for name, kind, path in SERVICES:
        user = admin.ensure(IDENTITY + "/users", "user", name, domain_id="default", password=PASSWORD)["id"]
        admin.grant("admin", project, user)
        service = admin.ensure(IDENTITY + "/services", "service", name, type=kind)["id"]
        known = admin.call("GET", IDENTITY + "/endpoints", params={"service_id": service})["endpoints"]
        for interface in {"public", "internal", "admin"} - {one["interface"] for one in known}:
            admin.call("POST", IDENTITY + "/endpoints", {"endpoint": {
                "interface": interface, "region_id": "RegionOne", "service_id": service, "url": URL[name] + path}})


def hosts(names):
    admin = Session("admin", "admin")
    services = admin.call("GET", COMPUTE + "/os-services", params={"binary": "nova-compute"})["services"]
    up = {service["host"] for service in services if service["state"] == "up"}
    listed = {one["service"]["host"] for one in admin.call("GET", COMPUTE + "/os-hypervisors/detail")["hypervisors"]}
    # Neutron 21 answers 500 to questions about ports until it was asked about networks.
    admin.call("GET", NETWORK + "/networks", params={"limit": 1})
    try:
        with open(FOLDER + "/run/held") as file:
            held = {line.strip() for line in file}
    except OSError:
        held = set()
    return set(names.split(",")) - held <= up & listed


def credential(session, label, role):
    """An application credential. Its secret is told once, so one of which we lack it is made anew."""
    path, url = "%s/credential-%s.json" % (FOLDER, label), "%s/users/%s/application_credentials" % (IDENTITY, session.user)
    known = [one for one in session.call("GET", url)["application_credentials"] if one["name"] == label]
    if known and os.path.exists(path):
        with open(path) as file:
            return json.load(file)
    for one in known:
        session.call("DELETE", url + "/" + one["id"])
    made = session.call("POST", url, {"application_credential": {"name": label, "roles": [{"name": role}]}})
    made = {key: made["application_credential"][key] for key in ("id", "secret")}
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        json.dump(made, file)
    return made


def image(admin):
    url = URL["glance"] + "/v2/images"
    for known in admin.call("GET", url, params={"name": "guest"})["images"]:
        return known["id"]
    made = admin.call("POST", url, {"name": "guest", "disk_format": "raw", "container_format": "bare", "visibility": "public"})
    headers = dict(admin.headers, **{"Content-Type": "application/octet-stream"})
    requests.put("%s/%s/file" % (url, made["id"]), headers=headers, data=bytes(4096)).raise_for_status()
    return made["id"]


def seed():
    admin = Session("admin", "admin")
    project = admin.ensure(IDENTITY + "/projects", "project", "fleet", domain_id="default")["id"]
    user = admin.ensure(IDENTITY + "/users", "user", "fleet", domain_id="default", password=PASSWORD)["id"]
    admin.grant("member", project, user)
    flavors = {known["name"] for known in admin.call("GET", COMPUTE + "/flavors")["flavors"]}
    for name, vcpus, ram, disk in FLAVORS:
        if name not in flavors:
            admin.call("POST", COMPUTE + "/flavors", {"flavor": {"name": name, "vcpus": vcpus, "ram": ram, "disk": disk}})
    quota = {"instances": int(os.environ.get("OPENSTACK_INSTANCES", "60")), "cores": 200, "ram": 400000}
    admin.call("PUT", "%s/os-quota-sets/%s" % (COMPUTE, project), {"quota_set": quota})
    member = Session("fleet", "fleet")
    network = member.ensure(NETWORK + "/networks", "network", "fleet")["id"]
    member.ensure(NETWORK + "/subnets", "subnet", "fleet", network_id=network, ip_version=4, cidr="127.77.0.0/16", enable_dhcp=False)
    ours, theirs = credential(member, "fleet", "member"), credential(admin, "topology", "admin")
    said = {
        "OS_AUTH_URL": IDENTITY, "OS_COMPUTE_URL": COMPUTE, "OS_PROJECT_ID": project, "OS_IMAGE": image(admin), "OS_NETWORK": network,
        "OS_CREDENTIAL_ID": ours["id"], "OS_CREDENTIAL_SECRET": ours["secret"],
        "OS_TOPOLOGY_ID": theirs["id"], "OS_TOPOLOGY_SECRET": theirs["secret"],
    }
    with open(os.open(FOLDER + "/env", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.writelines("%s=%s\n" % pair for pair in said.items())
    return True


def servers():
    """Prints what there is in the project of the fleet, by its own account."""
    headers = Session("fleet", "fleet").headers
    answer = requests.get(COMPUTE + "/servers/detail", headers=headers, timeout=60)
    answer.raise_for_status()
    for server in answer.json()["servers"]:
        vm = server["metadata"].get("cloudbrain-vm", "-")
        print(vm, server["status"], server["id"])


commands = {"catalog": catalog, "hosts": hosts, "seed": seed, "servers": servers}
sys.exit(0 if commands[sys.argv[1]](*sys.argv[2:]) is not False else 1)
