#!/usr/bin/env bash
# Deletes a search: its folder (results/) and its pickle (results.pkl), so that the next one starts afresh.
#
#   ./delete_results.sh [--yes] [FOLDER]
#
# At a terminal it asks first, unless --yes is given. A search that is running is left alone, and so is a folder that
# is no study.
set -euo pipefail

refuse() {
  echo "delete_results.sh: $1" >&2
  exit 2
}

yes=false
folder=""
for argument in "$@"; do
  case "$argument" in
    -y | --yes) yes=true ;;
    -h | --help) sed -n '2,7s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"; exit 0 ;;
    -*) refuse "unknown option '$argument'; there is only --yes." ;;
    *) [[ -z $folder ]] || refuse "one folder at a time, please."; folder=$argument ;;
  esac
done

# Without a folder it is the one beside this script, wherever it is called from.
named=$folder
[[ -n $folder ]] || folder=$(dirname "${BASH_SOURCE[0]}")/results
while [[ $folder == ?*/ ]]; do folder=${folder%/}; done
pickle=$folder.pkl

if [[ -n $named && ! -e $folder && -e $pickle ]]; then
  refuse "there is no study '$folder'; if '$pickle' is what is left of one, delete it by hand."
fi
if [[ ! -e $folder && ! -e $pickle ]]; then
  echo "Nothing to delete: there is neither $folder nor $pickle."
  exit 0
fi

if [[ -e $folder ]]; then
  [[ -d $folder && ! -L $folder ]] || refuse "'$folder' is not a folder; delete it by hand."
  if [[ -n $(ls -A -- "$folder") && ! -e $folder/journal.jsonl && ! -e $folder/.lock ]] \
    && ! compgen -G "$folder/model_*.json" >/dev/null; then
    refuse "'$folder' is no study (it has neither a journal.jsonl nor a model_*.json); delete it by hand."
  fi
  # The search holds its lock with flock(2) as long as it lives; a lock file left by a crash is not held.
  if [[ -e $folder/.lock ]] && ! python3 - "$folder/.lock" <<'PYTHON'
import fcntl, sys
try:
    fcntl.flock(open(sys.argv[1]), fcntl.LOCK_EX | fcntl.LOCK_NB)
except BlockingIOError:
    sys.exit(1)
PYTHON
  then
    refuse "a search is running on '$folder'; stop it first (Ctrl-C, nothing finished is lost)."
  fi
fi

if [[ $yes == false && -t 0 ]]; then
  trials=$(find "$folder" -maxdepth 1 \( -name 'model_*.json' -o -name 'failed_*.json' -o -name 'infeasible_*.json' \) \
    2>/dev/null | wc -l | tr -d ' ')
  read -r -p "Delete $folder and $pickle with $trials trials? [y/N] " answer
  [[ $answer == [yY]* ]] || { echo "Nothing was deleted."; exit 0; }
fi

rm -rf -- "$folder"
rm -f -- "$pickle"
echo "Deleted $folder and $pickle."
