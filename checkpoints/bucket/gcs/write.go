package gcs

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"net/url"
	"path"
	"strconv"
	"time"

	"github.com/subbert/subbert/checkpoints/bucket"
	"github.com/subbert/subbert/internal/gapi"
	"github.com/subbert/subbert/internal/remote"
)

// pieceSize is the size in bytes of the pieces of an upload; the API requires a multiple of 256 KiB.
const pieceSize = 16 << 20

// Write implements bucket.Store. A write without a condition is repeated if its answer is lost: the result is the same.
func (s *Store) Write(ctx context.Context, name string, r io.Reader, when bucket.Condition) (bucket.Object, error) {
	u := &upload{store: s, name: name, when: when, from: bufio.NewReaderSize(r, 64<<10)}
	made, err := u.run(ctx)
	if err != nil {
		return bucket.Object{}, s.fault(name, err)
	}
	o, err := made.object(name)
	if err == nil && (o.CRC32C != u.sum || o.Size != u.sent) {
		err = fmt.Errorf("the store received checksum %08x, want %08x", o.CRC32C, u.sum)
		if o.Size != u.sent {
			err = fmt.Errorf("the store received %d bytes, want %d", o.Size, u.sent)
		}
	}
	if err != nil {
		return bucket.Object{}, errors.Join(s.fault(name, err), s.remove(ctx, name, made.Generation))
	}
	return o, nil
}

// upload is an object on its way to the store.
type upload struct {
	store   *Store
	name    string
	when    bucket.Condition
	from    *bufio.Reader
	buffer  bytes.Buffer
	piece   []byte // the piece that is being sent, in buffer
	last    bool   // no other follows it
	sent    int64  // bytes, up to the end of the piece
	sum     uint32 // of them
	session string // address of a resumable upload
}

func (u *upload) run(ctx context.Context) (resource, error) {
	if err := u.next(); err != nil {
		return resource{}, err
	}
	if u.last {
		return u.whole(ctx)
	}
	if err := u.begin(ctx); err != nil {
		return resource{}, err
	}
	for {
		made, err := u.send(ctx)
		if err == nil && !u.last {
			err = u.next()
		} else if err == nil {
			return made, nil
		}
		if err != nil {
			u.giveUp(ctx)
			return resource{}, err
		}
	}
}

// next reads the next piece, and whether it is the last.
func (u *upload) next() error {
	u.buffer.Reset()
	if _, err := io.Copy(&u.buffer, io.LimitReader(u.from, pieceSize)); err != nil {
		return err
	}
	u.piece = u.buffer.Bytes()
	u.sent += int64(len(u.piece))
	u.sum = crc32.Update(u.sum, crc32.MakeTable(crc32.Castagnoli), u.piece)
	_, err := u.from.Peek(1)
	if u.last = err == io.EOF; u.last {
		return nil
	}
	return err
}

// path is the path for uploads of a kind, with the write's condition.
func (u *upload) path(kind string) string {
	query := url.Values{"uploadType": {kind}, "fields": {resourceFields}}
	if u.when.Absent || u.when.Generation != 0 {
		query.Set("ifGenerationMatch", strconv.FormatInt(u.when.Generation, 10)) // 0: the object must not exist
	}
	return "/upload/storage/v1/b/" + u.store.bucket + "/o?" + query.Encode()
}

// metadata is the object's description, which is sent before its contents.
func (u *upload) metadata(sum string) ([]byte, error) {
	return json.Marshal(struct {
		Name   string `json:"name"`
		CRC32C string `json:"crc32c,omitempty"`
	}{path.Join(u.store.prefix, u.name), sum})
}

