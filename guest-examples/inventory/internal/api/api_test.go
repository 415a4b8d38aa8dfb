package api

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"wit_component/internal/stock"
)

func service() *API {
	return &API{Stock: stock.New(map[string]int{"tea": 10, "green tea": 1}, func() string { return "res-1" })}
}

func (r Reply) header(name string) string {
	for _, header := range r.Headers {
		if header.Name == name {
			return header.Value
		}
	}
	return ""
}

func TestStockIsToldAndReserved(t *testing.T) {
	a := service()
	reservations := "/api/inventory/tea/reservations"
	for _, step := range []struct {
		method, target, body string
		status               int
		want                 string
	}{
		{"GET", "/api/inventory/tea?of=today", "", 200, `{"sku":"tea","onHand":10,"reserved":0,"available":10}`},
		{"POST", reservations, `{"orderId":123,"quantity":4}`, 201, `{"reservationId":"res-1","sku":"tea","orderId":123,"quantity":4}`},
		{"HEAD", "/api/inventory/tea", "", 200, `{"sku":"tea","onHand":10,"reserved":4,"available":6}`},
		{"GET", reservations + "/res-1", "", 200, `{"reservationId":"res-1","sku":"tea","orderId":123,"quantity":4}`},
		{"DELETE", reservations + "/res-1", "", 204, ""},
		{"GET", "/api/inventory/tea", "", 200, `{"sku":"tea","onHand":10,"reserved":0,"available":10}`},
		{"GET", "/api/inventory/green%20tea", "", 200, `{"sku":"green tea","onHand":1,"reserved":0,"available":1}`},
	} {
		got := a.Answer(Request{step.method, step.target, []byte(step.body)})
		if got.Status != step.status || string(got.Body) != step.want {
			t.Errorf("%s %s: got %d %s; want %d %s", step.method, step.target, got.Status, got.Body, step.status, step.want)
		}
	}
}

func TestAReservationHasAPlace(t *testing.T) {
	made := service().Answer(Request{"POST", "/api/inventory/green%20tea/reservations", []byte(`{"orderId":1,"quantity":1}`)})
	if got, want := made.header("location"), "/api/inventory/green%20tea/reservations/res-1"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestWhatIsWrongIsTold(t *testing.T) {
	const tea, reservations = "/api/inventory/tea", "/api/inventory/tea/reservations"
	for _, test := range []struct {
		method, target, body string
		status               int
		mention              string
	}{
		{"GET", "/", "", 404, "nothing at /;"},
		{"GET", "/api/inventory", "", 404, "/api/inventory/tea"},
		{"GET", "/api/inventory/", "", 404, "nothing"},
		{"GET", tea + "/shelf", "", 404, "nothing"},
		{"GET", reservations + "/a/b", "", 404, "nothing"},
		{"GET", "/api/inventory/coffee", "", 404, "coffee"},
		{"GET", "/api/inventory/%zz", "", 400, "malformed"},
		{"GET", reservations + "/res-9", "", 404, "res-9"},
		{"DELETE", reservations + "/res-9", "", 404, "res-9"},
		{"DELETE", tea, "", 405, "GET, HEAD"},
		{"GET", reservations, "", 405, "POST"},
		{"POST", reservations + "/res-9", "", 405, "DELETE"},
		{"POST", "/api/inventory/coffee/reservations", `{"orderId":1,"quantity":1}`, 404, "coffee"},
		{"POST", reservations, `{"orderId":1,"quantity":11}`, 409, "10 of tea"},
		{"POST", reservations, ``, 400, "empty"},
		{"POST", reservations, `[]`, 400, "object"},
		{"POST", reservations, `{`, 400, "body"},
		{"POST", reservations, "\xff", 400, "body"},
		{"POST", reservations, `{"orderId":1,"quantity":1} {}`, 400, "goes on"},
		{"POST", reservations, `{"orderId":1,"quantity":1,"colour":"red"}`, 400, "colour"},
		{"POST", reservations, `{"quantity":1}`, 400, "orderId"},
		{"POST", reservations, `{"orderId":1}`, 400, "quantity"},
		{"POST", reservations, `{"orderId":1,"quantity":-1}`, 400, "quantity"},
		{"POST", reservations, `{"orderId":1,"quantity":1.5}`, 400, "quantity"},
		{"POST", reservations, `{"orderId":1,"quantity":"1"}`, 400, "quantity"},
		{"POST", reservations, `{"orderId":1,"quantity":99999999999999999999}`, 400, "quantity"},
		{"POST", reservations, strings.Repeat(" ", BodyLimit+1), 413, "64 KiB"},
	} {
		got := service().Answer(Request{test.method, test.target, []byte(test.body)})
		var told struct {
			Status int
			Detail string
		}
		if err := json.Unmarshal(got.Body, &told); err != nil {
			t.Errorf("%s %s: %v in %s", test.method, test.target, err, got.Body)
		}
		if got.Status != test.status || told.Status != test.status || !strings.Contains(told.Detail, test.mention) {
			t.Errorf("%s %s %.60s: got %d %s; want %d and %q", test.method, test.target, test.body, got.Status, got.Body, test.status, test.mention)
		}
		if kind := got.header("content-type"); kind != "application/problem+json" {
			t.Errorf("%s %s: content-type is %q", test.method, test.target, kind)
		}
	}
}

func FuzzAnswer(f *testing.F) {
	f.Add("POST", "/api/inventory/tea/reservations", []byte(`{"orderId":1,"quantity":1}`))
	f.Add("GET", "/api/inventory/%74ea", []byte{})
	f.Fuzz(func(t *testing.T, method, target string, body []byte) {
		got := service().Answer(Request{method, target, body})
		if got.Status < 200 || got.Status > 499 {
			t.Errorf("got %d", got.Status)
		}
		if got.Status != 204 && !json.Valid(bytes.TrimSpace(got.Body)) {
			t.Errorf("no JSON: %s", got.Body)
		}
	})
}
