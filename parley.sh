#!/usr/bin/env bash
# Everything one does with this repository. Each command installs what it needs and can be run again:
# what is done already is not done twice.
#
#   ./parley.sh run [flags]   build, then `parley serve --dev` with ./data; prints the address
#   ./parley.sh example       the chat of examples/chat: Laravel, Next.js and nginx around Parley; `--help` has its flags
#   ./parley.sh test          build and run every test; the last line is `N passed, N failed`, and `, N skipped`
#                             where something is not installed; the reasons stand above it
#   ./parley.sh build         the optimized program: build/release/server/parley
#   ./parley.sh deps          install packages (apt) and the parts from npm
#   ./parley.sh lint          format of all files, clang-tidy on the files changed since main
#   ./parley.sh format        format all files
#   ./parley.sh asan | tsan   unit tests, scenarios and simulation under a sanitizer (tsan: those with threads)
#   ./parley.sh coverage [t]  which lines unit tests, scenarios and simulation run, one line a room, and build/coverage/report;
#                             with names, only those ctests: ./parley.sh coverage unit_core unit_schemas
#   ./parley.sh fuzz [secs]   each fuzz target for that long (60)
#   ./parley.sh bench [args]  load tests against the peers: bench/run.py
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
root=$PWD
stamps=$root/build/.stamps
results=$root/build/results
jobs=${PARLEY_JOBS:-$(nproc)}

# Without it nothing that uses a precompiled header would be cached.
export CCACHE_SLOPPINESS=${CCACHE_SLOPPINESS:-pch_defines,time_macros}

build_packages=(
  g++ cmake ninja-build ccache mold pkg-config python3
  libcaf-dev libboost1.81-dev libboost-json1.81-dev librocksdb-dev capnproto libcapnp-dev prometheus-cpp-dev
  libtomlplusplus-dev libcli11-dev libspdlog-dev libfmt-dev libssl-dev libcurl4-openssl-dev libhiredis-dev zlib1g-dev libgtest-dev libgmock-dev)
example_packages=(nginx ca-certificates php8.2-cli php8.2-fpm php8.2-curl php8.2-sqlite3 php-laravel-framework)
test_packages=(clang-14 chromium nginx-light prometheus openssl curl git python3-venv iproute2
  redis-server php-cli php-redis php-illuminate-broadcasting php-illuminate-container php-illuminate-redis
  php-illuminate-http php-illuminate-session php-illuminate-filesystem
  php-laravel-framework php-curl php-sqlite3 phpunit)
lint_packages=(clang-format-14 clang-tidy-14)
coverage_packages=(gcovr)
fuzz_packages=(clang-14 libclang-rt-14-dev)

say() { printf '\033[1m==> %s\033[0m\n' "$*" >&2; }
die() { printf 'parley.sh: %s\n' "$*" >&2; exit 1; }

as_root() {
  if [[ $(id -u) -eq 0 ]]; then
    "$@"
  elif command -v sudo >/dev/null; then
    sudo "$@"
  else
    die "cannot install packages: run as root, install sudo, or install by hand: ${*: -1}"
  fi
}

installed() { [[ $(dpkg-query -W -f='${Status}' "$1" 2>/dev/null) == "install ok installed" ]]; }

