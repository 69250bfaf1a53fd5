#!/bin/bash
# Start-up script of a subbert run, made by `subbert tpu run`. It runs as root at every boot of the TPU VM.
set -euo pipefail

bucket=@BUCKET@
object=@OBJECT@
sha256=@SHA256@
machine=@MACHINE@
deadline=@DEADLINE@ # seconds after boot; 0: the machine is not to delete itself
home=/var/lib/subbert

is_pinned() {
	printf '%s  %s\n' "$sha256" "$1" | sha256sum --check --status
}

# The token goes through standard input: a command line can be read by every user of the machine.
google() {
	local token
	token=$(curl --fail --silent --show-error --retry 10 --header 'Metadata-Flavor: Google' \
		http://metadata.google.internal/computeMetadata/v1/instance/service-accounts/default/token |
		sed -n 's/.*"access_token" *: *"\([^"]*\)".*/\1/p')
	printf 'Authorization: Bearer %s\n' "$token" |
		curl --fail --silent --show-error --retry 10 --header @- "$@"
}

# At the deadline a timer calls this script with "leave". The program holds the run to its bounds and deletes the machine
# itself; this is for a machine that it never came to.
if [ "${1-}" = leave ]; then
	if systemctl is-active --quiet subbert.service; then
		exit 1 # asked again in a while
	fi
	google --request DELETE "https://tpu.googleapis.com/v2/$machine?force=true"
	exit
fi

mkdir -p "$home/bin"
if [ "$deadline" -gt 0 ] && ! systemctl is-active --quiet subbert-deadline.timer; then
	install -m 0755 "$0" "$home/startup.sh"
	systemd-run --unit=subbert-deadline --on-boot="$deadline" --property=Restart=on-failure --property=RestartSec=60 \
		"$home/startup.sh" leave
fi

if ! is_pinned "$home/bin/subbert"; then
	google --output "$home/bin/subbert.new" "https://storage.googleapis.com/storage/v1/b/$bucket/o/$object?alt=media"
	is_pinned "$home/bin/subbert.new"
	chmod 0755 "$home/bin/subbert.new"
	mv "$home/bin/subbert.new" "$home/bin/subbert"
fi

cat >/etc/systemd/system/subbert.service <<'UNIT'
@UNIT@
UNIT
systemctl daemon-reload
systemctl start --no-block subbert.service
