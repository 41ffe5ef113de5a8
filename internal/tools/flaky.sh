#!/usr/bin/env bash
# Runs the tests of PACKAGES ROUNDS times. For each round that fails it prints the output
# of the tests that failed and names their packages. Even rounds run beside one busy loop
# for each processor, so that the tests have half of the machine.
set -uo pipefail

busy=()
output=$(mktemp)
idle() {
	[ ${#busy[@]} -eq 0 ] || kill "${busy[@]}" 2>/dev/null
	busy=()
}
trap 'idle; rm -f "$output"' EXIT

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
	if ! $TEST $PACKAGES >"$output" 2>&1; then
		# go test prints the output of a test only if the test fails. The rest is a line
		# for each package that passed or has no tests.
		grep -vE '^(ok  |\?   )' "$output"
		names=$(sed -nE 's/^FAIL	([^ 	]+).*/\1/p' "$output" | sort -u)
		if [ -z "$names" ]; then
			names="no package: go test itself" # for example a pattern that matches nothing
		fi
		while read -r name; do
			echo "flaky: round $round ($load machine) failed in $name"
			failed=$((failed + 1))
		done <<<"$names"
	fi
	idle
	echo "flaky: round $round of $ROUNDS ($load machine) took $((SECONDS - began)) s"
done
echo "flaky: $failed failures in $ROUNDS rounds"
[ "$failed" -eq 0 ]
