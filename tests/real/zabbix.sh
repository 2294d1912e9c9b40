#!/usr/bin/env bash
# A real Zabbix on loopback, for tests: PostgreSQL, server, web API, one agent.
#
#   zabbix.sh install        installs the Debian packages; nothing is started
#   zabbix.sh up DIR         starts everything; waits until it answers; writes DIR/env
#   zabbix.sh seed DIR       makes hosts, items and triggers; writes DIR/token
#   zabbix.sh web DIR up|down   starts or stops only the web server before the API
#   zabbix.sh down DIR       stops what `up` started, and nothing else
#
# Wants root, and a DIR that other users may enter. Writes nothing outside of DIR. Its ports are
# ZABBIX_PORT and the two after it, 28100 if that is not set.
set -euo pipefail

command=${1:?"what to do: install, up, seed, web, down"}
host=127.0.0.1
port=${ZABBIX_PORT:-28100}
trapper=$port api=$((port + 1)) agent=$((port + 2))
url="http://$host:$api/api_jsonrpc.php"

die() { printf 'zabbix.sh: %s\n' "$*" >&2; exit 1; }
# Most of what is started here says nothing, or says it to a log.
set -E
trap 'printf "zabbix.sh: line %s failed: %s\n" "$LINENO" "$BASH_COMMAND" >&2; tail -n 5 "${dir:-/nowhere}"/log/*.log >&2 2>/dev/null' ERR
as() { local user=$1; shift; setpriv --reuid="$user" --regid="$(id -g "$user")" --init-groups "$@"; }
wait_for() {
    local what=$1 until=$((SECONDS + 120)); shift
    until "$@" >/dev/null 2>&1; do
        [ $SECONDS -lt $until ] || die "$what does not answer"
        sleep 0.2
    done
}

