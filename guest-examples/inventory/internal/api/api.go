// Package api is the HTTP interface of the service: which request gets which reply. It knows nothing of WASI, so it runs
// and is tested on any machine.
package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strings"

	"wit_component/internal/stock"
)

// BodyLimit is the longest body that is read, in bytes.
const BodyLimit = 64 * 1024

const root = "/api/inventory"

// Request is a request, as far as this service looks at it.
type Request struct {
	// Method in capital letters; HEAD counts as GET, the host leaves its body out.
	Method string
	// Target is the path, and the query where there is one.
	Target string
	// Body is the whole body, or the first BodyLimit+1 bytes of it.
	Body []byte
}

// Header is one header of a reply.
type Header struct{ Name, Value string }

// Reply is a reply, ready to be sent.
type Reply struct {
	Status  int
	Headers []Header
	Body    []byte
}

// API answers requests.
type API struct {
	Stock *stock.Stock
}

// Answer answers a request.
func (a *API) Answer(request Request) Reply {
	path, _, _ := strings.Cut(request.Target, "?")
	parts, err := split(path)
	if err != nil {
		return problem(400, err.Error())
	}
	switch {
	case len(parts) == 1:
		switch request.Method {
		case "GET", "HEAD":
			return a.level(parts[0])
		}
		return notAllowed("GET, HEAD")
	case len(parts) == 2 && parts[1] == "reservations":
		if request.Method == "POST" {
			return a.reserve(parts[0], request.Body)
		}
		return notAllowed("POST")
	case len(parts) == 3 && parts[1] == "reservations":
		switch request.Method {
		case "GET", "HEAD":
			return a.find(parts[0], parts[2])
		case "DELETE":
			return a.release(parts[0], parts[2])
		}
		return notAllowed("GET, HEAD, DELETE")
	}
	return problem(404, fmt.Sprintf("there is nothing at %s; try %s/tea", path, root))
}

// split gives the decoded parts of a path below the root; none if the path is not there.
func split(path string) ([]string, error) {
	below, ok := strings.CutPrefix(path, root+"/")
	if !ok {
		return nil, nil
	}
	parts := strings.Split(below, "/")
	for i, part := range parts {
		decoded, err := url.PathUnescape(part)
		if err != nil {
			return nil, fmt.Errorf("the path is malformed: %w", err)
		}
		if decoded == "" {
			return nil, nil
		}
		parts[i] = decoded
	}
	return parts, nil
}

func (a *API) level(sku string) Reply {
	level, err := a.Stock.Level(sku)
	if err != nil {
		return refused(err)
	}
	return reply(200, level)
}

func (a *API) reserve(sku string, body []byte) Reply {
	if len(body) > BodyLimit {
		return problem(413, "a reservation has at most 64 KiB")
	}
	var wanted struct {
		OrderID  int64 `json:"orderId"`
		Quantity int   `json:"quantity"`
	}
	if err := decode(body, &wanted); err != nil {
		return problem(400, err.Error())
	}
	switch {
	case wanted.OrderID < 1:
		return problem(400, "orderId: expected a whole number from 1")
	case wanted.Quantity < 1:
		return problem(400, "quantity: expected a whole number from 1")
	}
	made, err := a.Stock.Reserve(sku, wanted.OrderID, wanted.Quantity)
	if err != nil {
		return refused(err)
	}
	place := fmt.Sprintf("%s/%s/reservations/%s", root, url.PathEscape(sku), made.ID)
	return reply(201, made, Header{"location", place})
}

func (a *API) find(sku, id string) Reply {
	found, err := a.Stock.Find(sku, id)
	if err != nil {
		return refused(err)
	}
	return reply(200, found)
}

func (a *API) release(sku, id string) Reply {
	if err := a.Stock.Release(sku, id); err != nil {
		return refused(err)
	}
	return Reply{Status: 204}
}

// decode reads one JSON object, and nothing behind it.
func decode(body []byte, into any) error {
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(into); err != nil {
		var wrong *json.UnmarshalTypeError
		switch {
		case errors.As(err, &wrong) && wrong.Field != "":
			return fmt.Errorf("%s: expected a whole number, not %s", wrong.Field, wrong.Value)
		case errors.As(err, &wrong):
			return fmt.Errorf("expected a JSON object, not %s", wrong.Value)
		case errors.Is(err, io.EOF):
			return errors.New("the body is empty; expected a JSON object")
		}
		return fmt.Errorf("the body cannot be read: %w", err)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return errors.New("the body goes on behind its JSON object")
	}
	return nil
}

// refused is the problem that an error of the stock is.
func refused(err error) Reply {
	switch {
	case errors.Is(err, stock.ErrUnknown):
		return problem(404, err.Error())
	case errors.Is(err, stock.ErrShort):
		return problem(409, err.Error())
	}
	return problem(400, err.Error())
}

func notAllowed(allow string) Reply {
	refused := problem(405, "this path answers to "+allow)
	refused.Headers = append(refused.Headers, Header{"allow", allow})
	return refused
}

// problem says what went wrong, as application/problem+json (RFC 9457).
func problem(status int, detail string) Reply {
	content := struct {
		Status int    `json:"status"`
		Detail string `json:"detail"`
	}{status, detail}
	made := reply(status, content)
	made.Headers[0].Value = "application/problem+json"
	return made
}

func reply(status int, content any, headers ...Header) Reply {
	body, err := json.Marshal(content)
	if err != nil {
		// Only types that no program should give to JSON: channels, functions, loops.
		panic(err)
	}
	return Reply{Status: status, Headers: append([]Header{{"content-type", "application/json"}}, headers...), Body: body}
}