// whole sends an object of one piece.
func (u *upload) whole(ctx context.Context) (made resource, err error) {
	metadata, err := u.metadata(sumText(u.sum))
	if err != nil {
		return made, err
	}
	var body bytes.Buffer
	w := multipart.NewWriter(&body)
	for _, part := range []struct {
		kind string
		data []byte
	}{{"application/json", metadata}, {"application/octet-stream", u.piece}} {
		to, err := w.CreatePart(textproto.MIMEHeader{"Content-Type": {part.kind}})
		if err != nil {
			return made, err
		}
		if _, err := to.Write(part.data); err != nil {
			return made, err
		}
	}
	if err := w.Close(); err != nil {
		return made, err
	}
	header := http.Header{"Content-Type": {"multipart/related; boundary=" + w.Boundary()}}
	err = persist(ctx, func() error {
		response, err := u.store.client.Do(ctx, gapi.Request{Method: http.MethodPost, Path: u.path("multipart"), Header: header, Body: body.Bytes()})
		if err != nil {
			return err
		}
		return gapi.Decode(response, &made)
	})
	return made, err
}

// begin requests the address of a resumable upload.
func (u *upload) begin(ctx context.Context) error {
	metadata, err := u.metadata("")
	if err != nil {
		return err
	}
	header := http.Header{"Content-Type": {"application/json"}, "X-Upload-Content-Type": {"application/octet-stream"}}
	return persist(ctx, func() error {
		response, err := u.store.client.Do(ctx, gapi.Request{Method: http.MethodPost, Path: u.path("resumable"), Header: header, Body: metadata})
		if err != nil {
			return err
		}
		if u.session = response.Header.Get("Location"); u.session == "" {
			err = remote.Final(errors.New("the store returned no upload address"))
		}
		return errors.Join(err, gapi.Decode(response, nil))
	})
}

// send sends the piece, and after a failure the part that the store lacks. The answer to the last piece is the
// object.
func (u *upload) send(ctx context.Context) (made resource, err error) {
	begin, at := u.sent-int64(len(u.piece)), u.sent-int64(len(u.piece)) // of the piece; of the part still to be sent
	tries := newTries()
	for {
		tries.Begin()
		have, err := u.sendFrom(ctx, begin, at, &made)
		switch {
		case err == nil && have < 0, err == nil && have == u.sent && !u.last:
			return made, nil
		case err == nil && (have < begin || have >= u.sent):
			return made, fmt.Errorf("the store asks for the bytes after %d, but bytes %d to %d were sent", have, at, u.sent)
		case err == nil:
			if have > at {
				tries.Progress()
			}
			at, err = have, fmt.Errorf("the store accepted %d of %d bytes", have-begin, len(u.piece))
		}
		if err = tries.Again(ctx, err); err != nil {
			return made, err
		}
	}
}

// sendFrom makes one attempt to send the piece, which begins at byte begin of the object, from byte at on. It returns
// the number of bytes of the object that the store has, or -1 if the object is complete.
func (u *upload) sendFrom(ctx context.Context, begin, at int64, made *resource) (have int64, err error) {
	total := "*"
	if u.last {
		total = strconv.FormatInt(u.sent, 10)
	}
	header := http.Header{"Content-Range": {fmt.Sprintf("bytes %d-%d/%s", at, u.sent-1, total)}}
	if u.last {
		header.Set("X-Goog-Hash", "crc32c="+sumText(u.sum))
	}
	response, err := u.store.client.Do(ctx, gapi.Request{Method: http.MethodPut, Path: u.session, Header: header, Body: u.piece[at-begin:]})
	if err != nil {
		return 0, err
	}
	if response.StatusCode != http.StatusPermanentRedirect {
		if !u.last {
			err = remote.Final(errors.New("the store ended an upload before its last part"))
			return 0, errors.Join(err, response.Body.Close())
		}
		return -1, gapi.Decode(response, made)
	}
	if text := response.Header.Get("Range"); text != "" { // none: it has nothing
		if _, err := fmt.Sscanf(text, "bytes=0-%d", &have); err != nil {
			return 0, errors.Join(remote.Final(fmt.Errorf("the store returned the range %q of an upload", text)), response.Body.Close())
		}
		have++
	}
	return have, gapi.Decode(response, nil)
}

// giveUp cancels an upload. If the request does not arrive, the store removes the sent part after a week.
func (u *upload) giveUp(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
	defer cancel()
	if response, err := u.store.client.Do(ctx, gapi.Request{Method: http.MethodDelete, Path: u.session}); err == nil {
		response.Body.Close()
	}
}