install_packages() {
    # Naming php8.2-fpm keeps apt from choosing Apache as the web server.
    local packages=(postgresql zabbix-server-pgsql zabbix-frontend-php php8.2-fpm php8.2-pgsql
        nginx zabbix-agent curl jq)
    local missing=() package
    for package in "${packages[@]}"; do
        dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q ' installed$' ||
            missing+=("$package")
    done
    [ ${#missing[@]} -gt 0 ] || return 0
    export DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 # RUNLEVEL=1: no service is started.
    apt-get -o DPkg::Lock::Timeout=600 update -qq
    apt-get -o DPkg::Lock::Timeout=600 install -y -qq --no-install-recommends "${missing[@]}" >&2
}

if [ "$command" = install ]; then
    install_packages
    exit
fi
dir=${2:?"a folder"}
# After `up`, the ports are those that were chosen then.
if [ "$command" != up ] && [ -s "$dir/env" ]; then
    # shellcheck source=/dev/null
    . "$dir/env"
fi

# ---- up and down ---------------------------------------------------------------------------
sql() { psql -X -q -v ON_ERROR_STOP=1 -h "$dir/pg" -U "$1" -d "$2" "${@:3}"; }

start_database() {
    local bin
    bin=$(dirname "$(ls /usr/lib/postgresql/*/bin/initdb | tail -n1)")
    install -d -o postgres "$dir/pg"
    as postgres "$bin/initdb" -D "$dir/pg/data" -A trust -U postgres -E UTF8 --locale=C.UTF-8 \
        --no-sync >"$dir/log/initdb.log" 2>&1
    # No port: all speak through the socket. No fsync: the data is thrown away.
    as postgres "$bin/pg_ctl" -D "$dir/pg/data" -w -t 60 -l "$dir/pg/log" -o \
        "-c listen_addresses= -k $dir/pg -c fsync=off -c full_page_writes=off \
         -c synchronous_commit=off -c shared_buffers=128MB" start >/dev/null
    sql postgres postgres -c 'create role zabbix login' -c 'create database zabbix owner zabbix'
    local file
    for file in schema images data; do
        zcat "/usr/share/zabbix-server-pgsql/$file.sql.gz" | sql zabbix zabbix >/dev/null
    done
    # Without statistics a single host.create takes over a minute.
    sql postgres zabbix -c analyze
}

write_configuration() {
    cat >"$dir/server.conf" <<E
ListenIP=$host
ListenPort=$trapper
LogFile=$dir/log/server.log
PidFile=$dir/run/server.pid
SocketDir=$dir/run
DBHost=$dir/pg
DBName=zabbix
DBUser=zabbix
CacheUpdateFrequency=1
ProblemHousekeepingFrequency=2
Timeout=4
StartDBSyncers=4
StartTrappers=5
StartPollers=2
StartPollersUnreachable=1
StartPreprocessors=1
StartPingers=0
StartDiscoverers=0
StartHTTPPollers=0
StartAlerters=1
StartLLDProcessors=1
ExportDir=$dir/export
ExportType=events
E
    cat >"$dir/agent.conf" <<E
Server=$host
ListenIP=$host
ListenPort=$agent
StartAgents=1
Hostname=real-agent
LogFile=$dir/log/agent.log
PidFile=$dir/run/agent.pid
E
    # The web interface reads its settings from one fixed place, so a copy of it is served.
    cp -rL /usr/share/zabbix "$dir/web" 2>/dev/null || [ -s "$dir/web/api_jsonrpc.php" ]
    sed -i "s#CONFIG_FILE_PATH = .*#CONFIG_FILE_PATH = '$dir/zabbix.conf.php';#" \
        "$dir/web/include/classes/core/CConfigFile.php"
    cat >"$dir/zabbix.conf.php" <<E
<?php
\$DB['TYPE'] = 'POSTGRESQL'; \$DB['SERVER'] = '$dir/pg'; \$DB['PORT'] = '0';
\$DB['DATABASE'] = 'zabbix'; \$DB['USER'] = 'zabbix'; \$DB['PASSWORD'] = ''; \$DB['SCHEMA'] = '';
\$DB['ENCRYPTION'] = false; \$DB['DOUBLE_IEEE754'] = true;
\$ZBX_SERVER = '$host'; \$ZBX_SERVER_PORT = '$trapper'; \$ZBX_SERVER_NAME = 'test';
\$IMAGE_FORMAT_DEFAULT = IMAGE_FORMAT_PNG;
E
    cat >"$dir/fpm.conf" <<E
[global]
pid = $dir/run/fpm.pid
error_log = $dir/log/fpm.log
[zabbix]
user = www-data
group = www-data
listen = $dir/run/fpm.sock
listen.owner = www-data
pm = static
pm.max_children = 2
php_admin_value[memory_limit] = 256M
php_admin_value[post_max_size] = 32M
php_admin_value[max_execution_time] = 300
php_admin_value[date.timezone] = UTC
E
    cat >"$dir/nginx.conf" <<E
user www-data;
worker_processes 1;
pid $dir/run/nginx.pid;
error_log $dir/log/nginx.log;
events { worker_connections 128; }
http {
  access_log off;
  client_max_body_size 32m;
  client_body_temp_path $dir/run/body; fastcgi_temp_path $dir/run/fastcgi;
  proxy_temp_path $dir/run/proxy; uwsgi_temp_path $dir/run/uwsgi; scgi_temp_path $dir/run/scgi;
  server {
    listen $host:$api;
    root $dir/web;
    location ~ \\.php\$ {
      fastcgi_pass unix:$dir/run/fpm.sock;
      include /etc/nginx/fastcgi_params;
      fastcgi_param SCRIPT_FILENAME \$document_root\$fastcgi_script_name;
      fastcgi_buffers 64 64k;
    }
  }
}
E
}

api_answers() {
    curl -fsS -m 5 -H 'Content-Type: application/json-rpc' "$url" \
        -d '{"jsonrpc":"2.0","method":"apiinfo.version","params":[],"id":1}' | jq -er .result
}
trapper_answers() { (exec 3<>"/dev/tcp/$host/$trapper") 2>/dev/null; }
web_up() { nginx -c "$dir/nginx.conf" -e "$dir/log/nginx.log" </dev/null >/dev/null 2>&1; }

up() {
    [ "$(id -u)" = 0 ] || die "wants root, to become the users of each program"
    mkdir -p "$dir"
    chmod 755 "$dir"
    install -d -m 777 "$dir"/{log,run,export}
    printf 'trapper=%s\napi=%s\nagent=%s\nurl=%s\n' "$trapper" "$api" "$agent" "$url" >"$dir/env"
    start_database
    write_configuration
    as zabbix /usr/sbin/zabbix_server -c "$dir/server.conf" </dev/null >/dev/null 2>&1
    as zabbix /usr/sbin/zabbix_agentd -c "$dir/agent.conf" </dev/null >/dev/null 2>&1
    /usr/sbin/php-fpm8.2 -y "$dir/fpm.conf" -D >/dev/null 2>&1
    wait_for PHP test -S "$dir/run/fpm.sock"
    web_up
    wait_for "the server" trapper_answers
    wait_for "the API" api_answers
}

# Stops the process of a pid file, if it is ours: its command line names our folder.
stop() {
    local pid signal=${2:-TERM}
    [ -s "$1" ] || return 0
    pid=$(head -n1 "$1" | tr -d ' ')
    tr '\0' ' ' <"/proc/$pid/cmdline" 2>/dev/null | grep -qF -- "$dir" || return 0
    kill "-$signal" "$pid"
    for _ in $(seq 200); do
        [ -d "/proc/$pid" ] || return 0
        sleep 0.1
    done
    kill -KILL "$pid"
}

down() {
    stop "$dir/run/nginx.pid"
    stop "$dir/run/fpm.pid"
    stop "$dir/run/agent.pid"
    stop "$dir/run/server.pid"
    stop "$dir/pg/data/postmaster.pid" INT
}

# ---- seed ----------------------------------------------------------------------------------
token=
call() { # METHOD < params
    local reply
    reply=$(jq -c --arg m "$1" --arg a "$token" \
        '{jsonrpc: "2.0", method: $m, params: ., id: 1} + (if $a == "" then {} else {auth: $a} end)' |
        curl -fsS -H 'Content-Type: application/json-rpc' "$url" --data-binary @-)
    jq -e 'has("error") | not' >/dev/null <<<"$reply" || die "$1: $reply"
    jq -c .result <<<"$reply"
}
group() { jq -nc --arg n "$1" '{name: $n}' | call hostgroup.create | jq -r '.groupids[0]'; }

# type 2 is a trapper, 0 a passive agent; value_type 0 is a float, 3 unsigned, 1 a text
vm_items() {
    jq -nc --arg h "$1" '[
        ["CPU", "system.cpu.util", 0, "%"], ["Load", "system.cpu.load[all,avg1]", 0, ""],
        ["Cores", "system.cpu.num", 3, ""], ["Disk", "vfs.fs.size[/,pused]", 0, "%"],
        ["Received", "net.if.in[eth0]", 3, "bps"], ["Hypervisor", "vm.hv.name", 1, ""]
      ] + [range(80) | ["Storm \(.)", "storm[\(.)]", 3, ""]]
      | map({hostid: $h, name: .[0], key_: .[1], value_type: .[2], units: .[3], type: 2}
            + (if .[1] == "vm.hv.name" then {trends: "0"} else {} end))'
}
vm_triggers() {
    jq -nc --arg t "$1" '[
        {description: "Load is high", expression: "last(/\($t)/system.cpu.load[all,avg1])>8", priority: 4},
        {description: "CPU is busy", expression: "last(/\($t)/system.cpu.util)>90", priority: 3},
        {description: "Disk is full", expression: "last(/\($t)/vfs.fs.size[/,pused])>90", priority: 2, type: 1}
      ] + [range(80) | {description: "Storm \(.)", expression: "last(/\($t)/storm[\(.)])>5", priority: 2}]'
}
all_hosts() {
    jq -nc --argjson groups "$1" --arg template "$2" --arg agent "$agent" '
        [range(1; 3) | {host: "hv0\(.).dc1.example", name: "hv0\(.)",
            groups: [{groupid: $groups["Hypervisors"]}], inventory_mode: 0,
            inventory: {type: "Hypervisor", site_rack: "rack-\(.)"},
            tags: [{tag: "role", value: "hypervisor"}]}]
        + [range(1; 19) | . as $n | ["shop/web", "shop/api", "pay/db"][$n % 3] as $whole
          | ($whole | split("/")) as [$project, $own]
          | {host: "vm\($n)", name: "\($project) \($own) \($n)", templates: [{templateid: $template}],
             groups: [{groupid: $groups["Virtual machines"]}, {groupid: $groups[$whole]}],
             inventory_mode: 0, inventory: {type: "VM", location: "hv0\(1 + $n % 2)"},
             tags: (if $n > 12 then [] else [{tag: "role", value: "vm"},
                {tag: "project", value: $project}, {tag: "module", value: $own}] end)}]
        + [{host: "mysql-1", name: "mysql-1", groups: [{groupid: $groups["Other"]}],
            tags: [{tag: "role", value: "database"}, {tag: "kind", value: "mysql"}]},
           {host: "printer", name: "Printer on floor 3", groups: [{groupid: $groups["Other"]}]},
           {host: "real-agent", name: "real-agent", groups: [{groupid: $groups["Virtual machines"]}],
            interfaces: [{type: 1, main: 1, useip: 1, ip: "127.0.0.1", dns: "", port: $agent}]}]'
}