# Installs those of the packages that are missing; asks apt nothing when none is.
apt_install() {
  local missing=()
  for package in "$@"; do installed "$package" || missing+=("$package"); done
  [[ ${#missing[@]} -eq 0 ]] && return
  command -v apt-get >/dev/null || die "this needs Debian's packages: ${missing[*]}"
  say "installing ${missing[*]}"
  # Two versions of Boost's headers cannot be installed side by side.
  local conflicting=()
  mapfile -t conflicting < <(dpkg-query -W -f='${Package} ${Status}\n' 'libboost*1.74-dev' 2>/dev/null | awk '$4 == "installed" {print $1}')
  as_root env DEBIAN_FRONTEND=noninteractive apt-get update -q >&2
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends \
    "${missing[@]}" ${conflicting[@]:+"${conflicting[@]/%/-}"} >&2
}

# Whatever is first in PATH, if it is new enough: Debian's own `cargo` is not.
cargo_is_new_enough() {
  command -v cargo >/dev/null && printf '1.75\n%s\n' "$(cargo --version | cut -d' ' -f2)" | sort -V -C
}

need_cargo() {
  cargo_is_new_enough && return
  for package in cargo rustup; do
    ! installed "$package" ||
      die "cargo 1.75 or later is needed. Debian has it as cargo-web, which conflicts with the installed package $package: remove that, or put a newer cargo into PATH"
  done
  apt_install cargo-web ca-certificates
}

node_is_new_enough() {
  command -v node >/dev/null && command -v npm >/dev/null &&
    [[ $(node -p 'process.versions.node.split(".")[0]') -ge 18 ]]
}

need_node() { node_is_new_enough || apt_install nodejs npm ca-certificates; }

# npm_part FOLDER [script [folders…]]: `npm ci` (and the script) unless done for these very files, and for those of the other
# folders that it is made of.
npm_part() {
  local folder=$1 script=${2:-} stamp want
  [[ -f $folder/package-lock.json ]] || return 0
  stamp=$stamps/npm-${folder//\//-}
  want=$(find "$folder" "${@:3}" -name node_modules -prune -o -name dist -prune -o -name results -prune -o -type f -print0 |
    sort -z | xargs -0 sha256sum | sha256sum)
  [[ -z $script ]] && want=$(sha256sum "$folder/package-lock.json")
  if [[ -d $folder/node_modules && ( -z $script || -d $folder/dist ) && -f $stamp && $(<"$stamp") == "$want" ]]; then return 0; fi
  need_node
  say "npm: $folder"
  (cd "$folder" && npm ci --no-audit --no-fund --loglevel=error >&2 && { [[ -z $script ]] || npm run --silent "$script" >&2; }) || return 1
  mkdir -p "$stamps" && printf '%s' "$want" >"$stamp"
}

# The tests of the chat's pages are skipped where they cannot be built, and say so.
npm_pages() {
  npm_part examples/chat/frontend build clients/js && return
  say "the chat's pages cannot be built"
  rm -rf examples/chat/frontend/dist
}

deps_build() { apt_install "${build_packages[@]}"; need_cargo; npm_part examples/demo build; }
deps_example() { apt_install "${example_packages[@]}"; need_node; npm_part clients/js build; npm_part examples/chat/frontend build clients/js; }
deps_test() { apt_install "${test_packages[@]}" "${example_packages[@]}"; npm_part tests/e2e; npm_part clients/js build; npm_pages; }

configure() {
  local preset=$1
  shift
  if [[ ! -f build/$preset/build.ninja ]]; then
    say "configuring $preset"
    cmake --preset "$preset" "$@" >&2
  fi
}

build() {  # build PRESET [targets]
  local preset=$1
  shift
  configure "$preset"
  say "building $preset${*:+: $*}"
  cmake --build "build/$preset" --parallel "$jobs" ${*:+--target "$@"} >&2
}

# Runs ctest and leaves each test's result where count_tests.py finds it. Never fails: the count does.
run_ctest() {  # run_ctest PRESET [ctest arguments]
  local preset=$1
  shift
  mkdir -p "$results/$preset/gtest"
  GTEST_OUTPUT=xml:$results/$preset/gtest/ ctest --test-dir "build/$preset" --output-on-failure --no-tests=error \
    --output-junit "$results/$preset/ctest.xml" "$@" >&2 || true
}

sanitizer_options() {
  export ASAN_OPTIONS=${ASAN_OPTIONS:-detect_stack_use_after_return=1:strict_string_checks=1}
  export UBSAN_OPTIONS=${UBSAN_OPTIONS:-print_stacktrace=1}
  export TSAN_OPTIONS=${TSAN_OPTIONS:-suppressions=$root/cmake/tsan.supp:history_size=4}
}

# Unit tests, scenarios and simulation are built and run; what starts the whole program is not.
sanitized() {  # sanitized PRESET LABELS [targets]
  local preset=$1 labels=$2
  shift 2
  sanitizer_options
  build "$preset" "$@"
  say "tests under $preset"
  run_ctest "$preset" -L "$labels" -j "$jobs"
}

test_release() {
  build release
  say "unit tests, scenarios, simulation, layering"
  run_ctest release -LE e2e -j "$jobs"
}

test_deploy() {
  say "deployment files"
  mkdir -p "$results/deploy"
  scripts/check_deploy.sh build/release/server/parley >"$results/deploy/checks.tap" || true
  cat "$results/deploy/checks.tap" >&2
}

test_clients() {
  [[ -f clients/js/package.json ]] || return 0
  need_node
  say "the client library with stock clients against the program"
  mkdir -p "$results/clients"
  (cd clients/js && PARLEY_BIN=$root/build/release/server/parley npx --no-install vitest run) 2>&1 | tee "$results/clients/run.log" >&2 || true
}

test_laravel() {
  say "the Laravel package against the program"
  mkdir -p "$results/laravel"
  # PHPUnit writes its results at the end: without them, what is here says that it died.
  : >"$results/laravel/phpunit.xml"
  (cd clients/laravel && PARLEY_BIN=$root/build/release/server/parley timeout -k 10 300 phpunit --log-junit "$results/laravel/phpunit.xml") >&2 || true
}

test_e2e() {
  [[ -f tests/e2e/run.js ]] || return 0
  need_node
  say "stock clients and a browser against the program"
  mkdir -p "$results/e2e"
  # Its own exit code is not asked: run.js writes a failure for a run that died before its summary.
  (cd tests/e2e && PARLEY_BIN=$root/build/release/server/parley timeout -k 10 2400 node run.js) 2>&1 | tee "$results/e2e/run.log" >&2 || true
}

# What treats the program roughly, against one that notices what it touches.
test_e2e_asan() {
  [[ -f tests/e2e/run.js ]] || return 0
  need_node
  sanitizer_options
  say "rough treatment and recovery under asan"
  mkdir -p "$results/e2e-asan"
  (cd tests/e2e && PARLEY_BIN=$root/build/asan/server/parley node run.js bad_input socketio_recovery) 2>&1 |
    tee "$results/e2e-asan/run.log" >&2 || true
}

cmd_test() {
  deps_build
  deps_test
  rm -rf "$results"
  test_release
  test_deploy
  test_clients
  test_laravel
  test_e2e
  sanitized asan 'unit|scenarios|sim|raft'
  test_e2e_asan
  python3 scripts/count_tests.py "$results"
}

cmd_run() {
  deps_build
  build release parley
  say "starting; the demo page is at the address of http="
  exec build/release/server/parley serve --dev "$@"
}

# PARLEY_BIN: a program that was built elsewhere.
cmd_example() {
  local pages=1 argument
  for argument in "$@"; do
    if [[ $argument == --help ]]; then need_node; exec node examples/chat/start/example.js --help; fi
    if [[ $argument == --no-pages ]]; then pages=; fi
  done
  if [[ -z ${PARLEY_BIN:-} ]]; then deps_build; build release parley; fi
  if [[ -n $pages ]]; then deps_example; else apt_install "${example_packages[@]}"; need_node; fi
  exec node examples/chat/start/example.js --parley "${PARLEY_BIN:-build/release/server/parley}" "$@"
}

cmd_sanitizer() {
  deps_build
  rm -rf "$results"
  sanitized "$@"
  python3 scripts/count_tests.py "$results"
}

# cmd_coverage [patterns]: of all those tests, or of those whose names match one of the patterns.
cmd_coverage() {
  local report=build/coverage/report room filters=() tests=() failed=0 pattern
  pattern=$(IFS='|' && printf '%s' "$*")
  local which=(-L 'unit|scenarios|sim|raft' ${pattern:+-R "$pattern"})
  deps_build
  apt_install "${coverage_packages[@]}"
  configure coverage
  # A test has the name of its target, but for the one that Node runs.
  mapfile -t tests < <(ctest --test-dir build/coverage -N "${which[@]}" 2>/dev/null | sed -n 's/^ *Test *#[0-9]*: *\([^ ]*\).*/\1/p')
  [[ ${#tests[@]} -gt 0 ]] || die "no unit test, scenario or simulation has a name like ${*:-any}"
  build coverage "${tests[@]/#json_differential/json_reader}"
  # Counts add up over runs, and nothing of an earlier one belongs into this report.
  find build/coverage -name '*.gcda' -delete
  rm -rf "$results" "$report"
  say "tests under coverage: ${tests[*]}"
  run_ctest coverage "${which[@]}" -j "$jobs"
  say "the report"
  mkdir -p "$report"
  for room in core schemas storage cluster actors net server; do filters+=(--filter "$room/"); done
  gcovr --root . "${filters[@]}" --exclude-throw-branches --exclude-unreachable-branches -j "$jobs" \
    --json-summary "$report/summary.json" --html-details "$report/index.html" build/coverage >&2
  python3 scripts/count_tests.py "$results" || failed=1
  python3 scripts/coverage_rooms.py "$report/summary.json"
  say "file by file: $report/index.html"
  return $failed
}

our_files() { git ls-files -- '*.h' '*.cpp' | grep -v '^tests/golden/'; }
# Debian's cargo-web comes without it.
format_rust() { ! command -v rustfmt >/dev/null || rustfmt --edition 2021 "$@" cluster/raft/core/src/lib.rs; }

cmd_lint() {
  apt_install "${lint_packages[@]}"
  local failed=0 changed=()
  say "format"
  our_files | xargs clang-format-14 --dry-run -Werror || failed=1
  format_rust --check || failed=1
  deps_build
  configure release
  mapfile -t changed < <(git diff --name-only --diff-filter=d "$(git merge-base HEAD origin/main 2>/dev/null || git rev-parse HEAD~1)" -- '*.cpp')
  if [[ ${#changed[@]} -gt 0 ]]; then
    say "clang-tidy on ${#changed[@]} files"
    # GCC's precompiled headers and its own flags mean nothing to clang.
    python3 scripts/tidy_database.py build/release build/tidy
    clang-tidy-14 -p build/tidy --quiet "${changed[@]}" || failed=1
  fi
  return $failed
}

cmd_fuzz() {
  local seconds=${1:-60}
  apt_install "${build_packages[@]}" "${fuzz_packages[@]}"
  need_cargo
  build fuzz fuzz_targets
  for target in build/fuzz/tests/fuzz/fuzz_*; do
    [[ -x $target && -f $target ]] || continue
    local name=${target##*/fuzz_} found=build/fuzz/found/${target##*/fuzz_}
    say "fuzzing $name for $seconds s"
    mkdir -p "$found"
    "$target" -max_total_time="$seconds" -artifact_prefix="$found/" -timeout=5 -rss_limit_mb=2048 "$found" "tests/fuzz/corpus/$name"
  done
}

command=${1:-help}
[[ $# -gt 0 ]] && shift
case $command in
  run) cmd_run "$@" ;;
  example) cmd_example "$@" ;;
  test) cmd_test ;;
  build) deps_build; build release "${@:-all}" ;;
  deps) deps_build; deps_test ;;
  lint) cmd_lint ;;
  format) apt_install "${lint_packages[@]}"; our_files | xargs clang-format-14 -i; format_rust ;;
  asan) cmd_sanitizer asan 'unit|scenarios|sim|raft' ;;
  tsan) cmd_sanitizer tsan 'tsan' unit_core unit_storage unit_cluster unit_net ;;
  coverage) cmd_coverage "$@" ;;
  fuzz) cmd_fuzz "$@" ;;
  bench) deps_build; need_node; build release parley parley_loadgen; exec python3 bench/run.py --loadgen build/release/bench/parley_loadgen "$@" ;;
  *) sed -n '2,/^set /{/^set /!s/^# \{0,1\}//p}' "$0"; [[ $command == help || $command == --help ]] ;;
esac
