#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# check.sh JOBS [ARGUMENT...]: make check, and what failed once more with nothing beside it. Readers, daemons and
# deadlines are real here: a machine that has too much to do makes them late, which says nothing of the code. What fails
# alone has failed; what passes alone is told. Run in the build folder.
set -eu
jobs=$1
shift
eval make -s check -j "$jobs" "$@" && exit 0
failed=$(find . -path ./full -prune -o -name '*.trs' -exec grep -l '^:recheck: yes' {} + | sed 's|^\./||; s|\.trs$||' | sort)
# many are no accident
[ -n "$failed" ] && [ "$(echo "$failed" | wc -l)" -le 5 ] || exit 1
echo "== once more, alone:" $failed
cat test-suite.log
eval make -s recheck -j 1 "$@" || exit 1
echo "== passed alone, and not beside others:" $failed