seed() {
    token=$(jq -nc '{username: "Admin", password: "zabbix"}' | call user.login | jq -r .)
    local groups='{}' name template id
    for name in "Virtual machines" Hypervisors Other shop/web shop/api pay/db; do
        id=$(jq -nc --arg n "$name" '{output: ["groupid"], filter: {name: [$n]}}' |
            call hostgroup.get | jq -r '.[0].groupid // empty')
        groups=$(jq -c --arg n "$name" --arg g "${id:-$(group "$name")}" '.[$n] = $g' <<<"$groups")
    done
    template=$(jq -c '{host: "Test VM", groups: [{groupid: .Other}]}' <<<"$groups" |
        call template.create | jq -r '.templateids[0]')
    vm_items "$template" | call item.create >/dev/null
    vm_triggers "Test VM" | call trigger.create >/dev/null
    all_hosts "$groups" "$template" | call host.create >/dev/null
    seed_agent
    sql postgres zabbix -c analyze
    id=$(jq -nc '{name: "test", userid: "1"}' | call token.create | jq -r '.tokenids[0]')
    jq -nc --arg id "$id" '[$id]' | call token.generate | jq -r '.[0].token' >"$dir/token"
    wait_for "a value for the last host" knows_last_host
}

# Items that the server polls from the real agent; the last key is one that no agent knows.
seed_agent() {
    local host_id interface
    read -r host_id interface < <(jq -nc \
        '{output: ["hostid"], filter: {host: ["real-agent"]}, selectInterfaces: ["interfaceid"]}' |
        call host.get | jq -r '.[0] | "\(.hostid) \(.interfaces[0].interfaceid)"')
    jq -nc --arg h "$host_id" --arg i "$interface" '[
        ["system.uptime", 3, "uptime"], ["system.cpu.load[percpu,avg1]", 0, ""],
        ["vm.memory.size[total]", 3, "B"], ["vfs.dev.util[nosuch]", 0, "%"]]
      | map({hostid: $h, interfaceid: $i, name: .[0], key_: .[0], value_type: .[1], units: .[2],
             type: 0, delay: "1s"})' | call item.create >/dev/null
}
# Values for items that the server does not know yet are lost, so it is asked until it does.
knows_last_host() {
    zabbix_sender -z "$host" -p "$trapper" -s vm18 -k system.cpu.num -o 4 | grep -q 'processed: 1;'
}

case "$command" in
    up | down | seed) "$command" ;;
    web)
        case "${3:-}" in
            up) web_up && wait_for "the API" api_answers ;;
            down) stop "$dir/run/nginx.pid" ;;
            *) die "web up or down?" ;;
        esac
        ;;
    *) die "$command is none of install, up, seed, web, down" ;;
esac
