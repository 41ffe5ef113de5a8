#!/bin/sh
# Runs the tests of this directory, or the program sidebyside, with the Python packages if this
# machine can install them:
#
#	run.sh all|some|sidebyside [flag...]
#
# With "some" the cases of a program that is missing are skipped, unless E6_REQUIRE_HAPROXY,
# E6_REQUIRE_NGINX or E6_REQUIRE_PYTHON is 1.
set -eu
cd "$(dirname "$0")"
what=$1
shift
python=1
./install.sh || {
	[ $? = 3 ] && [ "${E6_REQUIRE_PYTHON:-}" != 1 ] || exit 1
	python=0
}
if [ "$what" = sidebyside ]; then
	[ $python = 0 ] || set -- -python "$(cd ../.. && pwd)/.conformance/venv/bin/python" "$@"
	cd sidebyside
	exec go run . "$@"
fi
export E6_CONFORMANCE="$what" E6_CONFORMANCE_PYTHON=$python
# A short run takes about five minutes on two processors.
limit=15m
[ "${LONG:-}" != 1 ] || limit=60m
exec go test -count=1 -timeout $limit . -args "$@"
