package report

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"
)

// browser returns the path of a headless Chromium on this machine. It skips the test if there is none.
func browser(t *testing.T) string {
	t.Helper()
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "google-chrome-stable"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	t.Skip("no Chromium on this machine: pages are not looked at in a browser")
	return ""
}

// measuring is a page of the test. It opens a page of a report in frames of several widths, tries its filters, and
// writes what it finds, one line for each frame.
const measuring = `<!doctype html><link rel="icon" href="data:,"><body><script>
async function frame(path, width, dark) {
	const f = document.createElement('iframe')
	f.style = 'border:0;height:900px;width:' + width + 'px'
	f.src = path
	const loaded = new Promise(done => f.onload = done)
	document.body.append(f)
	await loaded
	return f.contentDocument
}
const lines = []
async function look(name) {
	for (const width of [390, 1280]) {
		const d = await frame('/' + name + '.html', width)
		d.querySelectorAll('details').forEach(e => e.open = true)
		const shown = () => [...d.querySelectorAll('.item')].filter(e => e.getClientRects().length > 0).length
		let filters = 'none'
		const radios = [...d.querySelectorAll('.facets input')]
		if (radios.length) {
			filters = 'work'
			for (const r of radios) {
				r.checked = true
				const want = +r.parentElement.querySelector('.count').textContent.replace(',', '')
				if (shown() != want) filters = r.id + ' shows ' + shown() + ' want ' + want
				d.getElementById(r.name).checked = true
			}
		}
		lines.push([name, width, 'overflow', d.documentElement.scrollWidth - d.documentElement.clientWidth, 'foreign', d.defaultView.foreign || 'none', 'filters', filters].join(' '))
	}
}
(async () => {
	for (const name of NAMES) await look(name)
	document.body.innerHTML = '<pre>' + lines.join('\n') + '\ndone</pre>'
})()
</script>`

// In a browser, no page is wider than a telephone or a small screen with everything unfolded, no script in it runs, and
// its filters show what they say.
func TestPagesInABrowser(t *testing.T) {
	if testing.Short() {
		t.Skip("a browser takes seconds")
	}
	chromium := browser(t)
	pages := map[string][]byte{}
	var names []string
	for name, page := range everyPage(t, t.TempDir()) {
		html, err := page.HTML()
		if err != nil {
			t.Fatal(err)
		}
		// The policy must hold even where template and escaping fail.
		html = []byte(strings.Replace(string(html), "</main>", `<script>window.foreign = 'ran'</script><img src="x" onerror="window.foreign='ran'"></main>`, 1))
		pages["/"+name+".html"] = html
		names = append(names, fmt.Sprintf("%q", name))
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/" {
			fmt.Fprint(w, strings.Replace(measuring, "NAMES", "["+strings.Join(names, ",")+"]", 1))
		} else if html, ok := pages[r.URL.Path]; ok {
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			w.Write(html)
		} else {
			t.Errorf("the browser asked for %s", r.URL.Path)
			http.NotFound(w, r)
		}
	}))
	defer server.Close()
	command := exec.CommandContext(t.Context(), chromium, "--headless", "--no-sandbox", "--disable-gpu", "--user-data-dir="+t.TempDir(), "--window-size=1400,1000", "--timeout=60000", "--virtual-time-budget=60000", "--dump-dom", server.URL)
	command.WaitDelay = 5 * time.Second
	dom, err := command.Output()
	if err != nil {
		t.Fatalf("%s: %v", chromium, err)
	}
	lines := regexp.MustCompile(`(?m)^(?:.*<pre>)?(\w+ (?:390|1280) overflow .*)$`).FindAllStringSubmatch(string(dom), -1)
	if len(lines) != 2*len(pages) {
		t.Fatalf("the browser measured %d frames, want %d:\n%.2000s", len(lines), 2*len(pages), dom)
	}
	for _, l := range lines {
		if !regexp.MustCompile(`overflow 0 foreign none filters (none|work)$`).MatchString(l[1]) {
			t.Error(l[1])
		}
	}
}
