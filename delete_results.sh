#!/usr/bin/env bash
# Deletes a study: the files that it made in its folder (results/) and its pickle (results.pkl).
#
#   ./delete_results.sh [--yes] [FOLDER]
#
# Without a folder it is the one beside this script, wherever it is called from. It asks first, unless --yes is given. A
# search that is running is left alone, and so is a folder that is not a study.
set -euo pipefail

here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
flags=()
named=false
for argument in "$@"; do
  case "$argument" in
    -h | --help) sed -n '2,7s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"; exit 0 ;;
    -*) flags+=("$argument") ;;
    *) named=true; flags+=("$argument") ;;
  esac
done
[[ $named == true ]] || flags+=("$here/results")

python=$here/.venv/bin/python
[[ -x $python ]] || python=python3
"$python" -c 'import importlib.util as i, sys; sys.exit(not (i.find_spec("hyperopt") and i.find_spec("filelock")))' || {
  echo "delete_results.sh: $python lacks the packages of requirements.txt; activate their environment first." >&2
  exit 2
}
exec "$python" "$here/metaopt" delete "${flags[@]}"
