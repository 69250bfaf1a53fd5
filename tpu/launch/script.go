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

// StartupScript is the script that a TPU VM of a valid run executes at boot. It holds no secret. Of what the user gave, it
// holds the store's address, the project and the zone, which Validate keeps to letters, digits and ./_:-, and quotes even these.
func StartupScript(r Run) string {
	name, prefix, err := gcs.Split(r.Store)
	if err != nil {
		return "#!/bin/bash\nexit 2\n" // no valid run; nothing of it may reach a shell
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

// deadlineMargin is what a machine gets beyond the run's bounds before it deletes itself unasked: the program does before.
const deadlineMargin = time.Hour

// deadline is how many seconds after boot a machine deletes itself, if nothing else did; 0: not at all.
func deadline(r Run) int {
	if !r.SelfDelete || r.hours() == 0 {
		return 0
	}
	return int((time.Duration(r.hours()*float64(time.Hour)) + deadlineMargin).Seconds())
}

// quote makes s one word of a POSIX shell.
func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }
