#!/usr/bin/env bash
# A real OpenStack control plane on loopback, for tests: Keystone, Placement, Glance, Neutron, Nova
# (Debian 12 has Zed). Every call, token, quota, placement and state is real; the guests are not.
#
#   openstack.sh install            installs the Debian packages; nothing is started
#   openstack.sh up DIR             makes the databases the first time, starts everything, waits
#   openstack.sh seed DIR           project, flavors, image, network, quota, credentials; DIR/env
#   openstack.sh host DIR H up|down     the nova-compute of one hypervisor
#   openstack.sh service DIR S stop|go  freezes a service as a hung one is, or lets it go on:
#                                       keystone, placement, glance, neutron, rabbit, nova-api, ...
#   openstack.sh servers DIR        what there is, by Nova's word: VM, status and id, a line each
#   openstack.sh guests DIR JSON    how guests boot and fail; see guest_driver.py
#   openstack.sh down DIR           stops what `up` started, and nothing else; the data stay
#
# Wants root. Writes nothing outside of DIR. Its ports are OPENSTACK_PORT and the eight after it,
# 28200 if that is not set. Servers get addresses of 127.77.0.0/16, so that a test can stand in for
# their guests on this very machine.
set -euo pipefail

command=${1:?"what to do: install, up, seed, servers, host, service, guests, down"}
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)/openstack
python=/usr/bin/python3 # Debian's own: its packages are there, and in no other Python.
hosts=${OPENSTACK_HOSTS:-hyp-1,hyp-2,hyp-3}
token_seconds=${OPENSTACK_TOKEN_SECONDS:-3600}
password=loopback

die() { printf 'openstack.sh: %s\n' "$*" >&2; exit 1; }
set -E
trap 'printf "openstack.sh: line %s failed: %s\n" "$LINENO" "$BASH_COMMAND" >&2; tail -n 5 "${dir:-/nowhere}"/log/*.log >&2 2>/dev/null' ERR

install_packages() {
    # The libraries only: the packages of the daemons would ask questions and start by themselves.
    local packages=(python3-nova python3-keystone python3-placement python3-glance python3-neutron
        python3-pymysql uwsgi-core uwsgi-plugin-python3 rabbitmq-server mariadb-server-core
        mariadb-client-core curl)
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
# After the first `up`, the ports and hosts are those that were chosen then.
if [ -s "$dir/chosen" ]; then
    # shellcheck source=/dev/null
    . "$dir/chosen"
else
    port=${OPENSTACK_PORT:-28200}
fi
keystone=$port placement=$((port + 1)) glance=$((port + 2)) nova=$((port + 3))
neutron=$((port + 4)) rabbit=$((port + 5)) distribution=$((port + 6)) names=$((port + 7))
export OPENSTACK_DIR=$dir OPENSTACK_PASSWORD=$password OPENSTACK_PORTS="keystone=$keystone \
placement=$placement glance=$glance nova=$nova neutron=$neutron"

# ---- processes -----------------------------------------------------------------------------
is_up() { [ -s "$dir/run/$1.pid" ] && kill -0 "$(cat "$dir/run/$1.pid")" 2>/dev/null; }
wait_for() {
    local what=$1 until=$((SECONDS + 180)); shift
    until "$@" >/dev/null 2>&1; do
        [ $SECONDS -lt $until ] || die "$what does not answer"
        sleep 0.2
    done
}
# Each in a session of its own, so that all that it starts can be found again.
start() {
    local name=$1; shift
    ! is_up "$name" || return 0
    setsid "$@" >>"$dir/log/$name.log" 2>&1 </dev/null &
    echo $! >"$dir/run/$name.pid"
}
stop() {
    local pid patience=$((${2:-8} * 10))
    [ -s "$dir/run/$1.pid" ] || return 0
    pid=$(cat "$dir/run/$1.pid")
    # A number is used again: only what still has our folder before it is ours. Some write over their
    # environment, some over their arguments.
    if { tr '\0' '\n' <"/proc/$pid/environ"; tr '\0' '\n' <"/proc/$pid/cmdline"; } 2>/dev/null |
        grep -F "$dir" >/dev/null; then
        kill -CONT -- "-$pid" 2>/dev/null || true
        kill -TERM "$pid" 2>/dev/null || true
        while kill -0 "$pid" 2>/dev/null && [ $patience -gt 0 ]; do
            sleep 0.1
            patience=$((patience - 1))
        done
        kill -KILL -- "-$pid" 2>/dev/null || true
    fi
    rm -f "$dir/run/$1.pid"
}
listens() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }
# What answers may be another's.
serves() { is_up "$1" && answers "$2"; }
answers() { [ "$(curl -s -o /dev/null -m 5 -w '%{http_code}' "http://127.0.0.1:$1/")" != 000 ]; }
manage() { # MODULE NAME ARGUMENTS...: a management command, without its Debian wrapper
    local module=$1 name=$2; shift 2
    PYTHONPATH=$dir/python "$python" -c \
        "import sys; sys.argv[0] = '$name'; from $module import main; main()" "$@"
}

# ---- configuration -------------------------------------------------------------------------
database() { echo "mysql+pymysql://root@localhost/$1?unix_socket=$dir/run/mariadb.sock&charset=utf8"; }
account() { # SECTION USER
    cat <<E
[$1]
auth_url = http://127.0.0.1:$keystone/v3
auth_type = password
username = $2
password = $password
project_name = service
user_domain_id = default
project_domain_id = default
region_name = RegionOne
E
}
middleware() { account keystone_authtoken "$1"; echo "www_authenticate_uri = http://127.0.0.1:$keystone/v3"; }

write_configuration() {
    mkdir -p "$dir"/{etc,run,log,lock,images,staging,neutron,rabbit/mnesia,python/ours-1.dist-info} \
        "$dir"/nova/instances
    local etc=$dir/etc host
    printf '[DEFAULT]\nuse_stderr = true\n[database]\nconnection = %s\n[token]\nexpiration = %s\nallow_expired_window = 0\n[fernet_tokens]\nkey_repository = %s/fernet\n[credential]\nkey_repository = %s/credential\n[identity]\npassword_hash_rounds = 4\n[cache]\nenabled = false\n' \
        "$(database keystone)" "$token_seconds" "$etc" "$etc" >"$etc/keystone.conf"
    printf '[placement_database]\nconnection = %s\n[api]\nauth_strategy = keystone\n%s\n' \
        "$(database placement)" "$(middleware placement)" >"$etc/placement.conf"
    cat >"$etc/glance-api.conf" <<E
[DEFAULT]
enabled_backends = file:file
enabled_import_methods = []
[glance_store]
default_backend = file
[file]
filesystem_store_datadir = $dir/images
[os_glance_staging_store]
filesystem_store_datadir = $dir/staging
[os_glance_tasks_store]
filesystem_store_datadir = $dir/staging
[database]
connection = $(database glance)
[paste_deploy]
flavor = keystone
config_file = $etc/glance-api-paste.ini
[oslo_concurrency]
lock_path = $dir/lock
$(middleware glance)
E
    "$python" "$here/pipelines.py" "$etc"
    cat >"$etc/neutron.conf" <<E
[DEFAULT]
bind_host = 127.0.0.1
bind_port = $neutron
core_plugin = ml2
service_plugins =
api_paste_config = $etc/neutron-paste.ini
transport_url = rabbit://guest:guest@127.0.0.1:$rabbit/
state_path = $dir/neutron
api_workers = 0
rpc_workers = 1
rpc_state_report_workers = 0
wsgi_default_pool_size = 1000
client_socket_timeout = 60
dhcp_agent_notification = false
notify_nova_on_port_status_changes = false
notify_nova_on_port_data_changes = false
[ml2]
type_drivers = local
tenant_network_types = local
mechanism_drivers = ours_bind_all
extension_drivers =
[quotas]
quota_port = -1
quota_network = -1
quota_subnet = -1
[database]
connection = $(database neutron)
[oslo_concurrency]
lock_path = $dir/lock
$(middleware neutron)
E
    cat >"$etc/nova.conf" <<E
[DEFAULT]
host = controller
my_ip = 127.0.0.1
compute_driver = guest_driver.GuestDriver
transport_url = rabbit://guest:guest@127.0.0.1:$rabbit/
state_path = $dir/nova
instances_path = $dir/nova/instances
enabled_apis = osapi_compute
osapi_compute_listen = 127.0.0.1
osapi_compute_listen_port = $nova
osapi_compute_workers = 1
report_interval = 3
service_down_time = 10
vif_plugging_is_fatal = false
vif_plugging_timeout = 0
cpu_allocation_ratio = 1.0
ram_allocation_ratio = 1.0
[wsgi]
api_paste_config = $etc/nova-paste.ini
client_socket_timeout = 60
[conductor]
workers = 1
[scheduler]
workers = 1
discover_hosts_in_cells_interval = 5
[filter_scheduler]
track_instance_changes = false
enabled_filters = ComputeFilter,ComputeCapabilitiesFilter,ImagePropertiesFilter
[vnc]
enabled = false
[glance]
endpoint_override = http://127.0.0.1:$glance
[oslo_concurrency]
lock_path = $dir/lock
$(account neutron nova)
$(account placement nova)
$(middleware nova)
E
    # Apart, since a nova-compute that sees a database refuses to work.
    printf '[api_database]\nconnection = %s\n[database]\nconnection = %s\nmax_pool_size = 20\n' \
        "$(database nova_api)" "$(database nova)" >"$etc/nova-database.conf"
    for host in ${hosts//,/ }; do
        mkdir -p "$dir/nova/$host"
        printf '[DEFAULT]\nhost = %s\nstate_path = %s/nova/%s\n' "$host" "$dir" "$host" >"$etc/$host.conf"
    done
    cp "$here/bind_all.py" "$dir/python/"
    printf 'Metadata-Version: 2.1\nName: ours\nVersion: 1\n' >"$dir/python/ours-1.dist-info/METADATA"
    printf '[neutron.ml2.mechanism_drivers]\nours_bind_all = bind_all:BindAll\n' \
        >"$dir/python/ours-1.dist-info/entry_points.txt"
    [ -e "$dir/guests.json" ] || echo '{}' >"$dir/guests.json"
}

# ---- up ------------------------------------------------------------------------------------
sql() { mariadb --no-defaults -uroot -S "$dir/run/mariadb.sock" -N -B "$@"; }
start_database() {
    [ -d "$dir/db/mysql" ] ||
        mariadb-install-db --no-defaults --user=root --datadir="$dir/db" --skip-test-db \
            --auth-root-authentication-method=normal >"$dir/log/mariadb-install.log" 2>&1
    # No port, and nothing is flushed: the data are thrown away.
    start mariadb mariadbd --no-defaults --user=root --datadir="$dir/db" \
        --socket="$dir/run/mariadb.sock" --pid-file="$dir/run/mariadb.own" --skip-networking \
        --max-connections=400 --innodb-buffer-pool-size=128M --innodb-flush-log-at-trx-commit=0 \
        --innodb-doublewrite=0 --character-set-server=utf8
}
rabbit_environment=(
    HOME="$dir/rabbit" RABBITMQ_NODENAME="openstack$rabbit@localhost"
    RABBITMQ_NODE_IP_ADDRESS=127.0.0.1 RABBITMQ_NODE_PORT="$rabbit"
    RABBITMQ_DIST_PORT="$distribution" ERL_EPMD_PORT="$names" ERL_EPMD_ADDRESS=127.0.0.1
    RABBITMQ_MNESIA_BASE="$dir/rabbit/mnesia" RABBITMQ_LOG_BASE="$dir/log"
    RABBITMQ_PID_FILE="$dir/rabbit/pid" RABBITMQ_CONFIG_FILE="$dir/rabbit/rabbitmq"
    RABBITMQ_ENABLED_PLUGINS_FILE="$dir/rabbit/plugins" RABBITMQ_CONF_ENV_FILE="$dir/rabbit/none"
    RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS="-kernel inet_dist_use_interface {127,0,0,1} +S 1:1"
)
start_rabbit() {
    echo '[].' >"$dir/rabbit/plugins"
    printf 'listeners.tcp.default = 127.0.0.1:%s\ndisk_free_limit.absolute = 50MB\nlog.console.level = warning\n' \
        "$rabbit" >"$dir/rabbit/rabbitmq.conf"
    # Its register of names is started here, since one that it starts itself would outlive us.
    start epmd env ERL_EPMD_PORT="$names" epmd -address 127.0.0.1 -port "$names" -relaxed_command_check
    wait_for epmd listens "$names"
    start rabbit env -C "$dir/rabbit" "${rabbit_environment[@]}" /usr/lib/rabbitmq/bin/rabbitmq-server
}
start_wsgi() { # NAME PORT PROCESSES THREADS MODULE FUNCTION
    printf 'from %s import %s as make\napplication = make()\n' "$5" "$6" >"$dir/python/wsgi_$1.py"
    start "$1" env PYTHONPATH="$dir/python" OS_KEYSTONE_CONFIG_FILES="$dir/etc/keystone.conf" \
        OS_PLACEMENT_CONFIG_DIR="$dir/etc" OS_GLANCE_CONFIG_DIR="$dir/etc" \
        uwsgi --plugin python3 --http-socket "127.0.0.1:$2" --wsgi "wsgi_$1" --master \
        --processes "$3" --threads "$4" --enable-threads --lazy-apps --die-on-term \
        --buffer-size 65535 --add-header "Connection: close" --disable-logging --need-app
}

make_databases() {
    local name etc=$dir/etc log=$dir/log
    for name in keystone placement glance neutron nova_api nova nova_cell0; do
        sql -e "create database if not exists $name character set utf8"
    done
    ( manage keystone.cmd.manage keystone-manage --config-file "$etc/keystone.conf" db_sync
      manage placement.cmd.manage placement-manage --config-file "$etc/placement.conf" db sync
      manage glance.cmd.manage glance-manage --config-file "$etc/glance-api.conf" db_sync
      manage neutron.db.migration.cli neutron-db-manage --config-file "$etc/neutron.conf" upgrade heads
    ) >"$log/databases.log" 2>&1 &
    local first=$!
    nova_manage api_db sync >"$log/nova-databases.log" 2>&1
    nova_manage cell_v2 map_cell0 --database_connection "$(database nova_cell0)" >>"$log/nova-databases.log" 2>&1
    nova_manage db sync >>"$log/nova-databases.log" 2>&1
    nova_manage cell_v2 create_cell --name cell1 >>"$log/nova-databases.log" 2>&1
    wait $first
    mkdir -p "$etc/fernet" "$etc/credential"
    chmod 700 "$etc/fernet" "$etc/credential"
    for name in fernet_setup credential_setup; do
        manage keystone.cmd.manage keystone-manage --config-file "$etc/keystone.conf" "$name" \
            --keystone-user "$(id -un)" --keystone-group "$(id -gn)" >>"$log/databases.log" 2>&1
    done
    manage keystone.cmd.manage keystone-manage --config-file "$etc/keystone.conf" bootstrap \
        --bootstrap-password "$password" --bootstrap-region-id RegionOne \
        --bootstrap-public-url "http://127.0.0.1:$keystone/v3" \
        --bootstrap-internal-url "http://127.0.0.1:$keystone/v3" \
        --bootstrap-admin-url "http://127.0.0.1:$keystone/v3" >>"$log/databases.log" 2>&1
    touch "$dir/made"
}
nova_manage() {
    manage nova.cmd.manage nova-manage --config-file "$dir/etc/nova.conf" \
        --config-file "$dir/etc/nova-database.conf" "$@"
}

up() {
    [ "$(id -u)" = 0 ] || die "wants root"
    mkdir -p "$dir"
    chmod 700 "$dir"
    printf 'port=%s\nhosts=%s\n' "$port" "$hosts" >"$dir/chosen"
    write_configuration
    start_database
    start_rabbit
    wait_for mariadb sql -e 'select 1'
    [ -e "$dir/made" ] || make_databases
    start_wsgi keystone "$keystone" 2 2 keystone.server.wsgi initialize_public_application
    start_wsgi placement "$placement" 1 4 placement.wsgi init_application
    start_wsgi glance "$glance" 1 4 glance.common.wsgi_app init_app
    wait_for rabbit listens "$rabbit"
    start neutron env PYTHONPATH="$dir/python" "$python" -c \
        'import sys; sys.argv[0] = "neutron-server"; from neutron.cmd.eventlet.server import main; main()' \
        --config-file "$dir/etc/neutron.conf"
    wait_for keystone serves keystone "$keystone"
    "$python" "$here/seed.py" catalog
    start nova "$python" "$here/nova_services.py" "$dir" "$hosts"
    wait_for placement serves placement "$placement"
    wait_for glance serves glance "$glance"
    wait_for neutron serves neutron "$neutron"
    wait_for nova-api serves nova "$nova"
    wait_for "a nova-compute" "$python" "$here/seed.py" hosts "$hosts"
}

down() {
    local name
    for name in nova glance placement keystone; do stop "$name" 5; done
    stop neutron 1 # Asked politely it waits a quarter of a minute for its workers.
    ! is_up rabbit || env "${rabbit_environment[@]}" /usr/lib/rabbitmq/bin/rabbitmqctl -q shutdown >>"$dir/log/rabbit.log" 2>&1 || true
    stop rabbit 5
    stop epmd 3
    stop mariadb 20
    rm -f "$dir"/run/nova-*.pid
}

# ---- trouble -------------------------------------------------------------------------------
host() { # HOST up|down
    local held="$dir/run/held"
    touch "$held"
    grep -vxF "$1" "$held" >"$held.new" || true
    [ "$2" = up ] || echo "$1" >>"$held.new"
    mv "$held.new" "$held"
}
# A hung service takes connections and never answers: that is how most outages look.
service() { # NAME stop|go
    local pid signal=STOP
    [ "$2" = stop ] || signal=CONT
    pid=$(cat "$dir/run/$1.pid")
    case $1 in
        nova-*) kill "-$signal" "$pid" ;;
        *) kill "-$signal" -- "-$pid" ;;
    esac
}

case "$command" in
    up) up ;;
    down) down ;;
    seed) "$python" "$here/seed.py" seed ;;
    servers) "$python" "$here/seed.py" servers ;;
    host) host "$3" "$4" ;;
    service) service "$3" "$4" ;;
    guests) printf '%s\n' "$3" >"$dir/guests.new" && mv "$dir/guests.new" "$dir/guests.json" ;;
    *) die "no command $command" ;;
esac
