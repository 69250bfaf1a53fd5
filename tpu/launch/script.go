package launch

import (
	_ "embed"
	"net/url"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/subbert/subbert/checkpoints/bucket/gcs"
)

//go:embed startup.sh
var startupText string

//go:embed subbert.service
var unitText string

// Unit is the systemd unit of the machine's side of a valid run.
func Unit(r Run) string {
	return strings.NewReplacer("@ID@", r.ID, "@STORE@", r.Store).Replace(unitText)
}

// StartupScript is the script that a TPU VM of a valid run executes at boot. It contains no secret. Of the user's input
// it contains the store's address, the project and the zone, which Validate restricts to letters, digits and ./_:-, and
// it quotes them.
func StartupScript(r Run) string {
	name, prefix, err := gcs.Split(r.Store)
	if err != nil {
		return "#!/bin/bash\nexit 2\n" // no part of an invalid run may reach a shell
	}
	return strings.NewReplacer(
		"@BUCKET@", quote(name),
		"@OBJECT@", quote(url.PathEscape(path.Join(prefix, r.Binary.Object))),
		"@SHA256@", quote(r.Binary.SHA256),
		"@MACHINE@", quote("projects/"+r.Project+"/locations/"+r.Zone+"/queuedResources/"+r.Name()),
		"@DEADLINE@", quote(strconv.Itoa(deadline(r))),
		"@UNIT@", strings.TrimSuffix(Unit(r), "\n"),
	).Replace(startupText)
}

// deadlineMargin is the time beyond the run's bounds after which the boot script deletes the machine; the program does
// so earlier.
const deadlineMargin = time.Hour

// deadline is the number of seconds after boot at which a machine deletes itself as a last resort; 0:
// never.
func deadline(r Run) int {
	if !r.SelfDelete || r.hours() == 0 {
		return 0
	}
	return int((time.Duration(r.hours()*float64(time.Hour)) + deadlineMargin).Seconds())
}

// quote quotes s as one word of a POSIX shell.
func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }
