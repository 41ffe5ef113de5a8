#!/usr/bin/env bash
# Runs the tests of every module ROUNDS times and says which round failed. Even rounds run
# beside one busy loop for each processor, so that the tests have half of the machine.
set -uo pipefail

busy=()
idle() {
	[ ${#busy[@]} -eq 0 ] || kill "${busy[@]}" 2>/dev/null
	busy=()
}
trap idle EXIT

failed=0
for round in $(seq 1 "$ROUNDS"); do
	load=idle
	if [ $((round % 2)) -eq 0 ]; then
		load=busy
		for _ in $(seq 1 "$(nproc)"); do
			(while :; do :; done) &
			busy+=($!)
		done
	fi
	began=$SECONDS
	for module in $MODULES; do
		(cd "$module" && $TEST ./...) || {
			echo "flaky: round $round ($load machine) failed in $module"
			failed=$((failed + 1))
		}
	done
	idle
	echo "flaky: round $round of $ROUNDS ($load machine) took $((SECONDS - began)) s"
done
echo "flaky: $failed failures in $ROUNDS rounds"
[ "$failed" -eq 0 ]
